"""The archives of the house: written, checked, found in, and forgotten from; the catalogue says what there is.

An erased person's values are written over in place, under the file's own name and key: a kill leaves the file
whole, old or new, and a catalogue that is behind (restored from a backup, say) still reads it. A file older
than the catalogue knows it is refused.
"""

import hashlib
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from sqlalchemy import Select, select, update

from ...domain.retention import Rows, Subject
from ...errors import NotFound, PulseError
from ...storage import guard
from ...storage.base import Table
from ...storage.columnar import Columns
from ...storage.models import Archive, ArchiveExport, MergedFile
from ...storage.stores import places
from ...storage.trust import trust
from ..work import SYSTEM, Opener, Work
from . import clock, files, holds, search

log = structlog.get_logger(__name__)

Row = TypeVar("Row", bound=Table)

ORPHANED = timedelta(hours=1)
"""A file that nobody knows is left alone this long, except for the run that may still catalogue it."""
LEASE = timedelta(minutes=10)
"""How long writing one file anew may take."""
PATIENCE = 60.0
"""Seconds to wait for somebody else who writes the same file anew."""


class Busy(PulseError):
    """Somebody else writes the same archive anew."""


def site() -> str:
    """Return the folder of this site in the store: another site's files are never touched."""
    return hashlib.sha256(trust.key("archives")).hexdigest()[:12]


def write(table: str, organisation: int | None, month: str, rows: Columns, age: tuple[datetime, datetime]) -> Archive:
    """Write rows to a new file, read it back, and return its catalogue entry, not yet stored; raise Damaged."""
    folder = organisation if organisation is not None else "platform"
    name = f"{site()}/{folder}/{table}/{month}/{secrets.token_hex(12)}.parquet.aes"
    key = files.new_key()
    content = files.sealed(name, key, rows, 1)
    store = places.archive
    store.put(name, content)
    again, _ = files.opened(name, key, store.get(name))
    if not again.equals(rows):
        store.delete(name)
        raise files.Damaged(f"The archive {name} did not read back as it was written.")
    return Archive(
        organisation_id=organisation, table_name=table, month=month, name=name, rows=rows.num_rows,
        size=len(content), digest=_digest(content), key={"key": key.hex()}, first_at=age[0], last_at=age[1],
    )  # fmt: skip


def read(row: Archive) -> Columns:
    """Return the rows of an archive; raise Damaged, naming it, if it is lost, changed, or an older version."""
    return _read(row)[0]


def _read(row: Archive) -> tuple[Columns, int]:
    try:
        content = places.archive.get(row.name)
    except NotFound:
        raise files.Damaged(f"The archive {row.name} is missing.") from None
    rows, generation = files.opened(row.name, bytes.fromhex(row.key["key"]), content)
    if rows.num_rows != row.rows or generation < row.generation:
        raise files.Damaged(f"The archive {row.name} is not the one in the catalogue, but an older one.")
    if generation == row.generation and _digest(content) != row.digest:
        raise files.Damaged(f"The archive {row.name} is not the one in the catalogue, but another of its generation.")
    return rows, generation


def listed(
    work: Work, organisation: int | None, tables: tuple[str, ...] = (), *, is_all: bool = False,
    since: datetime | None = None, until: datetime | None = None, after: int = 0, limit: int | None = None,
) -> list[Archive]:  # fmt: skip
    """Return catalogue entries by id: of one organisation (None is the platform's own), or `is_all` of everyone."""
    wanted = matching(organisation, tables, since, until, is_all=is_all).where(Archive.id > after)
    return list(work.session.scalars(wanted.limit(limit) if limit else wanted))


def matching(
    organisation: int | None, tables: tuple[str, ...], since: datetime | None, until: datetime | None, *,
    is_all: bool = False,
) -> Select[tuple[Archive]]:  # fmt: skip
    """Return the question for the catalogue entries that `listed` returns, by id."""
    wanted = select(Archive).order_by(Archive.id)
    if not is_all:
        wanted = wanted.where(Archive.organisation_id == organisation)
    if tables:
        wanted = wanted.where(Archive.table_name.in_(tables))
    if since is not None:
        wanted = wanted.where(Archive.last_at >= since)
    return wanted.where(Archive.first_at < until) if until is not None else wanted


def alone(work: Work, model: type[Row], id: int) -> Row | None:
    """Return a row apart from any session, to be read when none is open; None if it is gone."""
    with guard.platform_scope(work.session, "read a row apart"):
        row = work.session.get(model, id, populate_existing=True)
    if row is not None:
        work.session.expunge(row)
    return row


def _theirs(work: Work, subject: Subject) -> list[Archive]:
    """Return the archives a person may be in: of tables that hold personal columns."""
    tables = tuple(name for name, rule in work.registry.rules.items() if rule.personal_columns)
    return listed(work, subject.organisation_id, tables, is_all=subject.organisation_id is None)


def find(open_work: Opener, subject: Subject) -> Rows:
    """Yield the person's rows in every archive: `table`, `archive`, and the personal columns; a file at a time.

    Files are read while no session is open: the caller holds none either.
    """
    with reaching(open_work) as work:
        registry = work.registry
    for row in export(open_work, subject):
        columns = registry.rules[row["table"]].personal_columns
        yield {"table": row["table"], "archive": row["archive"], **{name: row.get(name) for name in columns}}


def export(open_work: Opener, subject: Subject) -> Rows:
    """Yield the person's rows in every archive with all their columns, as `find` names them."""
    with reaching(open_work) as work:
        registry, theirs = work.registry, _theirs(work, subject)
    for row in theirs:
        try:
            rows = read(row)
        except files.Damaged:
            if is_known(open_work, row.id):
                raise
            continue  # its time was over meanwhile
        for found in search.of_person(registry, row.table_name, rows, subject).to_pylist():
            yield {"table": row.table_name, "archive": row.name, **found}


def is_known(open_work: Opener, archive_id: int) -> bool:
    """Return whether the catalogue still has an archive."""
    with reaching(open_work) as work:
        return work.session.scalar(select(Archive.id).where(Archive.id == archive_id)) is not None


def erase(open_work: Opener, subject: Subject, faults: list[str] | None = None) -> int:
    """Empty the person's values in every archive that is not held; return the rows changed. Safe to run again.

    Files are read and written between transactions. An archive that cannot be read raises Damaged, or with `faults`
    is told there, once, and the others go on.
    """
    with reaching(open_work) as work:
        if any(hold.kind == holds.SUBJECT for hold in holds.standing(work, subject)):
            return 0
    erased, seen = 0, set[int]()
    while known := _unseen(open_work, subject, seen):  # more than once only if files were merged meanwhile
        for archive_id in known:
            try:
                erased += _erase_in(open_work, archive_id, subject)
            except files.Damaged as fault:
                if faults is None:
                    raise
                if str(fault) not in faults:
                    faults.append(str(fault))
        seen.update(known)
    return erased


def _unseen(open_work: Opener, subject: Subject, seen: set[int]) -> list[int]:
    with reaching(open_work) as work:
        return [row.id for row in _theirs(work, subject) if row.id not in seen]


def _erase_in(open_work: Opener, archive_id: int, subject: Subject) -> int:
    """Rewrite one file without the person's values, leased against anybody else who writes it anew."""
    with taken(open_work, archive_id) as row:
        if row is None:
            return 0
        with reaching(open_work) as work:
            if holds.covers(work, row.table_name, row.organisation_id) is not None:
                return 0
            registry = work.registry
        rows, generation = _read(row)
        columns = registry.rules[row.table_name].personal_columns
        emptied, count = search.without_person(registry, row.table_name, rows, subject, columns)
        if count or generation > row.generation:
            _rewrite(open_work, row, emptied, generation + bool(count))
    return count


def _rewrite(open_work: Opener, row: Archive, rows: Columns, generation: int) -> None:
    """Put a file anew under its name and key, and catalogue that; `row` is leased to the caller."""
    key = bytes.fromhex(row.key["key"])
    content = files.sealed(row.name, key, rows, generation)
    places.archive.put(row.name, content)
    files.opened(row.name, key, places.archive.get(row.name))
    _recatalogue(open_work, row, content, generation)


def _recatalogue(open_work: Opener, row: Archive, content: bytes, generation: int) -> None:
    with reaching(open_work) as work:
        mine = update(Archive).where(Archive.id == row.id, Archive.writer == row.writer)
        kept = work.session.execute(
            mine.values(
                size=len(content), digest=_digest(content), generation=generation, rewritten_at=work.clock()
            ).returning(Archive.id),
            execution_options={"synchronize_session": False},
        )
        if kept.one_or_none() is None:
            raise Busy(f"The archive {row.name} was written anew by somebody else meanwhile: try again.")
        _withdraw_exports(work, row)


def _withdraw_exports(work: Work, row: Archive) -> None:
    """Take the keys of exports that may hold what was just erased from a file."""
    stale = update(ArchiveExport).where(
        ArchiveExport.organisation_id == row.organisation_id,
        ArchiveExport.table_name == row.table_name,
        ArchiveExport.state.in_(("running", "ready")),
    )
    why = "Somebody was erased from these records meanwhile. Ask for the export again."
    work.session.execute(
        stale.values(state="withdrawn", secret=None, reason=why), execution_options={"synchronize_session": False}
    )


@contextmanager
def taken(open_work: Opener, archive_id: int) -> Iterator[Archive | None]:
    """Hold the catalogue's entry of a file while it is written anew, None if it is gone; raise Busy after a while.

    It is held by a lease, not by a transaction: no session is open meanwhile. Who was killed holds it `LEASE` long.
    """
    me = secrets.token_hex(16)
    until = time.monotonic() + PATIENCE
    while (row := lease(open_work, archive_id, me)) is not None and row.writer != me:
        if time.monotonic() > until:
            raise Busy(f"The archive {row.name} is being written anew by somebody else: try again.")
        time.sleep(0.2)
    try:
        yield row
    finally:
        if row is not None:
            with reaching(open_work) as work:
                mine = update(Archive).where(Archive.id == archive_id, Archive.writer == me)
                work.session.execute(mine.values(writer="", lease_until=None))


def lease(open_work: Opener, archive_id: int, me: str) -> Archive | None:
    """Return a catalogue entry, apart from any session, with its writer; that is `me` if nobody held it."""
    with reaching(open_work) as work:
        row = work.session.get(Archive, archive_id, with_for_update=True)
        if row is None:
            return None
        now = clock.now(work)
        if row.lease_until is None or row.lease_until < now:
            row.writer, row.lease_until = me, now + LEASE
            work.session.flush()
        work.session.refresh(row)
        work.session.expunge(row)
        return row


@contextmanager
def reaching(open_work: Opener) -> Iterator[Work]:
    """Open work that reaches every organisation's archives."""
    with open_work(SYSTEM) as work, guard.platform_scope(work.session, "write archives anew"):
        yield work


def forget_lost(open_work: Opener) -> list[str]:
    """Take archives whose files are not in the store out of the catalogue; return their names.

    For a catalogue that was restored and tells of files deleted since. The keys of the files go with it, so where
    none of them is there the store is taken for the wrong one and nothing is done. Cost: one listing of the files.
    """
    there = {each.name for each in places.archive.entries(site())}
    with reaching(open_work) as work:
        known = listed(work, None, is_all=True)
        lost = [row for row in known if row.name not in there]
        if len(lost) == len(known):
            return []
        for row in lost:
            log.warning("archive_lost", name=row.name)
            forget(work, row)
    return [row.name for row in lost]


def sweep(open_work: Opener) -> int:
    """Delete files that no catalogue entry knows: what a killed run left behind; return how many.

    Files that were merged stay until no backup knows them any more.

    Done by whoever holds the lease of retention, as a file is known only when its rows are gone. The store is
    asked while no transaction is open. Cost: one listing of the files, one of the catalogue.
    """
    store = places.archive
    there = store.entries(site())
    with open_work(SYSTEM) as work:
        known = set(work.session.scalars(select(Archive.name)))
        known |= set(work.session.scalars(select(MergedFile.name)))
        before = work.clock() - ORPHANED
    left = [each.name for each in there if each.modified_at < before and each.name not in known]
    for name in left:
        store.delete(name)
        log.info("archive_swept", name=name)
    return len(left)


def forget(work: Work, row: Archive) -> None:
    """Take an archive out of the catalogue; its file is swept within the hour."""
    work.session.delete(row)
    work.session.flush()


def facts(row: Archive) -> Mapping[str, Any]:
    """Return what an auditor is told of an archive."""
    return {
        "name": row.name, "table": row.table_name, "month": row.month, "rows": row.rows, "bytes": row.size,
        "sha256": row.digest, "generation": row.generation,
    }  # fmt: skip


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
