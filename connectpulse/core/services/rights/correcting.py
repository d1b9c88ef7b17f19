"""Putting right what is held about a person: each value with what it was before, wherever it is used again.

What was sent stays as it was sent. The next text that is made takes the corrected value, because texts are made
from contacts when they are sent. A corrected address takes along what forbids writing to it.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from ...domain import fields as field_rules
from ...domain.retention import Subject
from ...domain.windows import find_zone
from ...errors import Refused
from ...storage import models as m
from .. import addresses, contacts, erased, suppressions
from ..work import Work
from . import intake

ADDRESS = "pulse_address"
CHANGES = "changes"


def propose(work: Work, request_id: int, changes: list[Mapping[str, str]]) -> None:
    """Write down what is to be corrected; raise Refused with every fault.

    A change has `table`, `column`, `before` and `after`; an address also its `scheme`. Nothing is changed yet.
    """
    request = intake.find(work, request_id, lock=True)
    if request.kind != "correction" or request.state not in ("verified", "planned"):
        raise Refused("Only a verified request for correction can be filled in.")
    faults: list[str] = []
    wanted = []
    for each in changes:
        try:
            wanted.append(_canonical(work, each))
        except (Refused, ValueError) as error:
            faults.append(str(error))
    if faults:
        raise Refused(*faults)
    request.wanted = {**request.wanted, CHANGES: wanted}
    if request.state == "planned":
        intake.drop_decision(work, request, "The corrections were changed.")
        request.state, request.digest = "verified", ""
    noted = sorted({f"{each['table']}.{each['column']}" for each in wanted})
    intake.record(work, "subject_request.correction_noted", request, columns=noted)


def _canonical(work: Work, change: Mapping[str, str]) -> dict[str, str]:
    table, column, after = change["table"], change["column"], change["after"].strip()
    handler = work.registry.subjects.get(table)
    if handler is None or column.partition(".")[0] not in handler.rectifiable:
        raise Refused(f"{column} cannot be corrected here.")
    if table == ADDRESS:
        country = contacts.region(work) if work.organisation is not None else "ZZ"
        after = addresses.normalise(change["scheme"], after, country)
    elif column == "timezone" and after:
        after = find_zone(after).key
    elif column.startswith("fields."):
        kinds = contacts.field_kinds(work) if work.organisation is not None else {}
        after = field_rules.canonical(kinds.get(column.partition(".")[2], "text"), after)
    model_column: Any = handler.model.__table__.columns.get(column)
    length = getattr(getattr(model_column, "type", None), "length", None)
    if length and len(after) > length:
        raise Refused(f"{column}: at most {length} characters.")
    made = {"table": table, "column": column, "before": change.get("before", ""), "after": after}
    return made | ({"scheme": change["scheme"]} if table == ADDRESS else {})


def columns(request: m.SubjectRequest, table: str) -> list[str]:
    """Return what a request corrects in one table."""
    return sorted({each["column"] for each in request.wanted.get(CHANGES, ()) if each["table"] == table})


def notes(request: m.SubjectRequest) -> list[str]:
    """Return each correction as a sentence of before and after."""
    return [
        f"{each['column'].removeprefix('fields.')}: “{each['before']}” becomes “{each['after']}”."
        for each in request.wanted.get(CHANGES, ())
    ]


def check(request: m.SubjectRequest) -> None:
    """Raise Refused if nothing is to be corrected."""
    if not request.wanted.get(CHANGES):
        raise Refused("Fill in what is to be corrected first.")


def apply(work: Work, request: m.SubjectRequest, subject: Subject) -> None:
    """Correct everything in the caller's transaction, and count the rows for the certificate."""
    done: dict[str, int] = {}
    try:
        for each in request.wanted.get(CHANGES, ()):
            count = _address(work, subject, each) if each["table"] == ADDRESS else _value(work, subject, each)
            done[each["table"]] = done.get(each["table"], 0) + count
    except IntegrityError:
        raise Refused("Another contact has this address or name already. Nothing was changed.") from None
    request.facts = {**request.facts, "done": done}


def _value(work: Work, subject: Subject, change: Mapping[str, str]) -> int:
    handler = work.registry.subjects[change["table"]]
    return handler.rectify(work, subject, {change["column"]: change["after"]})


def _address(work: Work, subject: Subject, change: Mapping[str, str]) -> int:
    """Correct one address, its consents with it; what forbids the old one forbids the new one, too."""
    old = (change["scheme"], change["before"])
    if old not in subject.addresses:
        raise Refused("The address to be corrected is not this person's any more. Plan it again.")
    narrow = replace(subject, addresses=(old,), contact_ids=(), user_id=None)
    done = 0
    for table in (ADDRESS, "pulse_consent"):
        done += work.registry.subjects[table].rectify(work, narrow, {"value": change["after"]})
    _carry_suppressions(work, subject, old, change["after"])
    return done


def _carry_suppressions(work: Work, subject: Subject, old: tuple[str, str], value: str) -> None:
    rows = select(m.Suppression).where(m.Suppression.scheme == old[0], m.Suppression.value == old[1])
    if subject.organisation_id is not None:
        rows = rows.where(m.Suppression.organisation_id == subject.organisation_id)
    before = work.organisation
    for row in work.session.scalars(rows).all():
        work.organisation = row.organisation_id
        suppressions.add(
            work, row.scheme, value, reason=row.reason, source="corrected address", channel=row.channel,
            purpose=row.purpose,
        )  # fmt: skip
        erased.meet(work, row.organisation_id, [(row.scheme, value)])
    work.organisation = before
