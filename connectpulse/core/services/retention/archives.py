"""The archives of the house: written, checked, found in, and forgotten from; the catalogue says what there is.

An erased person's values are written over in place, under the file's own name and key: a kill leaves the file
whole, old or new, and a catalogue that is behind (restored from a backup, say) still reads it. A file older
than the catalogue knows it is refused.
"""

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import structlog
from sqlalchemy import select

from ...domain.retention import Rows, Subject
from ...errors import NotFound
from ...storage.models import Archive
from ...storage.stores import places
from ...storage.trust import trust
from ..work import SYSTEM, Opener, Work
from . import files, holds, search

log = structlog.get_logger(__name__)

ORPHANED = timedelta(hours=1)
"""A file is written this long before its rows are gone, at the very most."""


def site() -> str:
    """Return the folder of this site in the store: another site's files are never touched."""
    return hashlib.sha256(trust.key("archives")).hexdigest()[:12]


def write(table: str, organisation: int | None, month: str, rows: pa.Table, age: tuple[datetime, datetime]) -> Archive:
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


def read(row: Archive) -> pa.Table:
    """Return the rows of an archive; raise Damaged, naming it, if it is lost, changed, or an older version."""
    return _read(row)[0]


def _read(row: Archive) -> tuple[pa.Table, int]:
    try:
        content = places.archive.get(row.name)
    except NotFound:
        raise files.Damaged(f"The archive {row.name} is missing.") from None
    rows, generation = files.opened(row.name, bytes.fromhex(row.key["key"]), content)
    if rows.num_rows != row.rows or generation < row.generation:
        raise files.Damaged(f"The archive {row.name} is not the one in the catalogue, but an older one.")
    return rows, generation


def listed(
    work: Work, organisation: int | None, tables: tuple[str, ...] = (), *, is_all: bool = False,
    since: datetime | None = None, until: datetime | None = None, after: int = 0, limit: int | None = None,
) -> list[Archive]:  # fmt: skip
    """Return catalogue entries by id: of one organisation (None is the platform's own), or `is_all` of everyone."""
    wanted = select(Archive).where(Archive.id > after).order_by(Archive.id)
    if not is_all:
        wanted = wanted.where(Archive.organisation_id == organisation)
    if tables:
        wanted = wanted.where(Archive.table_name.in_(tables))
    if since is not None:
        wanted = wanted.where(Archive.last_at >= since)
    if until is not None:
        wanted = wanted.where(Archive.first_at < until)
    return list(work.session.scalars(wanted.limit(limit) if limit else wanted))


def _theirs(work: Work, subject: Subject) -> list[Archive]:
    """Return the archives a person may be in: of tables that hold personal columns."""
    tables = tuple(name for name, rule in work.registry.rules.items() if rule.personal_columns)
    return listed(work, subject.organisation_id, tables, is_all=subject.organisation_id is None)


def find(work: Work, subject: Subject) -> Rows:
    """Yield the person's rows in every archive: `table`, `archive`, and the personal columns; a file at a time."""
    for row in _theirs(work, subject):
        columns = work.registry.rules[row.table_name].personal_columns
        for found in search.of_person(work.registry, row.table_name, read(row), subject).to_pylist():
            yield {"table": row.table_name, "archive": row.name, **{name: found.get(name) for name in columns}}


def export(work: Work, subject: Subject) -> Rows:
    """Yield the person's rows in every archive with all their columns, as `find` names them."""
    for row in _theirs(work, subject):
        for found in search.of_person(work.registry, row.table_name, read(row), subject).to_pylist():
            yield {"table": row.table_name, "archive": row.name, **found}


def erase(work: Work, subject: Subject, faults: list[str] | None = None) -> int:
    """Empty the person's values in every archive that is not held; return the rows changed. Safe to run again.

    An archive that cannot be read raises Damaged, or with `faults` is told there, once, and the others go on.
    """
    if any(hold.kind == holds.SUBJECT for hold in holds.standing(work, subject)):
        return 0
    erased = 0
    for known in _theirs(work, subject):
        if holds.covers(work, known.table_name, known.organisation_id) is not None:
            continue
        try:
            erased += _erase_in(work, known.id, subject)
        except files.Damaged as fault:
            if faults is None:
                raise
            if str(fault) not in faults:
                faults.append(str(fault))
    return erased


def _erase_in(work: Work, archive_id: int, subject: Subject) -> int:
    """Rewrite one file without the person's values, locked against another erasure in the same file."""
    locked = select(Archive).where(Archive.id == archive_id).with_for_update().execution_options(populate_existing=True)
    row = work.session.scalars(locked).one_or_none()
    if row is None:
        return 0
    rows, generation = _read(row)
    columns = work.registry.rules[row.table_name].personal_columns
    emptied, count = search.without_person(work.registry, row.table_name, rows, subject, columns)
    if count or generation > row.generation:
        _rewrite(work, row, emptied, generation + bool(count))
    return count


def _rewrite(work: Work, row: Archive, rows: pa.Table, generation: int) -> None:
    key = bytes.fromhex(row.key["key"])
    content = files.sealed(row.name, key, rows, generation)
    places.archive.put(row.name, content)
    files.opened(row.name, key, places.archive.get(row.name))
    row.size, row.digest, row.generation, row.rewritten_at = len(content), _digest(content), generation, work.clock()
    work.session.flush()


def damaged(work: Work, *, limit: int | None = None) -> Iterator[str]:
    """Yield a sentence for every archive that cannot be read as it was written, naming it; a file at a time."""
    for row in listed(work, None, is_all=True, limit=limit):
        try:
            read(row)
        except files.Damaged as fault:
            yield str(fault)


def forget_lost(work: Work) -> list[str]:
    """Take archives whose files are not in the store out of the catalogue; return their names.

    For a catalogue that was restored and tells of files deleted since. The keys of the files go with it, so where
    none of them is there the store is taken for the wrong one and nothing is done. Cost: one listing of the files.
    """
    there = {each.name for each in places.archive.entries(site())}
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

    Done by whoever holds the lease of retention, as a file is known only when its rows are gone. The store is
    asked while no transaction is open. Cost: one listing of the files, one of the catalogue.
    """
    store = places.archive
    there = store.entries(site())
    with open_work(SYSTEM) as work:
        known = set(work.session.scalars(select(Archive.name)))
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
