"""Objections and restrictions: messages stop, also those of campaigns that are running.

Both are rows that every claim of messages looks at in its own transaction: what is not on the wire when they are
committed is not sent, and its units are given back.
"""

from sqlalchemy import select

from ...domain.contracts import Purpose
from ...domain.retention import Subject, SubjectHandler
from ...domain.rights import Kind
from ...errors import Refused
from ...storage import models as m
from .. import suppressions
from ..work import Work

REASON = "objected"


def apply(work: Work, request: m.SubjectRequest, subject: Subject) -> None:
    """Stop messages in the caller's transaction, and count for the certificate what was stopped."""
    done: dict[str, int] = {}
    if request.kind == Kind.OBJECTION:
        done["pulse_suppression"] = _object(work, request, subject)
    else:
        for table, each in work.registry.subjects.items():
            count = each.restrict(work, subject, True)
            if count:
                done[table] = count
    request.facts = {**request.facts, "done": done}


def _object(work: Work, request: m.SubjectRequest, subject: Subject) -> int:
    channel, purpose = request.wanted.get("channel") or m.ANY, request.wanted.get("purpose") or m.ANY
    if purpose not in (m.ANY, *(each.value for each in Purpose)):
        raise Refused(f"{purpose!r} is not a purpose of messages.")
    if channel != m.ANY and channel not in work.registry.channels:
        raise Refused(f"{channel!r} is not a channel of this site.")
    before, count = work.organisation, 0
    for organisation_id in _organisations(work, subject):
        work.organisation = organisation_id
        for scheme, value in subject.addresses:
            count += suppressions.add(
                work, scheme, value, reason=REASON, source=f"request {request.id}", channel=channel, purpose=purpose
            )
    work.organisation = before
    return count


def _organisations(work: Work, subject: Subject) -> list[int]:
    """Return whose messages stop: the organisation's, or those of every organisation there is."""
    if subject.organisation_id is not None:
        return [subject.organisation_id]
    return list(work.session.scalars(select(m.Organisation.id).order_by(m.Organisation.id)))


def deed(kind: Kind, each: SubjectHandler) -> tuple[str, str]:
    """Return what an objection or a restriction does to a table, and why."""
    if kind is Kind.RESTRICTION:
        is_stopped = each.model.__tablename__ == "pulse_contact"
        return ("restricted", "Kept, and not written to.") if is_stopped else ("left", "It is kept as it is.")
    return "left", "Nothing is erased; the addresses are suppressed."
