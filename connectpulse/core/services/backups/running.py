"""Backups as rows: asked for, claimed under a lease, made, settled. A killed worker leaves its backup to the next."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import structlog
from sqlalchemy import URL, select, text
from sqlalchemy.exc import IntegrityError

from ...domain.roles import AUDITOR, PLATFORM_ADMINISTRATOR
from ...errors import NotFound, Refused
from ...storage.models import Backup
from ...storage.stores import places
from .. import audit
from ..notices import board
from ..work import SYSTEM, Opener, Work
from . import manifest as manifests
from . import plan, taking
from .manifest import Manifest

log = structlog.get_logger(__name__)

RUN = "core.run_backup"
"""The queue task that makes one backup."""

LEASE_SECONDS = 60
BEAT = 5.0
MOST_ATTEMPTS = 8
FAILED = "backup.failed"
LINK = "/backups/list/"
READERS = (PLATFORM_ADMINISTRATOR, AUDITOR)


class LeaseLost(Exception):
    """Another worker makes this backup now; this one stops."""


def ask(work: Work, trigger: str) -> Backup:
    """Ask for a backup now; `trigger` is schedule, panel or command. Raise Refused while one is being made."""
    if not plan.site().recipient:
        raise Refused(
            "BACKUP_RECIPIENT is not set, so nobody could open a backup. `connectpulse backup keys` prints a pair."
        )
    now = work.clock()
    number = work.session.scalar(text("SELECT nextval(pg_get_serial_sequence('pulse_backup', 'id'))"))
    asked = Backup(id=number, name=manifests.name_for(now, int(number or 0)), trigger=trigger, created_at=now)
    try:
        with work.session.begin_nested():
            work.session.add(asked)
    except IntegrityError:
        raise Refused("A backup is being made already.") from None
    audit.record_named(work, "backup.asked", None, "Backup", asked.id, asked.name, trigger=trigger)
    work.wake(RUN, asked.id)
    return asked


def due(work: Work) -> list[int]:
    """Return the backup whose time has come and that nobody is making, if there is one."""
    rows = work.session.execute(
        text(
            "SELECT id FROM pulse_backup WHERE state IN ('waiting', 'running') AND due_at <= now() "
            "AND (lease_until IS NULL OR lease_until < now())"
        )
    )
    return [row[0] for row in rows]


def run(open_work: Opener, backup_id: int, worker: str) -> bool:
    """Make a backup that was asked for, unless another worker does; return whether it was made."""
    claimed = _claim(open_work, backup_id, worker)
    if claimed is None:
        return False
    name, url, attempts = claimed
    with open_work(SYSTEM) as work:
        clock = work.clock
    try:
        with _lease(open_work, backup_id, worker) as lease:
            made = _made_before(name) or taking.make(url, places.backup, name, clock, lease.watch)
    except LeaseLost:
        log.warning("backup_lease_lost", backup=name)
        return False
    except Exception as error:
        log.exception("backup_failed", backup=name, attempts=attempts)
        with open_work(SYSTEM) as work:
            _fail(work, backup_id, worker, attempts, str(error) or type(error).__name__)
        return False
    with open_work(SYSTEM) as work:
        settle(work, made)
    return True


def settle(work: Work, made: Manifest, trigger: str = "found") -> None:
    """Write down that a backup is in the store; one that nobody knew of is written down as found."""
    row = work.session.scalars(select(Backup).where(Backup.name == made.name).with_for_update()).one_or_none()
    if row is None:
        row = Backup(name=made.name, trigger=trigger, created_at=made.moment)
        work.session.add(row)
    elif row.state == "done":
        return
    row.state, row.error, row.lease_until, row.worker = "done", "", None, None
    row.taken_at, row.finished_at = made.moment, work.clock()
    row.size, row.dump_size, row.digest = made.size, made.dump_size, made.digest
    work.session.flush()
    audit.record_named(work, "backup.made", None, "Backup", row.id, made.name, size=made.size, digest=made.digest)
    board.end(work, FAILED)


def _made_before(name: str) -> Manifest | None:
    """Return the manifest of a backup that was made by a worker which was killed before it could say so."""
    try:
        return manifests.verify(places.backup, name)
    except (NotFound, Refused):
        return None


def _claim(open_work: Opener, backup_id: int, worker: str) -> tuple[str, URL, int] | None:
    with open_work(SYSTEM) as work:
        row = work.session.execute(
            text(
                "UPDATE pulse_backup SET state = 'running', worker = :worker, attempts = attempts + 1, dump_size = 0, "
                "lease_until = now() + make_interval(secs => :lease) "
                "WHERE id = :id AND state IN ('waiting', 'running') AND due_at <= now() "
                "AND (lease_until IS NULL OR lease_until < now()) RETURNING name, attempts"
            ),
            {"id": backup_id, "worker": worker, "lease": LEASE_SECONDS},
        ).one_or_none()
        return (row[0], work.session.connection().engine.url, row[1]) if row else None


class _Lease:
    """A lease that a thread extends; `watch` is told how far the dump is, and raises when the lease is lost."""

    def __init__(self) -> None:
        self.dumped = 0
        self.is_lost = False
        self.ended = threading.Event()

    def watch(self, dumped: int) -> None:
        """Keep how far the dump is; raise LeaseLost if another worker has taken over."""
        self.dumped = dumped
        if self.is_lost:
            raise LeaseLost


@contextmanager
def _lease(open_work: Opener, backup_id: int, worker: str) -> Iterator[_Lease]:
    lease = _Lease()

    def beat() -> None:
        while not lease.ended.wait(BEAT):
            try:
                lease.is_lost = not _extend(open_work, backup_id, worker, lease.dumped)
            except Exception:
                log.exception("backup_beat_failed", backup=backup_id)

    thread = threading.Thread(target=beat, name="backup-lease", daemon=True)
    thread.start()
    try:
        yield lease
    finally:
        lease.ended.set()
        thread.join()


def _extend(open_work: Opener, backup_id: int, worker: str, dumped: int) -> bool:
    with open_work(SYSTEM) as work:
        return (
            work.session.scalar(
                text(
                    "UPDATE pulse_backup SET lease_until = now() + make_interval(secs => :lease), dump_size = :dumped "
                    "WHERE id = :id AND worker = :worker AND state = 'running' RETURNING id"
                ),
                {"id": backup_id, "worker": worker, "lease": LEASE_SECONDS, "dumped": dumped},
            )
            is not None
        )


def _fail(work: Work, backup_id: int, worker: str, attempts: int, why: str) -> None:
    """Write down why it failed, tell people once, and try again later, for some hours."""
    backup = work.session.scalars(
        select(Backup).where(Backup.id == backup_id, Backup.worker == worker, Backup.state == "running")
    ).one_or_none()
    if backup is None:
        return
    backup.error, backup.lease_until, backup.worker = " ".join(why.split())[:300], None, None
    backup.state = "failed" if attempts >= MOST_ATTEMPTS else "waiting"
    backup.due_at = work.clock() + timedelta(minutes=min(2 ** (attempts - 1), 60))
    backup.finished_at = work.clock() if backup.state == "failed" else None
    audit.record_named(work, FAILED, None, "Backup", backup.id, backup.name, error=backup.error, attempts=attempts)
    told = "It is tried again." if backup.state == "waiting" else "It is not tried again before the next one is due."
    board.post(
        work, FAILED, "A backup failed", f"{backup.error} {told}",
        roles=READERS, level=board.ALARM, link=LINK, key=FAILED,
    )  # fmt: skip
