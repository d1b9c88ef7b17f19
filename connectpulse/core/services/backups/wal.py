"""Putting away the embedded server's log while the site works: what a worker does again and again, and the alarms."""

import time
from datetime import timedelta

import structlog
from sqlalchemy import text

from ...domain.faces import Health
from ...storage.stores import places
from .. import audit
from ..notices import board
from ..work import SYSTEM, Opener, Work
from . import bases, line, plan
from .running import LINK, READERS

log = structlog.get_logger(__name__)

BEHIND, BROKEN = "backup.wal_behind", "backup.wal_broken"
ALLOWED = timedelta(minutes=5)
"""How long a finished segment may wait: with the minute it takes to finish one, what may be lost."""

_FIRST = timedelta(hours=1)
"""How long the first base of a line may take."""


def ship(open_work: Opener) -> int:
    """Put away the segments that wait; return how many. No session is open while the store is asked."""
    site = plan.site()
    if not site.wal_days or site.server is None:
        return 0
    if line.is_put_away(site.server):
        return 0
    said: list[str] = []
    try:
        return line.ship(site.server, places.backup, plan.read_recipient(site.recipient), said.append)
    finally:
        if said:
            with open_work(SYSTEM) as work:
                _tell_broken(work, said[-1])


def make_base(open_work: Opener) -> int:
    """Make the day's base if it is due; return how many were made."""
    site = plan.site()
    if not site.wal_days or site.server is None:
        return 0
    with open_work(SYSTEM) as work:
        url, clock = work.session.connection().engine.url, work.clock
    made = bases.make_due(site.server, url, places.backup, clock)
    if made is None:
        return 0
    with open_work(SYSTEM) as work:
        audit.record_named(work, "backup.base_made", None, "Base", "", made.name, size=made.size, digest=made.digest)
        board.end(work, BROKEN)
    return 1


def _tell_broken(work: Work, why: str) -> None:
    audit.record_named(work, BROKEN, None, "Backup", "", "write-ahead log", error=why)
    board.post(
        work, BROKEN, "The log of changes has a gap",
        f"{why} Moments in the gap cannot be gone back to. A fresh base is being made, and from then on they can.",
        roles=READERS, level=board.ALARM, link=LINK, key=BROKEN,
    )  # fmt: skip


def watch(work: Work) -> int:
    """Raise the alarm when the log is not put away in time, end it when it is again."""
    why = lateness(work)
    if why is None:
        board.end(work, BEHIND)
        return 0
    posted = board.post(
        work, BEHIND, "The log of changes is not put away", why, roles=READERS, level=board.ALARM, link=LINK,
        key=BEHIND,
    )  # fmt: skip
    return int(posted is not None)


def lateness(work: Work) -> str | None:
    """Return in what way the log is not put away as it should be, None if it is or is not to be."""
    site = plan.site()
    if not site.wal_days or site.server is None:
        return None
    failing = work.session.scalar(
        text("SELECT count(*) FROM pg_stat_archiver WHERE last_failed_time > coalesce(last_archived_time, '-infinity')")
    )
    if failing:
        return (
            "PostgreSQL cannot write finished segments into the spool. Look at its log, and whether the disk is full."
        )
    waiting = line.waiting(site.server)
    age = timedelta(seconds=time.time() - waiting[0].stat().st_mtime) if waiting else timedelta()
    if age > ALLOWED:
        return (
            f"{len(waiting)} segments wait for BACKUP_URL, the oldest for {age / timedelta(minutes=1):.0f} minutes: "
            "they would be lost with this machine. Can the store be reached, and does a worker run on this machine?"
        )
    return _base_lateness(work, site)


def _base_lateness(work: Work, site: plan.Plan) -> str | None:
    assert site.server is not None
    writing = line.current(site.server)
    made = bases.last_made(site.server, writing.id) if writing else None
    if made is None:
        up = work.session.scalar(text("SELECT now() - pg_postmaster_start_time()"))
        said = "No base was made since the database was started, so its log is of no use yet."
        return said if up and up > _FIRST else None
    age = work.clock() - made
    return f"The newest base is {age / timedelta(hours=1):.0f} hours old; 26 are allowed." if age > plan.LATE else None


def health(work: Work) -> list[Health]:
    """Return whether the log is put away; nothing where it is not to be."""
    if not plan.site().wal_days:
        return []
    why = lateness(work)
    return [
        Health("backup_wal", why is None, why or "The database can be turned back to any moment up to a minute ago.")
    ]
