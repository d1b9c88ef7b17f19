"""The clock retention goes by: the database's, and only while it runs as a clock that nobody can set.

Machines count the time since they started. Where that count and the database's clock part by more than `BOUND`,
somebody set the clock: nothing is purged until an operator confirms the time. After a restart there is no
count to compare with, and the last time that was seen stands for it.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from sqlalchemy import select, text

from ...domain.roles import PLATFORM_ADMINISTRATOR
from ...errors import Misconfigured, Refused
from ...storage.models import RetentionClock
from .. import audit
from ..notices import board
from ..work import Work

BOUND = timedelta(hours=2)
KEY = "retention.clock"
_PROCESS = uuid4().hex


@dataclass(frozen=True, slots=True)
class Uptime:
    """Seconds since a start that `boot` names; comparable with others of the same `boot` only."""

    boot: str
    seconds: float


def uptime() -> Uptime:
    """Return how long this machine runs, sleep included; where it does not say, how long this process does."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return Uptime(boot, time.clock_gettime(time.CLOCK_BOOTTIME))
    except (OSError, AttributeError):
        return Uptime(_PROCESS, time.monotonic())


def now(work: Work) -> datetime:
    """Return the database's time."""
    found: datetime = work.session.execute(text("SELECT clock_timestamp()")).scalar_one()
    return found


def believed(work: Work, moment: datetime, run: Uptime) -> str:
    """Look at the clock: return why `moment` is not to be believed, empty if it is. Stops all purging if not."""
    row = the_row(work)
    if row.stopped_at is not None:
        return row.reason
    if row.boot == run.boot:
        jump = moment - row.anchored_at - timedelta(seconds=run.seconds - row.uptime)
    else:
        jump = moment - row.seen_at
    if jump > BOUND:
        row.stopped_at, row.reason = row.seen_at, _reason(row, moment, run)
        audit.record_named(work, "retention.stopped", None, "Clock", 1, "", seen=row.seen_at, said=moment)
        board.post(
            work, "retention", "Retention has stopped: the clock jumped", row.reason,
            roles=(PLATFORM_ADMINISTRATOR,), level=board.ALARM, link="/retention/report", key=KEY,
        )  # fmt: skip
    else:
        row.seen_at = moment
        if row.boot != run.boot or jump < -BOUND:
            row.boot, row.uptime, row.anchored_at = run.boot, run.seconds, moment
    work.session.flush()
    return row.reason


def _reason(row: RetentionClock, moment: datetime, run: Uptime) -> str:
    since = f"The clock says {moment:%Y-%m-%d %H:%M} UTC; it was last seen at {row.seen_at:%Y-%m-%d %H:%M}"
    if row.boot == run.boot:
        return f"{since}, and less time has passed since. Nothing is purged until an operator confirms the time."
    return (
        f"{since}, and the machine was started anew in between. Nothing is purged until an operator confirms the time."
    )


def confirm(work: Work, moment: datetime, run: Uptime) -> None:
    """Say that the clock is right: retention goes on. Raise Refused if it was not in doubt."""
    row = the_row(work)
    if row.stopped_at is None:
        raise Refused("The clock is not in doubt.")
    audit.record_named(work, "retention.confirmed", None, "Clock", 1, "", seen=row.seen_at, confirmed=moment)
    row.stopped_at, row.reason = None, ""
    row.seen_at = row.anchored_at = moment
    row.boot, row.uptime = run.boot, run.seconds
    board.end(work, KEY)
    work.session.flush()


def the_row(work: Work) -> RetentionClock:
    """Return the clock's row, locked."""
    row = work.session.scalars(select(RetentionClock).where(RetentionClock.id == 1).with_for_update()).one_or_none()
    if row is None:
        raise Misconfigured(
            "The record of retention's clock is gone: nothing can be purged. Restore pulse_retention_clock."
        )
    return row
