"""What the platform keeps of people, read off the declared columns, and held against what the policy names."""

import re
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import select

from ...domain import policy_text
from ...domain.personal import Personal, Use, kind_of
from ...domain.retention import RetentionRule, Then
from ...registry import Registry
from ...storage import migrate
from ...storage.models import PolicyVersion
from ..work import Work

COLLECTED = "information we collect"
USED = "how we use"

_ENDS = {Then.PURGE: "deleted", Then.ARCHIVE: "archived", Then.ANONYMISE: "made anonymous"}


class Line(NamedTuple):
    """One personal column: where it is, what it holds, why, for how long, and whether people find it."""

    owner: str
    table: str
    column: str
    kind: Personal | None
    purpose: str
    kept: str
    is_found: bool

    @property
    def uses(self) -> str:
        """What it may be read for, in the policy's words."""
        return ", ".join(use.value for use in Use if self.kind and use in self.kind.uses)

    @property
    def category(self) -> str:
        """The category the policy puts it in; empty if no policy can name it."""
        return self.kind.category.value if self.kind else ""


def lines(registry: Registry) -> list[Line]:
    """Return every personal column of core, of Flask-AppBuilder and of every plugin, muted ones included."""
    found = [
        Line(
            owner=_owner(rule), table=rule.model.__tablename__, column=column, kind=kind_of(column, rule.kinds),
            purpose=rule.purpose, kept=_kept(rule), is_found=rule.model.__tablename__ in registry.subjects,
        )
        for rule in registry.rules.values()
        for column in rule.personal_columns
    ]  # fmt: skip
    return sorted(found, key=lambda line: (line.category, line.owner, line.table, line.column))


def _owner(rule: RetentionRule) -> str:
    table = rule.model.__table__
    owner = migrate.owner(table)
    return "accounts" if owner == migrate.CORE and table.name.startswith("ab_") else owner


def _kept(rule: RetentionRule) -> str:
    if rule.keep is None:
        return "as long as its owner exists"
    return f"{_length(rule.keep)}, then {_ENDS[rule.then]}"


def _length(keep: timedelta) -> str:
    return f"{keep.days} days" if keep.days else f"{keep.seconds // 3600} hours"


def unnamed(registry: Registry, text: str) -> list[str]:
    """Return one sentence per kind of data that is kept, and per use of it, that a policy's text does not name."""
    collected, used = _said(text, COLLECTED), _said(text, USED)
    kept: dict[Personal, list[str]] = {}
    for line in lines(registry):
        if line.kind is not None:
            kept.setdefault(line.kind, []).append(f"{line.table}.{line.column}")
    faults = [
        f"It does not name {kind.value} under {COLLECTED.title()!r}, which {places[0]} holds."
        for kind, places in kept.items()
        if not _names(collected, kind.value)
    ]
    needed = {use for kind in kept for use in kind.uses}
    return faults + [
        f"It does not name {use.value!r} under {USED.capitalize()!r}, which information is used for."
        for use in Use
        if use in needed and not _names(used, use.value)
    ]


def _said(text: str, heading: str) -> str:
    return " ".join((policy_text.section(text, heading) or "").casefold().split())


def _names(said: str, what: str) -> bool:
    return re.search(rf"\b{re.escape(what.casefold())}\b", said) is not None


def faults(work: Work) -> list[str]:
    """Return what is kept and the policy in force does not name, for `connectpulse check`; none without a policy."""
    wanted = (
        select(PolicyVersion.text)
        .where(PolicyVersion.published_at.is_not(None), PolicyVersion.effective_on <= work.clock().date())
        .order_by(PolicyVersion.effective_on.desc(), PolicyVersion.id.desc())
    )
    text = work.session.scalar(wanted.limit(1))
    missing = unnamed(work.registry, text) if text is not None else []
    return [f"The privacy policy in force: {fault[0].lower()}{fault[1:]}" for fault in missing]
