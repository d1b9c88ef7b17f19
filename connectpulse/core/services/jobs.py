"""Durable work in steps: a job is a row under a lease, each step one transaction, a kill resumes at the last.

The queue is at-most-once and only wakes; the sweeper finds jobs whose waking was lost. Extending the lease
is part of each step's transaction, so that a worker that lost its lease cannot commit another step.
"""

from collections.abc import Callable

import structlog
from sqlalchemy import text

from ..domain.jobs import Job
from ..domain.redaction import told
from ..errors import PulseError
from ..storage.session import AWAY
from .work import SYSTEM, Opener, Work

log = structlog.get_logger(__name__)

LEASE_SECONDS = 60
MOST_ATTEMPTS = 6
RUN = "core.run_job"
"""The queue task that runs one job."""


class LeaseLost(Exception):
    """Another worker has taken the job over; this one's step is rolled back."""


def submit(work: Work, kind: str, subject_id: int) -> None:
    """Make sure that a job of `kind` runs for this subject; one that waits or runs already is enough."""
    submit_for(work, kind, subject_id, work.organisation)


def submit_for(work: Work, kind: str, subject_id: int, organisation: int | None) -> None:
    """Submit a job for an organisation that need not be the work's own."""
    job_id = work.session.scalar(
        text(
            "INSERT INTO pulse_job (kind, subject_id, organisation_id) "
            "VALUES (:kind, :subject, :organisation) "
            "ON CONFLICT (kind, subject_id) WHERE state IN ('waiting', 'running') DO NOTHING RETURNING id"
        ),
        {"kind": kind, "subject": subject_id, "organisation": organisation},
    )
    if job_id is not None:
        work.wake(RUN, job_id)


def due(work: Work, limit: int = 100) -> list[int]:
    """Return jobs nobody is working on although their time has come; those of muted plugins wait."""
    rows = work.session.execute(
        text(
            "SELECT id FROM pulse_job WHERE state IN ('waiting', 'running') AND run_at <= now() "
            "AND (lease_until IS NULL OR lease_until < now()) AND kind = ANY(:kinds) ORDER BY run_at LIMIT :limit"
        ),
        {"limit": limit, "kinds": list(work.registry.jobs)},
    )
    return [row[0] for row in rows]


def run(open_work: Opener, job_id: int, worker: str, is_stopping: Callable[[], bool] = lambda: False) -> None:
    """Work on a job until it is done, or until this process is to stop."""
    claim = _claim(open_work, job_id, worker)
    if claim is None or _is_hopeless(open_work, job_id, claim):
        return
    kind, subject_id, organisation, attempts = claim
    try:
        with open_work(SYSTEM, organisation) as work:
            job: Job = work.registry.jobs[kind]
        while True:
            has_more = job.call is not None and job.call(open_work, subject_id)
            found = (job.before(open_work, subject_id),) if job.before is not None else ()
            with open_work(SYSTEM, organisation) as work:
                if job.step is not None:
                    has_more = job.step(work, subject_id, *found)
                state = "running" if has_more else "done"
                if has_more and is_stopping():
                    state = "waiting"
                _keep(work, job_id, worker, state)
            if state != "running":
                return
    except LeaseLost:
        log.warning("job_lease_lost", job=job_id, kind=kind)
    except PulseError as error:
        _end(open_work, job_id, organisation, kind, subject_id, str(error))
    except Exception as error:
        log.exception("job_failed", job=job_id, kind=kind, attempts=attempts)
        reason = told(error)
        if attempts >= MOST_ATTEMPTS:
            _end(open_work, job_id, organisation, kind, subject_id, f"It failed {attempts} times: {reason}")
        else:
            _postpone(open_work, job_id, worker, attempts, reason)


def _claim(open_work: Opener, job_id: int, worker: str) -> tuple[str, int, int | None, int] | None:
    with open_work(SYSTEM) as work:
        row = work.session.execute(
            text(
                "UPDATE pulse_job SET state = 'running', worker = :worker, attempts = attempts + 1, "
                "lease_until = now() + make_interval(secs => :lease) "
                "WHERE id = :id AND state IN ('waiting', 'running') AND run_at <= now() "
                "AND (lease_until IS NULL OR lease_until < now()) AND kind = ANY(:kinds) "
                "RETURNING kind, subject_id, organisation_id, attempts"
            ),
            {"id": job_id, "worker": worker, "lease": LEASE_SECONDS, "kinds": list(work.registry.jobs)},
        ).one_or_none()
        return (row[0], row[1], row[2], row[3]) if row else None


def _is_hopeless(open_work: Opener, job_id: int, claim: tuple[str, int, int | None, int]) -> bool:
    """Set a job aside that was begun again and again and never came to an end, as it ended its workers."""
    kind, subject_id, organisation, attempts = claim
    if attempts > MOST_ATTEMPTS:
        _end(open_work, job_id, organisation, kind, subject_id, f"It was begun {attempts - 1} times and never ended.")
    return attempts > MOST_ATTEMPTS


def _keep(work: Work, job_id: int, worker: str, state: str) -> None:
    """Extend the lease, or give it up; a step that made progress forgives earlier failures."""
    lease = "now() + make_interval(secs => :lease)" if state == "running" else "NULL"
    kept = work.session.execute(
        text(
            f"UPDATE pulse_job SET state = :state, lease_until = {lease}, attempts = 1 "
            "WHERE id = :id AND worker = :worker AND state = 'running' RETURNING id"
        ),
        {"id": job_id, "worker": worker, "state": state, "lease": LEASE_SECONDS},
    ).one_or_none()
    if kept is None:
        raise LeaseLost


def _postpone(open_work: Opener, job_id: int, worker: str, attempts: int, reason: str) -> None:
    with open_work(SYSTEM) as work:
        work.session.execute(
            text(
                "UPDATE pulse_job SET state = 'waiting', lease_until = NULL, error = :error, "
                "run_at = now() + make_interval(secs => :wait) WHERE id = :id AND worker = :worker"
            ),
            {"id": job_id, "worker": worker, "error": reason[:500], "wait": 2**attempts},
        )


def _end(open_work: Opener, job_id: int, organisation: int | None, kind: str, subject_id: int, reason: str) -> None:
    """Set a job aside, with its reason. A subject that cannot be told, as it is gone, does not keep the job alive."""
    try:
        with open_work(SYSTEM, organisation) as work:
            give_up = work.registry.jobs[kind].give_up
            if give_up is not None:
                give_up(work, subject_id, reason[:300])
            _set_aside(work, job_id, reason)
    except AWAY:
        raise
    except Exception as error:
        log.exception("job_not_told", job=job_id, kind=kind)
        with open_work(SYSTEM, organisation) as work:
            _set_aside(work, job_id, f"{reason[:300]} Nobody was told: {told(error, 150)}")


def _set_aside(work: Work, job_id: int, reason: str) -> None:
    work.session.execute(
        text("UPDATE pulse_job SET state = 'failed', lease_until = NULL, error = :error WHERE id = :id"),
        {"id": job_id, "error": reason[:500]},
    )
