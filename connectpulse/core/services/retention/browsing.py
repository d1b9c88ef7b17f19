"""Looking into the archives from the panel: some files a page, every search written down."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from ...domain.retention import RetentionRule
from ...errors import Refused
from ...storage import ids
from ...storage.models import Archive
from .. import audit
from ..work import Actor, Opener, Work
from . import archives, conditions, files, search
from .search import Wanted

FILES = 40
ROWS = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody looks for: a table, and what its rows must match."""

    table: str
    address: str = ""
    campaign_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def wanted(self) -> Wanted:
        return Wanted(self.address, self.campaign_id, self.since, self.until)


@dataclass(frozen=True, slots=True)
class Page:
    """Rows found in some files; `after` is where the next page begins, None at the end; `faults` name bad files."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    after: int | None
    faults: Sequence[str]


def tables(work: Work) -> list[str]:
    """Return the tables of which the work's organisation has archives."""
    mine = select(Archive.table_name).where(Archive.organisation_id == work.organisation_id)
    return sorted(set(work.session.scalars(mine.distinct())))


def newest(work: Work, limit: int = 50) -> Sequence[Archive]:
    """Return the newest archives of the work's organisation."""
    mine = select(Archive).where(Archive.organisation_id == work.organisation_id)
    return work.session.scalars(mine.order_by(Archive.id.desc()).limit(limit)).all()


def page(open_work: Opener, actor: Actor, organisation: int | None, asked: Asked, after: int = 0) -> Page:
    """Return the next rows that match, from at most `FILES` files, which are read while no session is open."""
    with open_work(actor, organisation) as work:
        columns = columns_of(work, asked.table)
        rule = work.registry.rules[asked.table]
        if not after:
            audit.record(work, "archive.searched", table=asked.table)
        listed = _listed(work, asked, after, FILES)
    found: list[dict[str, Any]] = []
    faults = []
    last: int | None = None
    for row in listed:
        last = row.id
        try:
            found += search.matching(archives.read(row), rule.age_column, asked.wanted, ROWS)
        except files.Damaged as fault:
            faults.append(str(fault))
        if len(found) >= ROWS:
            break
    has_more = len(found) >= ROWS or len(listed) == FILES
    return _shown(rule, columns, found, last if has_more else None, faults)


def _shown(
    rule: RetentionRule, columns: Sequence[str], found: list[dict[str, Any]], after: int | None, faults: list[str]
) -> Page:
    """Return a page of rows: when each was, what names a person, and whichever other columns say something."""
    names = [name for name in columns if any(row.get(name) not in (None, "") for row in found)]
    names.sort(key=lambda name: name not in rule.personal_columns)
    is_id = conditions.is_id(rule)

    def when(row: dict[str, Any]) -> str:
        age = row[rule.age_column]
        return f"{ids.moment(age) if is_id else age:%Y-%m-%d %H:%M}" if is_id or rule.parent is None else ""

    rows = [[when(row), *(row.get(name) for name in names)] for row in found]
    return Page(["when (UTC)", *names], rows, after, faults)


def _listed(work: Work, asked: Asked, after: int, limit: int) -> list[Archive]:
    return archives.listed(
        work, work.organisation_id, (asked.table,), since=asked.since, until=asked.until, after=after, limit=limit
    )


def columns_of(work: Work, table: str) -> list[str]:
    """Return the columns of a table that is archived; raise Refused if there is none of this name."""
    rule = work.registry.rules.get(table)
    if rule is None:
        raise Refused("There are no such records.")
    return [column.name for column in rule.model.__table__.columns]
