"""Roles as code: which permission on which page each role has. Nothing is allowed that is not written here.

A permission is a pair of verb and page: `read` on `Campaigns`. Pages name theirs in `class_permission_name`;
methods are mapped to verbs by `method_permission_name`. Plugins' pages are read by whoever may read anything
and changed by organisation administrators.
"""

from collections.abc import Mapping

from ...core.domain.roles import (
    ANALYST,
    APPROVER,
    AUDITOR,
    CAMPAIGN_MANAGER,
    ORGANISATION_ADMINISTRATOR,
    ORGANISATION_ROLES,
    PLATFORM_ADMINISTRATOR,
    PLATFORM_ROLES,
)

__all__ = [
    "ANALYST", "APPROVE", "APPROVER", "AUDITOR", "CAMPAIGN_MANAGER", "EXPLANATIONS", "LAUNCH",
    "ORGANISATION_ADMINISTRATOR", "ORGANISATION_ROLES", "PLATFORM_ADMINISTRATOR", "PLATFORM_ROLES", "READ", "REVOKE",
    "ROLES", "WRITE", "allows",
]  # fmt: skip

READ, WRITE, LAUNCH, APPROVE = "read", "write", "launch", "approve"
REVOKE = "revoke"

EXPLANATIONS: Mapping[str, str] = {
    PLATFORM_ADMINISTRATOR: "Runs the platform: organisations, connections, routes, plugins.",
    AUDITOR: "Reads everything, in every organisation, and changes nothing.",
    ORGANISATION_ADMINISTRATOR: "Does everything within the organisation, its members and settings included.",
    CAMPAIGN_MANAGER: "Manages contacts, templates and campaigns, and launches them.",
    APPROVER: "Approves or sends back campaigns that others launched.",
    ANALYST: "Reads campaigns, messages and replies.",
}

_AUDIENCE = ("Contacts", "Lists", "Fields", "Imports", "Suppressions")
_CONTENT = ("Templates", "Campaigns")
_LOG = ("Messages", "Inbound")
_HERE = (*_AUDIENCE, *_CONTENT, *_LOG, "Senders")
_PLATFORM = ("Organisations", "Connections", "Routes", "System", "Accounts", "Backups")
_API = ("API keys", "API requests")
_PROMISES = ("Operator", "Policy", "Support", "Agreements", "Announcements")
_RIGHTS = ("Requests", "Decisions")
_KEPT = ("Archives", "Holds", "RetentionRules")
_KEEPING = ("Holds", "RetentionRules")
_ALWAYS = {("read", "Home"), ("read", "Profile"), ("write", "Profile"), ("write", "Switch")}
_ALWAYS |= {(verb, page) for verb in (READ, WRITE) for page in ("Notices", "Help", "Consent")}


def _all(verb: str, pages: tuple[str, ...]) -> set[tuple[str, str]]:
    return {(verb, page) for page in pages}


ROLES: Mapping[str, frozenset[tuple[str, str]]] = {
    PLATFORM_ADMINISTRATOR: frozenset(
        _all(READ, (*_HERE, *_PLATFORM, "Members", "Audit", "Settings", "Plugins"))
        | _all(WRITE, (*_HERE, *_PLATFORM, "Members", "Settings", "Plugins"))
        | {(LAUNCH, "Campaigns"), (WRITE, "Messages")}
        | _all(READ, (*_API, *_PROMISES, *_RIGHTS, *_KEPT, "Retention"))
        | _all(WRITE, (*_PROMISES, *_KEEPING, "Requests", "Retention"))
        | _all(APPROVE, ("Holds", "Organisations", "Requests"))
        | {(REVOKE, "API keys")}
    ),
    AUDITOR: frozenset(
        _all(READ, (*_HERE, *_PLATFORM, *_API, *_PROMISES, *_RIGHTS, *_KEPT, "Retention"))
        | _all(READ, ("Members", "Audit", "Settings", "Plugins"))
    ),
    ORGANISATION_ADMINISTRATOR: frozenset(
        _all(READ, (*_HERE, "Members", "Audit", "Settings", "Plugins"))
        | _all(WRITE, (*_HERE, "Members", "Settings", "Plugins"))
        | {(LAUNCH, "Campaigns")}
        | _all(READ, (*_API, *_RIGHTS, *_KEPT))
        | _all(WRITE, ("API keys", *_KEEPING, "Requests"))
        | _all(APPROVE, ("Holds", "Requests"))
        | {(REVOKE, "API keys")}
    ),
    CAMPAIGN_MANAGER: frozenset(
        _all(READ, (*_HERE, "Plugins")) | _all(WRITE, (*_AUDIENCE, *_CONTENT)) | {(LAUNCH, "Campaigns")}
    ),
    APPROVER: frozenset(
        _all(READ, (*_CONTENT, *_LOG, "Lists", "Senders"))
        | {(APPROVE, "Campaigns")}
        | _all(READ, _RIGHTS)
        | {(APPROVE, "Requests")}
    ),
    ANALYST: frozenset(_all(READ, (*_CONTENT, *_LOG, "Lists", "Plugins"))),
}


def allows(roles: frozenset[str], verb: str, page: str) -> bool:
    """Return whether one of `roles` may do `verb` on `page`; everybody signed in may do the things of all."""
    if (verb, page) in _ALWAYS:
        return True
    return any((verb, page) in ROLES.get(role, frozenset()) for role in roles)
