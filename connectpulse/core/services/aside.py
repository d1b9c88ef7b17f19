"""What failed again and again and was set aside: with its reason, so that its neighbours go on, to be tried again.

Requests of providers, events of open sessions (kept in the same table) and durable jobs. What is tried again and
fails again is set aside again.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import text

from ..domain.message import MessageState
from ..domain.provider import Approval, Event, Inbound, Receipt, Stop, TemplateWord
from ..domain.redaction import told
from ..errors import NotFound, Refused
from ..storage.models import CallbackRequest
from . import audit, jobs
from .callback_names import DRAIN, SESSION
from .work import Work

log = structlog.get_logger(__name__)

SHOWN = 50
_KINDS: Mapping[str, type[Any]] = {"receipt": Receipt, "inbound": Inbound, "template": TemplateWord, "stop": Stop}


@dataclass(frozen=True, slots=True)
class Told:
    """What one connection's provider told and the house could not digest: how many events, and the last reason."""

    connection_id: int
    name: str
    count: int
    since: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class FailedJob:
    """A job that was given up. `is_told` where its subject says so, and is begun anew on its own page."""

    id: int
    kind: str
    subject_id: int
    since: datetime
    reason: str
    is_told: bool


def keep(work: Work, connection_id: int, event: Event, error: Exception) -> None:
    """Set aside an event of an open session that could not be taken in, so that its provider stops repeating it."""
    reason = told(error)
    log.warning("event_set_aside", connection=connection_id, error=reason)
    work.session.add(
        CallbackRequest(
            connection_id=connection_id, method=SESSION, url="", headers={}, body=_written(event),
            state="failed", error=reason,
        )
    )  # fmt: skip


def _written(event: Event) -> bytes:
    kind = next(name for name, cls in _KINDS.items() if isinstance(event, cls))
    facts = event._asdict() if isinstance(event, Receipt) else asdict(event)
    return json.dumps({"kind": kind, **facts}, default=_plain).encode()


def _plain(value: datetime | timedelta) -> str | float:
    return value.total_seconds() if isinstance(value, timedelta) else value.isoformat()


def event_of(body: bytes) -> Event:
    """Return an event that was set aside."""
    facts: dict[str, Any] = json.loads(body)
    cls = _KINDS[facts.pop("kind")]
    for name in ("occurred_at", "received_at"):
        if facts.get(name):
            facts[name] = datetime.fromisoformat(facts[name])
    if facts.get("again") is not None:
        facts["again"] = timedelta(seconds=facts["again"])
    if facts.get("state") is not None:
        facts["state"] = Approval(facts["state"]) if cls is TemplateWord else MessageState(facts["state"])
    made: Event = cls(**facts)
    return made


def told_aside(work: Work) -> Sequence[Told]:
    """Return what providers told that was set aside and is still kept, by connection."""
    rows = work.session.execute(
        text(
            "SELECT c.connection_id, coalesce(n.name, 'connection ' || c.connection_id) AS name, count(*) AS count, "
            "min(c.created_at) AS since, (array_agg(c.error ORDER BY c.id DESC))[1] AS reason "
            "FROM pulse_callback c LEFT JOIN pulse_connection n ON n.id = c.connection_id "
            "WHERE c.state = 'failed' GROUP BY 1, 2 ORDER BY 3 DESC, 1 LIMIT :most"
        ),
        {"most": SHOWN},
    )
    return [Told(*row) for row in rows]


def failed_jobs(work: Work) -> Sequence[FailedJob]:
    """Return the jobs that were given up and are still kept, the newest first."""
    rows = work.session.execute(
        text(
            "SELECT id, kind, subject_id, created_at AS since, error AS reason FROM pulse_job "
            "WHERE state = 'failed' ORDER BY id DESC LIMIT :most"
        ),
        {"most": SHOWN},
    )
    return [
        FailedJob(row.id, row.kind, row.subject_id, row.since, row.reason, _is_told(work, row.kind)) for row in rows
    ]


def _is_told(work: Work, kind: str) -> bool:
    job = work.registry.jobs.get(kind)
    return job is None or job.give_up is not None


def retry_told(work: Work, connection_id: int) -> int:
    """Let what a connection's provider told and was set aside be worked off once more; return how many events."""
    again = work.session.execute(
        text(
            "UPDATE pulse_callback SET state = 'open', error = '' "
            "WHERE connection_id = :connection AND state = 'failed' RETURNING id"
        ),
        {"connection": connection_id},
    ).all()
    if not again:
        raise NotFound("Nothing of this connection is set aside any more.")
    found = work.session.scalar(text("SELECT name FROM pulse_connection WHERE id = :id"), {"id": connection_id})
    name = str(found or f"connection {connection_id}")
    audit.record_named(work, "callback.retried", None, "Connection", connection_id, name, events=len(again))
    work.wake(DRAIN, connection_id)
    return len(again)


def retry_job(work: Work, job_id: int) -> None:
    """Let a job that was given up be tried again, from where it stood."""
    row = work.session.execute(
        text("SELECT kind, subject_id, organisation_id FROM pulse_job WHERE id = :id AND state = 'failed' FOR UPDATE"),
        {"id": job_id},
    ).one_or_none()
    if row is None:
        raise NotFound("This job is not set aside any more.")
    if _is_told(work, row.kind):
        raise Refused("What this job was for says that it failed. Begin it again there.")
    jobs.submit_for(work, row.kind, row.subject_id, row.organisation_id)
    work.session.execute(text("DELETE FROM pulse_job WHERE id = :id"), {"id": job_id})
    audit.record_named(work, "job.retried", row.organisation_id, "Job", job_id, row.kind)
