"""Exports of archives: gathered by a job, some files a step, and fetched once by whoever asked, within a day.

The rows lie in the archive store as encrypted pieces (zlib, AES-256-GCM) under one key of the export, which goes
when they were fetched, when a day is over, or when a person is erased from a file they may have come from.
"""

import secrets
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import func, select, text, update

from ...domain import cells
from ...domain.jobs import Job
from ...errors import NotFound, Refused
from ...storage import guard
from ...storage.models import Archive, ArchiveExport
from ...storage.stores import places
from .. import audit, jobs
from ..notices import board
from ..work import SYSTEM, Actor, Opener, Work
from . import archives, files, search
from .browsing import Asked, columns_of

log = structlog.get_logger(__name__)

JOB = "archive export"
FOLDER = "exports"
GOOD_FOR = timedelta(hours=24)
ORPHANED = timedelta(hours=1)
MOST = 500_000
"""Rows of one export."""
MOST_OPEN = 3
"""Exports one organisation may have in the making."""
FILES = 40
SECONDS = 5.0
"""Files of one step, and how long it may read."""
_NONCE = 12


class Part(NamedTuple):
    """What a step found: the last file it read, how many files and rows, and where the rows lie, if any.

    `is_over`: there is no further file. `is_stale`: files were merged or went meanwhile, so it begins anew.
    """

    after: int
    files: int
    rows: int
    name: str
    is_over: bool
    is_stale: bool = False


def begin(work: Work, asked: Asked) -> ArchiveExport:
    """Let a job gather every row that matches; raise Refused while too many are in the making."""
    columns_of(work, asked.table)
    making = select(func.count()).select_from(ArchiveExport)
    making = making.where(ArchiveExport.organisation_id == work.organisation_id, ArchiveExport.state == "running")
    if (work.session.scalar(making) or 0) >= MOST_OPEN:
        raise Refused(f"{MOST_OPEN} exports are being made already. Wait until one is ready.")
    if work.actor.id is None:
        raise Refused("Sign in first: an export is for whoever asked for it.")
    row = ArchiveExport(
        organisation_id=work.organisation_id, asked_by=work.actor.id, table_name=asked.table,
        address=asked.address[:320], campaign_id=asked.campaign_id, since=asked.since, until=asked.until,
        secret={"key": files.new_key().hex()},
    )  # fmt: skip
    work.session.add(row)
    _rewind(work, row)
    jobs.submit(work, JOB, row.id)
    audit.record_named(
        work, "archive.exported", row.organisation_id, "ArchiveExport", row.id, repr(row), table=asked.table
    )
    return row


def _rewind(work: Work, row: ArchiveExport) -> None:
    """Let an export begin with the first file again, of those there are now."""
    row.after_id, row.files_done, row.rows, row.parts = 0, 0, 0, []
    row.files_total, row.until_id = _snapshot(work, row, None)
    work.session.flush()


def _snapshot(work: Work, row: ArchiveExport, until_id: int | None) -> tuple[int, int]:
    """Return how many files an export concerns, up to one if that is given, and the last one's id."""
    wanted = archives.matching(row.organisation_id, (row.table_name,), row.since, row.until)
    if until_id is not None:
        wanted = wanted.where(Archive.id <= until_id)
    found = wanted.with_only_columns(func.count(), func.coalesce(func.max(Archive.id), 0)).order_by(None)
    count, last = work.session.execute(found).one()
    return int(count), int(last)


# --- gathering


def gather(open_work: Opener, export_id: int) -> Part | None:
    """Read the next files, and put the rows that match into the store; None if the export ended. O(rows read)."""
    with open_work(SYSTEM) as work:
        row = archives.alone(work, ArchiveExport, export_id)
        if row is None or row.state != "running":
            return None
        is_stale = _snapshot(work, row, row.until_id)[0] != row.files_total
        listed = archives.listed(
            work, row.organisation_id, (row.table_name,),
            since=row.since, until=row.until, after=row.after_id, limit=FILES,
        )  # fmt: skip
        listed = [each for each in listed if each.id <= row.until_id]
        work.session.expunge_all()
        rule = work.registry.rules[row.table_name]
        columns = columns_of(work, row.table_name)
    if is_stale:
        return Part(0, 0, 0, "", False, is_stale=True)
    asked = search.Wanted(row.address, row.campaign_id, row.since, row.until)
    until, found, read, after = time.monotonic() + SECONDS, [], 0, row.after_id
    for each in listed:
        try:
            found += search.matching(archives.read(each), rule.age_column, asked, MOST + 1)
        except files.Damaged:
            if archives.is_known(open_work, each.id):
                raise
            return Part(0, 0, 0, "", False, is_stale=True)
        read, after = read + 1, each.id
        if row.rows + len(found) > MOST:
            raise Refused(f"These are more than {MOST} rows: narrow the time.")
        if time.monotonic() > until:
            break
    name = _put(row, columns, found) if found or not row.parts else ""
    return Part(after, read, len(found), name, row.files_done + read >= row.files_total)


def _put(row: ArchiveExport, columns: Sequence[str], found: Iterable[dict[str, Any]]) -> str:
    """Write one piece of an export, the first with headings; return its name."""
    headings = [] if row.parts else [columns]
    written = "".join(cells.lines([*headings, *([each.get(name) for name in columns] for each in found)]))
    name, nonce = f"{FOLDER}/{archives.site()}/{secrets.token_hex(16)}.bin", secrets.token_bytes(_NONCE)
    packed = zlib.compress(written.encode(), 6)
    places.archive.put(name, nonce + AESGCM(_key(row)).encrypt(nonce, packed, name.encode()))
    return name


def _key(row: ArchiveExport) -> bytes:
    return bytes.fromhex((row.secret or {}).get("key", ""))


def step(work: Work, export_id: int, part: Part | None) -> bool:
    """Write down what was gathered; return whether there is more."""
    row = work.session.get(ArchiveExport, export_id, with_for_update=True, populate_existing=True)
    if row is None or row.state != "running" or part is None:
        return False
    if part.is_stale:
        _rewind(work, row)
        return True
    row.after_id, row.files_done, row.rows = part.after, row.files_done + part.files, row.rows + part.rows
    row.parts = [*row.parts, part.name] if part.name else row.parts
    if not part.is_over:
        work.session.flush()
        return True
    row.state, row.expires_at = "ready", work.clock() + GOOD_FOR
    work.session.flush()
    _tell(work, row, "Your export is ready", "Fetch it within a day; it can be fetched once.")
    return False


def give_up(work: Work, export_id: int, why: str) -> None:
    """Say that an export could not be made."""
    row = work.session.get(ArchiveExport, export_id, with_for_update=True)
    if row is not None and row.state == "running":
        row.state, row.reason, row.secret = "failed", why, None
        work.session.flush()
        _tell(work, row, "Your export could not be made", why)


def _tell(work: Work, row: ArchiveExport, title: str, body: str) -> None:
    """Tell whoever asked, if their account is still there."""
    if work.session.scalar(text("SELECT true FROM ab_user WHERE id = :id"), {"id": row.asked_by}):
        board.post(work, JOB, title, body, user_id=row.asked_by, link="/archives/")


KIND = Job(JOB, step, give_up, before=gather)


# --- handing over


def mine(work: Work, most: int = 10) -> Sequence[ArchiveExport]:
    """Return the newest exports of the actor in the work's organisation."""
    wanted = select(ArchiveExport).where(
        ArchiveExport.organisation_id == work.organisation_id, ArchiveExport.asked_by == work.actor.id
    )
    return work.session.scalars(wanted.order_by(ArchiveExport.id.desc()).limit(most)).all()


def fetch(open_work: Opener, actor: Actor, organisation: int, export_id: int) -> Iterator[bytes]:
    """Return an export as CSV, once; raise NotFound if it is not the actor's, Refused if it cannot be fetched any more.

    Of two at the same time one gets it. Every piece is checked before it is used up.
    """
    with open_work(actor, organisation) as work:
        row = archives.alone(work, ArchiveExport, export_id)
        if row is None or (row.organisation_id, row.asked_by) != (organisation, actor.id):
            raise NotFound("There is no such export of yours.")
        if row.state != "ready" or row.expires_at is None or row.expires_at <= work.clock():
            raise Refused("This export was fetched already, or its day is over. Ask for it again.")
    packed = [_opened(name, _key(row)) for name in row.parts]
    with open_work(actor, organisation) as work:
        spent = work.session.execute(
            update(ArchiveExport)
            .where(ArchiveExport.id == export_id, ArchiveExport.state == "ready")
            .values(state="fetched", fetched_at=work.clock(), secret=None)
            .returning(ArchiveExport.id),
            execution_options={"synchronize_session": False},
        ).one_or_none()
        if spent is None:
            raise Refused("This export was fetched already. Ask for it again.")
        audit.record_named(work, "archive.fetched", organisation, "ArchiveExport", export_id, repr(row), rows=row.rows)
    _delete(row.parts)
    return (zlib.decompress(piece) for piece in packed)


def _opened(name: str, key: bytes) -> bytes:
    try:
        content = places.archive.get(name)
        return AESGCM(key).decrypt(content[:_NONCE], content[_NONCE:], name.encode())
    except (InvalidTag, ValueError, NotFound):
        raise Refused("The export was damaged where it lies. Ask for it again.") from None


def _delete(names: Iterable[str]) -> int:
    """Delete pieces that nobody can open any more; those the store does not delete now are swept."""
    count = 0
    for name in names:
        try:
            places.archive.delete(name)
            count += 1
        except OSError as error:
            log.warning("export_not_deleted", error=type(error).__name__)
    return count


def expire(work: Work) -> int:
    """Take the keys of exports whose day is over; return how many."""
    over = work.session.execute(
        update(ArchiveExport)
        .where(ArchiveExport.state == "ready", ArchiveExport.expires_at <= work.clock())
        .values(state="expired", secret=None)
        .returning(ArchiveExport.organisation_id, ArchiveExport.id),
        execution_options={"synchronize_session": False},
    ).all()
    for home, id in over:
        audit.record_named(work, "archive.expired", home, "ArchiveExport", id, f"export {id}")
    return len(over)


def sweep(open_work: Opener) -> int:
    """Delete the pieces of exports that cannot be fetched any more, or whose making was interrupted; return how many.

    Cost: one listing of the pieces, one of the open exports.
    """
    there = places.archive.entries(f"{FOLDER}/{archives.site()}")
    if not there:
        return 0
    with open_work(SYSTEM) as work, guard.platform_scope(work.session, "sweep exports"):
        wanted = select(ArchiveExport.parts).where(ArchiveExport.state.in_(("running", "ready")))
        alive = {name for parts in work.session.scalars(wanted) for name in parts}
        before = work.clock() - ORPHANED
    return _delete(each.name for each in there if each.name not in alive and each.modified_at < before)
