"""The roles people hold, on the platform or in an organisation. What each may do is in `web.security.roles`."""

from dataclasses import dataclass
from typing import Final

PLATFORM_ADMINISTRATOR: Final = "Platform administrator"
AUDITOR: Final = "Auditor"
ORGANISATION_ADMINISTRATOR: Final = "Organisation administrator"
CAMPAIGN_MANAGER: Final = "Campaign manager"
APPROVER: Final = "Approver"
ANALYST: Final = "Analyst"
AGENT: Final = "Agent"


@dataclass(frozen=True, slots=True)
class Role:
    """What somebody is, on the platform or in one organisation; `explanation` is read by whoever gives it.

    A plugin's pages say which roles may do what on them (`View.may`). `reads` names pages of core that a role
    may look at besides, like `Audit` or `Decisions`. A name has at most 40 characters, and stays: people hold it.
    """

    name: str
    explanation: str
    is_platform: bool = False
    reads: tuple[str, ...] = ()


CORE: Final = (
    Role(PLATFORM_ADMINISTRATOR, "Runs the platform: organisations, connections, routes, plugins.", is_platform=True),
    Role(AUDITOR, "Reads everything, in every organisation, and changes nothing.", is_platform=True),
    Role(ORGANISATION_ADMINISTRATOR, "Does everything within the organisation, its members and settings included."),
    Role(CAMPAIGN_MANAGER, "Manages contacts, templates and campaigns, and launches them."),
    Role(APPROVER, "Approves or sends back campaigns that others launched."),
    Role(AGENT, "Reads what people write back and answers them."),
    Role(ANALYST, "Reads campaigns, messages and replies."),
)
"""The roles every site has."""

PLATFORM_ROLES: Final = frozenset(role.name for role in CORE if role.is_platform)
"""Core's roles held on the platform; the others are held in an organisation."""

ORGANISATION_ROLES: Final = tuple(role.name for role in CORE if not role.is_platform)
