"""Duties of plugins that come round: each is a row that says when it ran last, and a job while it runs.

The elected worker looks every minute what is due; the job's lease lets one worker at a time do it, and a kill
or a failure lets it be done again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from ..domain.faces import Health
from ..domain.jobs import Duty as Given
from ..domain.jobs import Job
from ..storage import guard
from ..storage.models import Duty
from . import jobs
from .work import SYSTEM, Opener, Work

JOB = "duty"
LATE = timedelta(minutes=15)
"""How long after its time a duty may begin before somebody should look."""


@dataclass(frozen=True, slots=True)
class LastRun:
    """When a duty ran last: `begun_at` is None before its first time, `error` empty if it went well."""

    duty: Given
    begun_at: datetime | None
    ended_at: datetime | None
    error: str


def wake(work: Work) -> int:
    """Let every duty whose time has come be done; return how many."""
    duties = work.registry.duties
    if not duties:
        return 0
    work.session.execute(insert(Duty).values([{"name": name} for name in duties]).on_conflict_do_nothing())
    due = [row for row in _rows(work) if _is_due(row, duties[row.name], work.clock())]
    for row in due:
        jobs.submit(work, JOB, row.id)
    return len(due)


def _rows(work: Work) -> list[Duty]:
    return list(work.session.scalars(select(Duty).where(Duty.name.in_(work.registry.duties)).order_by(Duty.name)))


def _is_due(row: Duty, duty: Given, now: datetime) -> bool:
    return row.begun_at is None or row.begun_at + duty.every <= now


def carry_out(open_work: Opener, duty_id: int) -> bool:
    """Do some of a duty; return whether there is more. A duty whose plugin is gone or muted is left."""
    with open_work(SYSTEM) as work:
        name = work.session.scalar(select(Duty.name).where(Duty.id == duty_id))
        duty = work.registry.duties.get(name or "")
        if duty is None:
            return False
        _write(work, duty_id, begun_at=work.clock(), ended_at=None)
    if duty.call is not None and duty.call(open_work):
        return True
    with open_work(SYSTEM) as work:
        if duty.step is not None:
            with guard.platform_scope(work.session, duty.name):
                if duty.step(work):
                    return True
        _write(work, duty_id, ended_at=work.clock(), error="")
    return False


def give_up(work: Work, duty_id: int, reason: str) -> None:
    """Say why a duty was not done; it is tried again when its time comes round."""
    _write(work, duty_id, ended_at=work.clock(), error=reason[:300])


def _write(work: Work, duty_id: int, **values: object) -> None:
    work.session.execute(update(Duty).where(Duty.id == duty_id).values(**values))


KIND = Job(JOB, give_up=give_up, call=carry_out)


def of(open_work: Opener, name: str) -> int:
    """Return the number of a duty that was woken before."""
    with open_work(SYSTEM) as work:
        return work.session.scalars(select(Duty.id).where(Duty.name == name)).one()


def last_runs(work: Work) -> list[LastRun]:
    """Return when each duty ran last, those that never did included."""
    ran = {row.name: row for row in _rows(work)}
    found = []
    for name, duty in sorted(work.registry.duties.items()):
        row = ran.get(name)
        found.append(LastRun(duty, row.begun_at, row.ended_at, row.error) if row else LastRun(duty, None, None, ""))
    return found


def health(work: Work) -> Health:
    """Say which duties failed, or have not begun although their time is over."""
    now = work.clock()
    runs = last_runs(work)
    failed = [f"{run.duty.title} failed: {run.error}" for run in runs if run.error]
    late = [
        f"{run.duty.title} has not begun since {run.begun_at:%Y-%m-%d %H:%M} UTC."
        for run in runs
        if run.begun_at is not None and run.begun_at + run.duty.every + LATE < now
    ]
    return Health("duties", not (failed or late), " ".join([*failed, *late]) or f"{len(runs)} duties come round.")
