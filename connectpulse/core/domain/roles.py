"""The roles people hold, on the platform or in an organisation. What each may do is in `web.security.roles`."""

from typing import Final

PLATFORM_ADMINISTRATOR: Final = "Platform administrator"
AUDITOR: Final = "Auditor"
ORGANISATION_ADMINISTRATOR: Final = "Organisation administrator"
CAMPAIGN_MANAGER: Final = "Campaign manager"
APPROVER: Final = "Approver"
ANALYST: Final = "Analyst"

PLATFORM_ROLES: Final = frozenset({PLATFORM_ADMINISTRATOR, AUDITOR})
"""Roles held on the platform; the others are held in an organisation."""

ORGANISATION_ROLES: Final = (ORGANISATION_ADMINISTRATOR, CAMPAIGN_MANAGER, APPROVER, ANALYST)
