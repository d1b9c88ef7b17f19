"""The steps of retention: each is one bounded transaction that may be run again, and looks at the holds itself."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

import structlog
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from ...domain.retention import RetentionRule, Then
from ...errors import PulseError
from ...storage import ids, leaves
from ...storage.columnar import Columns
from ...storage.leaves import Leaf
from ...storage.models import Archive
from ...storage.stores import places
from ..work import SYSTEM, Opener, Work
from . import archives, conditions, files, holds
from .terms import Slice

log = structlog.get_logger(__name__)

PURGED = 50_000
ARCHIVED = 20_000
"""Rows of one step: what is locked, and for archives what is held in memory, at once."""
_TRIES = 3


class Changed(PulseError):
    """Rows were changed while they were archived; they stay, and are taken by the next run."""


@dataclass(slots=True)
class Tally:
    """What was done for one rule."""

    found: int = 0
    archived: int = 0
    deleted: int = 0
    anonymised: int = 0
    dropped: int = 0
    digests: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not (self.found or self.dropped)


class Row(NamedTuple):
    """A row to be archived: where it lies, who wrote it last, whose it is, how old it is, its columns."""

    place: str
    writer: str
    organisation: int | None
    aged_at: datetime
    values: tuple[Any, ...]


def condition(work: Work, rule: RetentionRule, part: Slice) -> str:
    """Return what rows of a slice may go, with the holds of this moment; none is placed until the step ends."""
    work.session.execute(text("LOCK TABLE pulse_hold IN SHARE MODE"))
    return conditions.over(work, rule, part, holds.all_standing(work))


def any_may_go(work: Work, rule: RetentionRule, part: Slice, leaf: Leaf) -> bool:
    """Return whether a leaf holds a row that may go; one is looked for, by the index of the rule's age."""
    may_go = conditions.over(work, rule, part, holds.all_standing(work))
    _, still = conditions.emptied(rule) if rule.then is Then.ANONYMISE else ("", "true")
    found = work.session.connection().exec_driver_sql(
        f"SELECT EXISTS (SELECT 1 FROM {rows_of(rule, leaf)} WHERE {may_go} AND {still})", {}
    )
    return bool(found.scalar_one())


def rows_of(rule: RetentionRule, leaf: Leaf) -> str:
    """Return the FROM clause of a leaf under its table's name, as conditions call it."""
    return f'"{leaf.name}" AS "{rule.table}"'


def purge(open_work: Opener, rule: RetentionRule, part: Slice, leaf: Leaf, tally: Tally) -> None:
    """Delete the rows of a slice that may go, or empty their personal columns, step by step. O(rows)."""
    is_anonymised = rule.then is Then.ANONYMISE
    sets, still = conditions.emptied(rule) if is_anonymised else ("", "true")
    start = "(0,0)"
    while True:
        with open_work(SYSTEM) as work:
            may_go = f"{condition(work, rule, part)} AND {still}"
            chosen = (
                f'"{rule.table}".ctid = ANY(ARRAY(SELECT ctid FROM {rows_of(rule, leaf)} '
                f"WHERE ctid >= %(start)s::tid AND {may_go} LIMIT %(batch)s)) AND {may_go}"
            )
            act = f"UPDATE {rows_of(rule, leaf)} SET {sets}" if is_anonymised else f"DELETE FROM {rows_of(rule, leaf)}"
            count, last = work.session.connection().exec_driver_sql(
                f'WITH gone AS ({act} WHERE {chosen} RETURNING "{rule.table}".ctid AS at) '
                "SELECT count(*), max(at)::text FROM gone",
                {"start": start, "batch": PURGED},
            ).one()  # fmt: skip
        tally.found += count
        tally.anonymised += count if is_anonymised else 0
        tally.deleted += 0 if is_anonymised else count
        if count < PURGED and start == "(0,0)":
            return
        # Rows that a scan by another index left behind are found from the beginning once more.
        start = last if count == PURGED and not is_anonymised else "(0,0)"


def archive(open_work: Opener, rule: RetentionRule, part: Slice, leaf: Leaf, tally: Tally) -> None:
    """Archive and delete the rows of a slice that may go, step by step. O(rows)."""
    tries = _TRIES
    while True:
        with open_work(SYSTEM) as work:
            rows = _read(work, rule, leaf, condition(work, rule, part))
        if not rows:
            return
        try:
            _move(open_work, rule, part, leaf, rows, tally)
        except Changed:
            tries -= 1
            if not tries:
                raise


def _read(work: Work, rule: RetentionRule, leaf: Leaf, may_go: str) -> list[Row]:
    columns = ", ".join(f'"{rule.table}"."{column.name}"' for column in rule.model.__table__.columns)
    owner = f'"{rule.table}".organisation_id' if "organisation_id" in rule.model.__table__.columns else "NULL"
    found = work.session.connection().exec_driver_sql(
        f'SELECT "{rule.table}".ctid::text, "{rule.table}".xmin::text, {owner}, {_age(work, rule)}, {columns} '
        f"FROM {rows_of(rule, leaf)} WHERE {may_go} LIMIT %(limit)s",
        {"limit": ARCHIVED},
    )
    is_id = conditions.is_id(rule)
    now = work.clock()
    return [
        Row(row[0], row[1], row[2], ids.moment(row[3]) if is_id else (row[3] or now), tuple(row[4:])) for row in found
    ]


def _age(work: Work, rule: RetentionRule) -> str:
    if rule.parent is None:
        return f'"{rule.table}"."{rule.age_column}"'
    parent = work.registry.rules[rule.parent.__tablename__]
    return f'(SELECT p."{parent.age_column}" FROM "{parent.table}" p WHERE p.id = "{rule.table}"."{rule.age_column}")'


def _move(
    open_work: Opener, rule: RetentionRule, part: Slice, leaf: Leaf, rows: Sequence[Row], tally: Tally
) -> None:  # fmt: skip
    """Write rows to archives, then delete exactly these and catalogue the files in one transaction.

    Whether that transaction was committed cannot be told for certain if it fails: the files stay, and those that
    were not catalogued are swept.
    """
    written = _write(rule, rows)
    with open_work(SYSTEM) as work:
        _delete(work, rule, part, leaf, rows)
        _catalogue(work, written, len(rows))
    tally.found += len(rows)
    tally.archived += len(rows)
    tally.deleted += len(rows)
    tally.digests += [each.digest for each in written]


def _write(rule: RetentionRule, rows: Sequence[Row]) -> list[Archive]:
    shape = files.schema(rule.model.__table__)

    def heap(row: Row) -> tuple[int, str]:
        return (row.organisation or 0, f"{row.aged_at:%Y-%m}")

    made: list[Archive] = []
    with _taken_back(made):
        for (_, month), group in groupby(sorted(rows, key=lambda row: (heap(row), row.aged_at)), heap):
            some = list(group)
            table: Columns = files.table_of(shape, [row.values for row in some])
            age = (some[0].aged_at, some[-1].aged_at)
            made.append(archives.write(rule.table, some[0].organisation, month, table, age))
    return made


@contextmanager
def _taken_back(written: Sequence[Archive]) -> Iterator[None]:
    """Delete the files again if not all of them could be written; no row of theirs was touched yet."""
    try:
        yield
    except Exception:
        for each in written:
            places.archive.delete(each.name)
        raise


def _delete(work: Work, rule: RetentionRule, part: Slice, leaf: Leaf, rows: Sequence[Row]) -> None:
    """Delete the rows just as they were read; raise Changed, and so delete none, if one of them is not."""
    deleted = work.session.connection().exec_driver_sql(
        f"DELETE FROM {rows_of(rule, leaf)} USING unnest(%(places)s::tid[], %(writers)s::text[]) AS read (at, writer) "
        f'WHERE "{rule.table}".ctid = read.at AND "{rule.table}".xmin::text = read.writer '
        f"AND {condition(work, rule, part)}",
        {"places": [row.place for row in rows], "writers": [row.writer for row in rows]},
    )
    if deleted.rowcount != len(rows):
        raise Changed(f"{rule.table}: rows changed while they were archived; they stay until the next run.")


def _catalogue(work: Work, written: Sequence[Archive], deleted: int) -> None:
    if sum(each.rows for each in written) != deleted:
        raise Changed("An archive would hold another number of rows than were deleted: nothing was deleted.")
    work.session.add_all(written)
    work.session.flush()


def drop(open_work: Opener, rule: RetentionRule, parts: Sequence[Slice], leaf: Leaf, tally: Tally) -> bool:
    """Drop a partition that is over as a whole, if each of its rows may go; return whether it is gone.

    Of an archived table it must be empty. Writers wait while it is looked through, readers while it goes.
    """
    try:
        with open_work(SYSTEM) as work:
            connection = work.session.connection()
            connection.execute(text("SET LOCAL lock_timeout = '3s'"))
            connection.execute(text(f'LOCK TABLE "{leaf.name}" IN SHARE MODE'))
            may_go = " OR ".join(f"({condition(work, rule, part)})" for part in parts)
            keeps = "true" if rule.then is not Then.PURGE else f"NOT coalesce({may_go}, false)"
            count, kept = connection.exec_driver_sql(
                f"SELECT count(*), count(*) FILTER (WHERE {keeps}) FROM {rows_of(rule, leaf)}"
            ).one()
            if kept:
                return False
            leaves.lock(connection, leaf)
            leaves.drop(connection, leaf)
    except OperationalError as error:
        log.warning("partition_busy", partition=leaf.name, error=type(error).__name__)
        return False
    tally.found += count
    tally.deleted += count
    tally.dropped += 1
    return True


def archive_whole(open_work: Opener, rule: RetentionRule, parts: Sequence[Slice], leaf: Leaf, tally: Tally) -> bool:
    """Archive a partition as a whole and drop it, for tables in which nothing may be deleted singly."""
    written: list[Archive] = []
    with open_work(SYSTEM) as work:
        before = _fingerprint(work, rule, leaf)
        may_go = " OR ".join(f"({condition(work, rule, part)})" for part in parts)
        if _count(work, rule, leaf, f"NOT coalesce({may_go}, false)"):
            return False
    with _taken_back(written):
        for rows in _windows(open_work, rule, leaf):
            written += _write(rule, rows)
    with open_work(SYSTEM) as work:
        connection = work.session.connection()
        may_go = " OR ".join(f"({condition(work, rule, part)})" for part in parts)
        leaves.lock(connection, leaf)
        is_held = _count(work, rule, leaf, f"NOT coalesce({may_go}, false)")
        if is_held or _fingerprint(work, rule, leaf) != before:
            raise Changed(f"{leaf.name} changed while it was archived; it stays until the next run.")
        _catalogue(work, written, before[0])
        if rule.before_drop is not None:
            rule.before_drop(work, leaf.high or 0)
        leaves.drop(connection, leaf)
    tally.found += before[0]
    tally.archived += before[0]
    tally.deleted += before[0]
    tally.dropped += 1
    tally.digests += [each.digest for each in written]
    return True


def _windows(open_work: Opener, rule: RetentionRule, leaf: Leaf) -> Iterator[list[Row]]:
    """Yield a leaf's rows in the order of their ids, some at a time."""
    after = -1
    key = f'"{rule.table}"."{rule.age_column}"'
    while True:
        with open_work(SYSTEM) as work:
            rows = _read(work, rule, leaf, f"{key} > {after:d} ORDER BY {key}")
            last = list(rule.model.__table__.columns.keys()).index(rule.age_column)
        if not rows:
            return
        after = rows[-1].values[last]
        yield rows


def _fingerprint(work: Work, rule: RetentionRule, leaf: Leaf) -> tuple[int, str]:
    """Return how many rows there are, and a sum over all they say."""
    count, total = work.session.connection().exec_driver_sql(
        f'SELECT count(*), coalesce(sum(hashtextextended("{rule.table}"::text, 0)), 0)::text '
        f"FROM {rows_of(rule, leaf)}"
    ).one()  # fmt: skip
    return int(count), str(total)


def _count(work: Work, rule: RetentionRule, leaf: Leaf, where: str) -> int:
    found = work.session.connection().exec_driver_sql(f"SELECT count(*) FROM {rows_of(rule, leaf)} WHERE {where}")
    return int(found.scalar_one())
