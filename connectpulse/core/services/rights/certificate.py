"""The certificate of a request for the auditor: what was found, what was done and kept, by whom and when. Signed.

It names no person but those who decided, by the numbers of their accounts; and says what it does by counts and
digests. Anybody with the site's public key can verify it.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from ...domain.rights import State
from ...storage.models import Decision, SubjectRequest
from ...storage.trust import sealed
from ..work import Work
from . import intake, telling

VERSION = 1


def finish(work: Work, request: SubjectRequest, **more: Any) -> None:
    """End a request that was carried out, with its certificate."""
    now = work.clock()
    request.state, request.stage, request.ended_at, request.lease_until = State.DONE, "done", now, None
    request.certificate = sealed(_payload(work, request, more))
    intake.record(work, "subject_request.done", request, **_brief(request))
    telling.settled(work, request)


def _payload(work: Work, request: SubjectRequest, more: Mapping[str, Any]) -> dict[str, Any]:
    done: Mapping[str, int] = request.facts.get("done", {})
    planned = {each["table"]: each for each in request.plan}
    lines = [
        {
            "table": table,
            "found": planned.get(table, {}).get("rows", 0),
            "deed": planned.get(table, {}).get("deed", "erased"),
            "why": planned.get(table, {}).get("why", ""),
            "done": done.get(table, 0),
        }
        for table in sorted({*planned, *done})
    ]
    return {
        "certificate": VERSION,
        "request": request.id,
        "kind": request.kind,
        "organisation": request.organisation_id,
        "received_at": _moment(request.received_at),
        "due_at": _moment(request.due_at),
        "extended_by_months": request.extension,
        "verified_at": _moment(request.verified_at),
        "planned_at": _moment(request.planned_at),
        "plan": request.digest,
        "decision": _decision(work, request),
        "ended_at": _moment(request.ended_at),
        "tables": lines,
        **more,
    }


def _decision(work: Work, request: SubjectRequest) -> dict[str, Any] | None:
    row = work.session.scalars(
        select(Decision)
        .where(Decision.act == intake.ACT, Decision.subject_id == request.id, Decision.state == "approved")
        .order_by(Decision.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    return {"asked_by": row.asked_by, "approved_by": row.decided_by, "approved_at": _moment(row.decided_at)}


def _brief(request: SubjectRequest) -> dict[str, Any]:
    return {"rows": sum(request.facts.get("done", {}).values())}


def _moment(at: Any) -> str | None:
    return at.isoformat(timespec="seconds") if at is not None else None
