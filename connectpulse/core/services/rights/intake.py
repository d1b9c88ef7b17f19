"""The one door for what people ask about their data: a form, the panel and the API all come through here."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from ...domain import rights
from ...domain.rights import Kind, State
from ...errors import NotFound, Refused
from ...storage.models import Organisation, SubjectRequest
from ...storage.trust import trust
from .. import addresses, audit, four_eyes
from ..work import Work
from . import telling

ACT = "rights.carry_out"


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks. `wanted` says more for the machine: `channel` and `purpose` of an objection.

    `proof` says how whoever enters the request made sure who asks; empty: the person must confirm it themselves.
    """

    kind: str
    scheme: str
    address: str
    name: str = ""
    message: str = ""
    wanted: Mapping[str, str] = field(default_factory=dict)
    source: str = "form"
    received_at: datetime | None = None
    proof: str = ""


def submit(work: Work, asked: Asked) -> SubjectRequest:
    """Take a request in, for the organisation of `work` or (None) the platform; return it.

    The same request of the same person while it is open is one request: the one that is there is returned.
    Raises Refused with every fault, and for a day on which it cannot have come in.
    """
    kind, address = _check(work, asked)
    now = work.clock()
    received_at = asked.received_at or now
    rights.check_received(received_at, now)
    found = _insert(work, asked, kind, address, received_at)
    request = find(work, found[0], lock=True)
    if found[1]:
        audit.record_named(
            work, "subject_request.received", request.organisation_id, "SubjectRequest", request.id, str(request),
            asked=kind.value, source=asked.source,
        )  # fmt: skip
        telling.notice(
            work, request, "new", f"New request: {kind.label}", f"To be answered by {telling.day(request.due_at)}."
        )
    if asked.proof.strip() and request.state == State.RECEIVED:
        verify(work, request.id, asked.proof)
    return request


def _check(work: Work, asked: Asked) -> tuple[Kind, str]:
    faults: dict[str, str] = {}
    try:
        kind = Kind(asked.kind)
    except ValueError:
        faults["kind"], kind = "Choose what you ask for.", Kind.ACCESS
    try:
        address = addresses.normalise(asked.scheme, asked.address[:320], _region(work))
    except Refused as refusal:
        faults["address"], address = str(refusal), ""
    if len(asked.message) > 2000:
        faults["message"] = "Message: at most 2,000 characters."
    if any("\x00" in each for each in (asked.name, asked.message, asked.proof)):
        faults["message"] = "This contains a character that cannot be stored."
    if faults:
        fault = Refused(*faults.values())
        fault.fields = faults
        raise fault
    return kind, address


def _region(work: Work) -> str:
    if work.organisation is None:
        return "ZZ"
    row = work.session.get(Organisation, work.organisation)
    return row.country if row is not None else "ZZ"


def _insert(work: Work, asked: Asked, kind: Kind, address: str, received_at: datetime) -> tuple[int, bool]:
    """Insert a request unless the same one is open; return its id, and whether it is new. Safe in parallel."""
    said = f"{work.organisation or 0}|{kind.value}|{asked.scheme}|{address}"
    key = hmac.new(trust.key("subject requests"), said.encode(), "sha256").hexdigest()
    table = SubjectRequest.__table__
    made = work.session.execute(
        insert(table)
        .values(
            organisation_id=work.organisation, kind=kind.value, source=asked.source, key=key, scheme=asked.scheme,
            address=address, name=asked.name.strip()[:200], message=asked.message.strip(),
            wanted=dict(asked.wanted), received_at=received_at, due_at=rights.due(received_at),
        )
        .on_conflict_do_nothing()
        .returning(table.c.id)
    ).scalar_one_or_none()  # fmt: skip
    if made is not None:
        return made, True
    is_open = table.c.state.not_in([State.DONE, State.REFUSED, State.WITHDRAWN])
    return work.session.execute(select(table.c.id).where(table.c.key == key, is_open)).scalar_one(), False


def find(work: Work, request_id: int, *, lock: bool = False) -> SubjectRequest:
    """Return a request of the work's organisation, or of the platform where the work has none."""
    wanted = select(SubjectRequest).where(
        SubjectRequest.id == request_id,
        SubjectRequest.organisation_id.is_not_distinct_from(work.organisation),
    )
    if lock:
        wanted = wanted.with_for_update().execution_options(populate_existing=True)
    row = work.session.scalars(wanted).one_or_none()
    if row is None:
        raise NotFound(f"There is no request {request_id}.")
    return row


def record(work: Work, verb: str, request: SubjectRequest, **detail: Any) -> None:
    """Write what happened to a request into the action log, without anything personal."""
    work.session.flush()
    audit.record_named(work, verb, request.organisation_id, "SubjectRequest", request.id, str(request), **detail)


def verify(work: Work, request_id: int, proof: str) -> SubjectRequest:
    """Record that it is known who asks, and how that was made sure of."""
    request = find(work, request_id, lock=True)
    if request.state != State.RECEIVED:
        raise Refused("This request is verified already, or over.")
    if not proof.strip():
        raise Refused("Say how you made sure who asks: what you looked at, and when.")
    request.state, request.proof, request.verified_at = State.VERIFIED, proof.strip()[:500], work.clock()
    request.code_hash = ""
    record(work, "subject_request.verified", request)
    telling.notice(
        work, request, "verified", f"{request!r}: find the data and plan", "The person has proved who they are."
    )
    telling.progress(work, request)
    return request


def refuse(work: Work, request_id: int, why: str) -> SubjectRequest:
    """End a request without doing what it asks, and tell the person why."""
    request = _open_one(work, request_id)
    if not why.strip():
        raise Refused("Say why: the person reads it.")
    _end(work, request, State.REFUSED, why)
    record(work, "subject_request.refused", request, reason=why)
    telling.progress(work, request, f"The reason: {why.strip()[:500]} You may complain to the authority in charge.")
    return request


def withdraw(work: Work, request_id: int) -> SubjectRequest:
    """End a request because the person does not want it any more."""
    request = _open_one(work, request_id)
    _end(work, request, State.WITHDRAWN, "Withdrawn by the person.")
    record(work, "subject_request.withdrawn", request)
    return request


def extend(work: Work, request_id: int, months: int, why: str) -> SubjectRequest:
    """Put the day off by which a request is answered, once, and tell the person why."""
    request = _open_one(work, request_id)
    if request.extension:
        raise Refused("This request was extended before; that can be done once.")
    if work.clock() >= request.due_at:
        raise Refused("The time to answer is over; it can be extended only before that.")
    if not why.strip():
        raise Refused("Say why: the person reads it.")
    if not 1 <= months <= rights.MOST_EXTENSION:
        raise Refused("A request may be extended by one or two months.")
    request.extension, request.extension_reason = months, why.strip()[:500]
    request.due_at = rights.due(request.received_at, months)
    record(work, "subject_request.extended", request, months=months, reason=why)
    telling.settled(work, request)
    telling.progress(work, request, f"It takes longer than a month. The reason: {request.extension_reason}")
    return request


def _open_one(work: Work, request_id: int) -> SubjectRequest:
    request = find(work, request_id, lock=True)
    if not State(request.state).is_open or request.state == State.APPROVED:
        raise Refused("This request is over, or is being carried out; it cannot be changed any more.")
    return request


def _end(work: Work, request: SubjectRequest, state: State, why: str) -> None:
    drop_decision(work, request, why)
    request.state, request.reason, request.ended_at = state, why.strip()[:500], work.clock()
    request.code_hash = ""
    telling.settled(work, request)


def drop_decision(work: Work, request: SubjectRequest, why: str) -> None:
    """Take back what a second person was asked, because it does not hold any more."""
    waiting = four_eyes.waiting(work, ACT, request.id)
    if waiting is not None:
        waiting.state, waiting.answer, waiting.decided_at = "expired", why[:500], work.clock()
        work.session.flush()
