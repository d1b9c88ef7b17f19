"""Core's tasks: running a job, and the sweeps that make up for lost wakings."""

import threading
from collections.abc import Callable
from typing import Any

import structlog
from huey import crontab

from ..core.services import (
    callbacks,
    campaigns,
    counters,
    four_eyes,
    jobs,
    leaving,
    moving,
    periodic,
    recovery,
    reviews,
    ways_in,
)
from ..core.services.access import signing_in
from ..core.services.action_log import checking, checkpoints
from ..core.services.backups import running as backup_running
from ..core.services.backups import wal
from ..core.services.backups import watch as backup_watch
from ..core.services.disclosure import agreements
from ..core.services.notices import deliver, mail
from ..core.services.policy import reminding
from ..core.services.retention import engine as retention
from ..core.services.retention import exports
from ..core.services.retention import report as retention_report
from ..core.services.rights import carrying, deadlines, handing
from ..core.services.traffic import stopping
from ..core.services.traffic import watch as traffic
from ..core.services.work import SYSTEM, Opener, Work
from ..core.storage import guard, partitions
from ..house import House

log = structlog.get_logger(__name__)

Sweep = Callable[[Work], Any]


def register(queue: Any, house: House, worker: str, is_stopping: Callable[[], bool]) -> None:
    """Declare core's tasks and every plugin's on `queue`, and let `house` wake them."""

    def run_job(job_id: int) -> None:
        jobs.run(house.work, job_id, worker, is_stopping)

    def drain_callbacks(connection_id: int) -> None:
        callbacks.drain(house.work, connection_id)

    def run_backup(backup_id: int) -> None:
        if backup_running.run(house.work, backup_id, worker):
            backup_watch.reconcile(house.work)

    def reconcile_backups(nothing: int) -> None:
        backup_watch.reconcile(house.work)

    def retain(number: int) -> None:
        retention.run_due(house.work)

    tasks = {
        jobs.RUN: queue.task(name=jobs.RUN)(run_job),
        callbacks.DRAIN: queue.task(name=callbacks.DRAIN)(drain_callbacks),
        backup_running.RUN: queue.task(name=backup_running.RUN)(run_backup),
        backup_watch.RECONCILE: queue.task(name=backup_watch.RECONCILE)(reconcile_backups),
        retention.RUN: queue.task(name=retention.RUN)(retain),
    }
    house.waker = lambda name, subject_id: tasks[name](subject_id)
    for name, schedule, sweep in PERIODIC:
        queue.periodic_task(schedule, name=name)(_swept(house, name, sweep))
    for name, schedule, duty in HOURLY:
        queue.periodic_task(schedule, name=name)(_done(house, name, duty))
    for declare in house.registry.tasks:
        declare(queue)


def _swept(house: House, name: str, sweep: Sweep) -> Callable[[], None]:
    def run() -> None:
        with house.work(SYSTEM) as work, guard.platform_scope(work.session, name):
            done = sweep(work)
        if done:
            log.info("swept", sweep=name, done=done)

    return run


def _done(house: House, name: str, duty: Callable[[Opener], Any]) -> Callable[[], None]:
    def run() -> None:
        done = duty(house.work)
        if done:
            log.info("swept", sweep=name, done=done)

    return run


def _wake_jobs(work: Work) -> int:
    due = jobs.due(work)
    for job_id in due:
        work.wake(jobs.RUN, job_id)
    return len(due)


def _wake_backups(work: Work) -> int:
    due = backup_running.due(work)
    for backup_id in due:
        work.wake(backup_running.RUN, backup_id)
    return len(due)


def _make_partitions(work: Work) -> int:
    return len(partitions.ensure(work.session.connection(), work.clock()))


PERIODIC: tuple[tuple[str, Any, Sweep], ...] = (
    ("core.wake_duties", crontab(minute="*"), periodic.wake),
    ("core.start_campaigns", crontab(minute="*"), campaigns.start_due),
    ("core.wake_campaigns", crontab(minute="*"), recovery.stalled),
    ("core.expire_silent", crontab(minute="*/5"), recovery.silent),
    ("core.wake_reviews", crontab(minute="*"), reviews.wake),
    ("core.squash_counters", crontab(minute="*"), counters.squash),
    ("core.expire_decisions", crontab(minute="*/10"), four_eyes.expire),
    ("core.end_half_sessions", crontab(minute="*/10"), signing_in.end_half_sessions),
    ("core.watch_agreements", crontab(minute="*/10"), agreements.watch),
    ("core.watch_traffic", crontab(minute="*/5"), traffic.watch),
    ("core.watch_stopped_traffic", crontab(minute="*/5"), stopping.watch),
    ("core.mail_digests", crontab(minute="*/5"), deliver.digests),
    ("core.remind_of_requests", crontab(minute="7"), deadlines.remind),
    ("core.remind_of_policy", crontab(minute="*"), reminding.remind),
    ("core.check_audit", crontab(minute="41", hour="3"), checking.start_all),
    ("core.wake_retention", crontab(minute="*"), retention.is_due),
    ("core.watch_retention", crontab(minute="*/10"), retention_report.watch),
    ("core.expire_exports", crontab(minute="*/5"), exports.expire),
    ("core.make_partitions", crontab(minute="17", hour="*/6"), _make_partitions),
    ("core.schedule_backup", crontab(minute="*/10"), backup_watch.schedule),
    ("core.watch_backups", crontab(minute="*/10"), backup_watch.watch),
    ("core.watch_wal", crontab(minute="*"), wal.watch),
    (backup_watch.WAKE, crontab(minute="23"), backup_watch.wake),
)
"""Sweeps by name, with their times; on the elected worker only."""

HOURLY: tuple[tuple[str, Any, Callable[[Opener], Any]], ...] = (
    ("core.checkpoint_audit", crontab(minute="7"), checkpoints.write),
    ("core.sweep_exports", crontab(minute="37"), exports.sweep),
)
"""What the elected worker does in units of work of its own, because it asks a store in between."""

FREQUENT: tuple[tuple[str, Sweep], ...] = (
    ("core.recover_leases", recovery.leases),
    ("core.match_orphans", recovery.orphans),
    ("core.expire_queued", leaving.expire_step),
    ("core.wake_jobs", _wake_jobs),
    ("core.wake_backups", _wake_backups),
)
"""Sweeps every worker does every few seconds: they make way for each other by skipping locked rows,
and a job woken twice is claimed once."""


def sweep_often(house: House) -> None:
    """Do the frequent sweeps once; one that fails is logged and does not keep the others from running."""
    for name, sweep in FREQUENT:
        try:
            _swept(house, name, sweep)()
        except Exception:
            log.exception("sweep_failed", sweep=name)
    for name, duty in DUTIES:
        try:
            duty(house.work)
        except Exception:
            log.exception("sweep_failed", sweep=name)


_LONGEST_PAUSE = 60.0


def repeat(house: House, name: str, duty: Callable[[Opener], Any], every: float, stopping: threading.Event) -> None:
    """Do a duty again and again until `stopping`; one that fails is logged and tried again, ever later."""
    pause = every
    while not stopping.wait(pause):
        try:
            duty(house.work)
            pause = every
        except Exception:
            pause = min(pause * 2, _LONGEST_PAUSE)
            log.exception("sweep_failed", sweep=name)


def _drain_left_callbacks(open_work: Opener) -> None:
    """Work off requests whose waking was lost."""
    with open_work(SYSTEM) as work:
        waiting = callbacks.open_connections(work)
    for connection_id in waiting:
        callbacks.drain(open_work, connection_id)


DUTIES: tuple[tuple[str, Callable[[Opener], Any]], ...] = (
    (callbacks.DRAIN, _drain_left_callbacks),
    ("core.move_on", moving.move_due),
    ("core.mail_notices", deliver.at_once),
    ("core.send_mail", mail.send_due),
    ("core.carry_out_requests", carrying.run_due),
    ("core.tell_ways_in", ways_in.tell_due),
    ("core.sweep_copies", handing.sweep_hourly),
)
"""What every worker does every few seconds in units of work of its own: several, or with waiting in between."""

APART: tuple[tuple[str, Callable[[Opener], Any], float], ...] = (
    ("core.ship_wal", wal.ship, 5.0),
    ("core.make_base", wal.make_base, 20.0),
)
"""What a worker does in threads of their own, every so many seconds: a slow store must hold up nothing else."""
