"""Legal holds: what they cover stays, whatever rules and requests say. Lifting needs two people."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, text

from ...domain.retention import Subject
from ...errors import NotFound, Refused
from ...storage.models import Decision, Hold
from .. import audit, four_eyes
from ..work import Work

SUBJECT, ORGANISATION, CLASS = "subject", "organisation", "class"
LIFT = "hold.lift"


def place(
    work: Work, kind: str, reason: str, *, table_name: str = "", scheme: str = "", value: str = "",
    contact_id: int | None = None, user_id: int | None = None,
) -> Hold:  # fmt: skip
    """Place a hold in the work's organisation, or in all of them where there is none; raise Refused if unclear."""
    _check(work, kind, reason, table_name, bool((scheme and value) or contact_id or user_id))
    row = Hold(
        organisation_id=work.organisation, kind=kind, reason=reason.strip()[:500], table_name=table_name,
        scheme=scheme, value=value, contact_id=contact_id, user_id=user_id, placed_by=work.actor.id,
    )  # fmt: skip
    work.session.add(row)
    work.session.flush()
    audit.record_named(work, "hold.placed", work.organisation, "Hold", row.id, repr(row), on=kind, table=table_name)
    return row


def _check(work: Work, kind: str, reason: str, table_name: str, has_person: bool) -> None:
    if not reason.strip():
        raise Refused("Say why: whoever lifts the hold one day reads it.")
    if kind == CLASS and table_name not in work.registry.rules:
        raise Refused("Choose which records are held.")
    if kind == ORGANISATION and work.organisation is None:
        raise Refused("Choose the organisation first.")
    if kind == SUBJECT and not has_person:
        raise Refused("Say whose records are held: give an address, a contact or a user.")
    if kind not in (SUBJECT, ORGANISATION, CLASS):
        raise Refused("A hold is on a person, an organisation or a kind of records.")


def ask_lift(work: Work, hold_id: int, reason: str) -> Decision:
    """Ask a second person to lift a hold; it stands until they approve."""
    hold = find(work, hold_id)
    if hold.lifted_at is not None:
        raise Refused("This hold was lifted already.")
    return four_eyes.ask(work, LIFT, hold.id, f"Lift legal {hold!r}", reason)


def lift(work: Work, hold_id: int, facts: Mapping[str, Any]) -> None:
    """Lift a hold; done by the approval of the second person only."""
    hold = find(work, hold_id)
    if hold.lifted_at is None:
        hold.lifted_at = work.clock()
        work.session.flush()
        audit.record_named(work, "hold.lifted", hold.organisation_id, "Hold", hold.id, repr(hold))


def find(work: Work, hold_id: int, *, lock: bool = True) -> Hold:
    """Return a hold the work's organisation may see; raise NotFound otherwise."""
    wanted = select(Hold).where(Hold.id == hold_id)
    if work.organisation is not None:
        wanted = wanted.where(Hold.organisation_id == work.organisation)
    hold = work.session.scalars(wanted.with_for_update() if lock else wanted).one_or_none()
    if hold is None:
        raise NotFound("There is no such hold.")
    return hold


def standing(work: Work, subject: Subject) -> list[Hold]:
    """Return the holds that cover this person's records: on the person, on the organisation, and on all of it.

    Holds on a kind of records are not among them: ask `covers` table by table.
    """
    person = [and_(Hold.scheme == scheme, Hold.value == value) for scheme, value in subject.addresses]
    if subject.contact_ids:
        person.append(Hold.contact_id.in_(subject.contact_ids))
    if subject.user_id:
        person.append(Hold.user_id == subject.user_id)
    on_person = and_(Hold.kind == SUBJECT, or_(*person)) if person else None
    matching = [Hold.kind == ORGANISATION, *([on_person] if on_person is not None else [])]
    wanted = select(Hold).where(Hold.lifted_at.is_(None), or_(*matching)).order_by(Hold.id)
    return list(work.session.scalars(_here(wanted, subject.organisation_id)))


def covers(work: Work, table_name: str, organisation_id: int | None) -> Hold | None:
    """Return the oldest standing hold on these records of an organisation, or on all of it; None if there is none."""
    whole = or_(and_(Hold.kind == CLASS, Hold.table_name == table_name), Hold.kind == ORGANISATION)
    wanted = select(Hold).where(Hold.lifted_at.is_(None), whole).order_by(Hold.id).limit(1)
    return work.session.scalars(_here(wanted, organisation_id)).first()


def all_standing(work: Work) -> Sequence[Hold]:
    """Return every hold that stands, whatever it covers."""
    return work.session.scalars(select(Hold).where(Hold.lifted_at.is_(None)).order_by(Hold.id)).all()


def _here(wanted: Any, organisation_id: int | None) -> Any:
    """Narrow to holds that bind an organisation; a person sought across all of them is held by any."""
    if organisation_id is None:
        return wanted
    here: ColumnElement[bool] = or_(Hold.organisation_id == organisation_id, Hold.organisation_id.is_(None))
    return wanted.where(here)


def people(work: Work, standing: Sequence[Hold]) -> dict[int, Subject]:
    """Return whom the holds on a person are on, by hold: as they name them, with the contacts of their address.

    One probe of an index per hold and organisation it binds.
    """
    contacts: dict[int, set[int]] = {hold.id: {hold.contact_id} if hold.contact_id else set() for hold in standing}
    for hold_id, contact_id in work.session.connection().execute(_CONTACTS) if standing else ():
        contacts.setdefault(hold_id, set()).add(contact_id)
    return {
        hold.id: Subject(
            hold.organisation_id,
            ((hold.scheme, hold.value),) if hold.value else (),
            tuple(sorted(contacts[hold.id])),
            hold.user_id,
        )
        for hold in standing
        if hold.kind == SUBJECT
    }


_CONTACTS = text(
    "SELECT h.id, a.contact_id FROM pulse_hold h "
    "JOIN pulse_organisation o ON h.organisation_id IS NULL OR o.id = h.organisation_id "
    "JOIN pulse_address a ON a.organisation_id = o.id AND a.scheme = h.scheme AND a.value = h.value "
    "WHERE h.kind = 'subject' AND h.lifted_at IS NULL AND h.value <> ''"
)
