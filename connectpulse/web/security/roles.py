"""Roles as code: which permission on which page each role has. Nothing is allowed that is not written here.

A permission is a pair of verb and page: `read` on `Campaigns`. Pages name theirs in `class_permission_name`;
methods are mapped to verbs by `method_permission_name`. Plugins' pages say themselves which roles may do what
on them, and plugins bring roles of their own; those that say nothing are read by whoever may read anything and
changed by organisation administrators.
"""

from collections.abc import Mapping

from ...core.domain.faces import View
from ...core.domain.roles import (
    AGENT,
    ANALYST,
    APPROVER,
    AUDITOR,
    CAMPAIGN_MANAGER,
    ORGANISATION_ADMINISTRATOR,
    ORGANISATION_ROLES,
    PLATFORM_ADMINISTRATOR,
    PLATFORM_ROLES,
)
from ...core.registry import Registry

__all__ = [
    "AGENT", "ANALYST", "APPROVE", "APPROVER", "AUDITOR", "CAMPAIGN_MANAGER", "LAUNCH",
    "ORGANISATION_ADMINISTRATOR", "ORGANISATION_ROLES", "PLATFORM_ADMINISTRATOR", "PLATFORM_ROLES", "PLUGIN_PAGES",
    "READ", "REVOKE", "ROLES", "WRITE", "Rights", "allows", "choices", "page_of", "rights",
]  # fmt: skip

READ, WRITE, LAUNCH, APPROVE = "read", "write", "launch", "approve"
REVOKE = "revoke"

PLUGIN_PAGES = "Plugins"
"""The page of all plugins' pages that do not say who may do what on them."""

Rights = Mapping[str, frozenset[tuple[str, str]]]
"""What each role may do, as pairs of verb and page."""

_AUDIENCE = ("Contacts", "Lists", "Fields", "Imports", "Suppressions", "Consents")
_CONTENT = ("Templates", "Files", "Campaigns")
_LOG = ("Messages", "Inbound")
_INBOX = ("Inbox", "Canned answers")
_HERE = (*_AUDIENCE, *_CONTENT, *_LOG, *_INBOX, "Senders")
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


ROLES: Rights = {
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
        _all(READ, (*_HERE, "Plugins")) | _all(WRITE, (*_AUDIENCE, *_CONTENT, *_INBOX)) | {(LAUNCH, "Campaigns")}
    ),
    APPROVER: frozenset(
        _all(READ, (*_CONTENT, *_LOG, "Lists", "Senders"))
        | {(APPROVE, "Campaigns")}
        | _all(READ, _RIGHTS)
        | {(APPROVE, "Requests")}
    ),
    AGENT: frozenset(_all(READ, (*_LOG, *_INBOX, "Contacts")) | {(WRITE, "Inbox")}),
    ANALYST: frozenset(_all(READ, (*_CONTENT, *_LOG, "Lists", "Plugins"))),
}


PAGES = frozenset(page for allowed in (*ROLES.values(), _ALWAYS) for _, page in allowed)
"""Core's pages; no plugin gives rights on them but to look, by `Role.reads`."""


def page_of(view: View) -> str:
    """Return the page of a plugin's view, which its rights are on."""
    named = getattr(view.cls, "class_permission_name", None)
    return str(named or (view.label if view.may else PLUGIN_PAGES))


def rights(registry: Registry) -> Rights:
    """Return what every role of a site may do: core's rights, and those on the pages of its plugins."""
    found = {name: set(ROLES.get(name, ())) for name in registry.roles}
    for role in registry.roles.values():
        found[role.name] |= {(READ, page) for page in role.reads}
    for view in registry.views:
        page = page_of(view)
        if view.may and page not in PAGES:
            found[AUDITOR].add((READ, page))
            for verb, names in view.may.items():
                for name in names:
                    found[name].add((verb, page))
    return {name: frozenset(allowed) for name, allowed in found.items()}


def choices(registry: Registry, *, on_platform: bool) -> tuple[tuple[str, str], ...]:
    """Return the roles one can be given on the platform or in an organisation, for a form; the least mighty first."""
    held = registry.roles_held(on_platform=on_platform).values()
    return tuple((role.name, f"{role.name}: {role.explanation}") for role in reversed(held))


def allows(roles: frozenset[str], verb: str, page: str, given: Rights = ROLES) -> bool:
    """Return whether one of `roles` may do `verb` on `page`; everybody signed in may do the things of all."""
    if (verb, page) in _ALWAYS:
        return True
    return any((verb, page) in given.get(role, frozenset()) for role in roles)
