"""Merging small archive files of one organisation, table and month into one, so that a search opens few.

Files of about the same number of rows are merged, ten at the least, so each row is written anew three times at
most. The new file is written and read back first; then one transaction takes the old ones out of the catalogue and
puts the new one in. A kill at any moment leaves each row in exactly one place. The old files stay in the store,
without their keys, as long as a backup may be restored whose catalogue knows them.
"""

import secrets
import time
from collections.abc import Sequence
from typing import NamedTuple

import structlog
from sqlalchemy import delete, or_, select, text, update

from ...errors import PulseError
from ...storage.columnar import Columns, pa
from ...storage.models import Archive, Hold, MergedFile
from ..work import SYSTEM, Opener, Work
from . import archives, clock, files, holds

log = structlog.get_logger(__name__)

SMALL = 10_000
"""A file of fewer rows is small: ten of them are what is held in memory at once."""
FEWEST = 10
"""So many small files of about one size are merged; fewer are left alone."""
ROWS = 100_000
"""Rows of a merged file, at most."""
MERGES = 50
SECONDS = 60.0
"""Merges of one run, and how long it takes to begin them."""


class Group(NamedTuple):
    """Files that may become one."""

    organisation: int | None
    table: str
    month: str
    ids: tuple[int, ...]


_GROUPS = text(
    """
    SELECT organisation_id, table_name, month, array_agg(id ORDER BY id), array_agg(rows ORDER BY id)
    FROM pulse_archive WHERE rows BETWEEN 1 AND :small - 1
    GROUP BY organisation_id, table_name, month, length(rows::text) HAVING count(*) >= :fewest
    ORDER BY count(*) DESC LIMIT :merges
    """
)


def merge_due(open_work: Opener) -> int:
    """Merge what is to be merged, within the bounds of one run; return how many files became fewer.

    Done by whoever holds the lease of retention. Cost: one look through the catalogue, and the rows merged.
    """
    with open_work(SYSTEM) as work:
        found = groups(work)
    until, fewer = time.monotonic() + SECONDS, 0
    for group in found:
        if time.monotonic() > until:
            break
        fewer += merge(open_work, group)
    return fewer


def groups(work: Work) -> list[Group]:
    """Return files that are small, alike, many and not held: of each sort as many as fit into one file."""
    bounds = {"small": SMALL, "fewest": FEWEST, "merges": MERGES}
    found = work.session.execute(_GROUPS, bounds).all()
    return [
        Group(organisation, table, month, _fitting(ids, rows))
        for organisation, table, month, ids, rows in found
        if not _is_held(work, table, organisation)
    ]


def _fitting(ids: Sequence[int], rows: Sequence[int]) -> tuple[int, ...]:
    taken, total = [], 0
    for id, count in zip(ids, rows, strict=True):
        total += count
        if total > ROWS:
            break
        taken.append(id)
    return tuple(taken)


def _is_held(work: Work, table: str, organisation: int | None) -> bool:
    """Return whether a hold covers these files: on the records, the organisation, or a person who may be in them."""
    if holds.covers(work, table, organisation) is not None:
        return True
    person = select(Hold.id).where(Hold.kind == holds.SUBJECT, Hold.lifted_at.is_(None))
    if organisation is not None:
        person = person.where(or_(Hold.organisation_id == organisation, Hold.organisation_id.is_(None)))
    return work.session.scalar(person.limit(1)) is not None


def merge(open_work: Opener, group: Group) -> int:
    """Make one file of a group's; return how many files became fewer, 0 if somebody else writes one of them anew."""
    me = secrets.token_hex(16)
    taken: list[Archive] = []
    try:
        for archive_id in group.ids:
            row = archives.lease(open_work, archive_id, me)
            if row is not None and row.writer == me:
                taken.append(row)
        read = _readable(taken)
        if len(read) < 2:
            return 0
        _replace(open_work, me, [row for row, _ in read], [rows for _, rows in read])
    except archives.Busy as busy:
        log.warning("archives_not_merged", reason=str(busy))
        return 0
    finally:
        with archives.reaching(open_work) as work:
            mine = update(Archive).where(Archive.id.in_(group.ids), Archive.writer == me)
            work.session.execute(mine.values(writer="", lease_until=None))
    return len(read) - 1


def _readable(rows: Sequence[Archive]) -> list[tuple[Archive, Columns]]:
    """Return the files with their rows, without those that are damaged: they stay as they are, for the check."""
    found = []
    for row in rows:
        try:
            found.append((row, archives.read(row)))
        except files.Damaged as fault:
            log.warning("archive_damaged", reason=str(fault))
    return found


def _replace(open_work: Opener, me: str, old: Sequence[Archive], tables: Sequence[Columns]) -> None:
    """Write the new file, then put it in place of the old ones; raise Busy, and change nothing, if they are not ours.

    Whether that transaction was committed cannot be told for certain if it fails: the new file stays, and is swept
    if it was not.
    """
    rows = pa.concat_tables([each.replace_schema_metadata(None) for each in tables], promote_options="default")
    first = old[0]
    age = (min(row.first_at for row in old), max(row.last_at for row in old))
    new = archives.write(first.table_name, first.organisation_id, first.month, rows, age)
    with archives.reaching(open_work) as work:
        work.session.execute(text("LOCK TABLE pulse_hold IN SHARE MODE"))
        now = clock.now(work)
        ours = delete(Archive).where(
            Archive.id.in_([row.id for row in old]), Archive.writer == me, Archive.lease_until > now
        )
        gone = work.session.execute(
            ours.returning(Archive.name, Archive.rows), execution_options={"synchronize_session": False}
        ).all()
        if len(gone) != len(old) or _is_held(work, first.table_name, first.organisation_id):
            raise archives.Busy("Files were taken over or held meanwhile; they stay as they are.")
        if sum(count for _, count in gone) != new.rows:
            raise PulseError("A merged archive would hold another number of rows: nothing was changed.")
        work.session.add(new)
        work.session.add_all(
            MergedFile(name=name, organisation_id=first.organisation_id, kept_in=new.name, merged_at=work.clock())
            for name, _ in gone
        )
        work.session.flush()
    log.info("archives_merged", files=len(old), rows=rows.num_rows)
