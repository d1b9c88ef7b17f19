"""Requests of people about their own information: handed in by a program of the organisation, and how far they are."""

from typing import Any

from sqlalchemy import select

from ....core.domain import rights
from ....core.domain.form import Field, Form, Kind
from ....core.domain.scopes import SUBJECTS_READ, SUBJECTS_WRITE
from ....core.services.rights import intake, proof
from ....core.services.rights.intake import Asked
from ....core.services.work import Work
from ....core.storage.models import SubjectRequest
from .. import door
from .document import TEXT, TIME, object_of
from .paging import PAGES, following, moment
from .routing import Route, body, query, respond, route

_REQUEST = object_of(
    id={"type": "integer"}, kind=TEXT, state=TEXT, source=TEXT, received_at=TIME, due_at=TIME, ended_at=TIME
)  # fmt: skip
_KINDS = tuple((kind.value, kind.label) for kind in rights.Kind)
_STATES = tuple((state.value, state.value) for state in rights.State)
_ASKED: Form = (
    Field("kind", "What is asked for", Kind.CHOICE, is_required=True, choices=_KINDS),
    Field("scheme", "Kind of address", Kind.CHOICE, default="phone", choices=(("phone", "Phone"), ("email", "E-mail"))),
    Field("address", "The person's address", is_required=True, high=320),
    Field("name", "The person's name", high=200),
    Field("message", "In their own words", Kind.LONG_TEXT, high=2000),
    Field("wanted", "More for an objection or a correction", Kind.JSON, help="An object of texts."),
    Field("proof", "How it was made sure who asks", high=500, help="Empty: the person is asked to confirm it."),
)
_QUERY: Form = (*PAGES, Field("state", "Only in this state", Kind.CHOICE, choices=_STATES))


@route(
    Route(
        "/subject-requests", "GET", SUBJECTS_READ, "Requests of people about their own information, the newest first",
        object_of(requests={"type": "array", "items": _REQUEST}, next={"type": ["string", "null"]}), query=_QUERY,
    )
)  # fmt: skip
def subject_requests() -> Any:
    """Return a page of the organisation's requests: what they are and how far, and nothing of the person."""
    asked = query(_QUERY)
    with door.work() as work:
        statement = (
            select(SubjectRequest)
            .where(SubjectRequest.organisation_id == work.organisation_id)
            .order_by(SubjectRequest.id.desc())
            .limit(asked["limit"] + 1)
        )
        if asked["before"]:
            statement = statement.where(SubjectRequest.id < asked["before"])
        if asked["state"]:
            statement = statement.where(SubjectRequest.state == asked["state"])
        rows = work.session.scalars(statement).all()
    shown = [_shown(row) for row in rows[: asked["limit"]]]
    return {"requests": shown, "next": following("api.subject_requests", rows, asked)}


@route(
    Route(
        "/subject-requests", "POST", SUBJECTS_WRITE, "Hand in a request of a person", _REQUEST, asked=_ASKED, status=201
    )
)  # fmt: skip
def submit_subject_request() -> Any:
    """Take a request in; the same request of the same person, while it is open, is one request.

    Without a proof the person is sent a code, as by the form.
    """
    asked = body(_ASKED)
    with door.work() as work:
        return respond(work, 201, lambda: _submit(work, asked))


def _submit(work: Work, given: dict[str, Any]) -> dict[str, Any]:
    row = intake.submit(work, _asked(given))
    if row.state == rights.State.RECEIVED:
        proof.send(work, row.id)
    return _shown(row)


def _asked(given: dict[str, Any]) -> Asked:
    wanted = given["wanted"]
    return Asked(
        kind=given["kind"], scheme=given["scheme"], address=given["address"], name=given["name"] or "",
        message=given["message"] or "", wanted={str(key): str(value) for key, value in (wanted or {}).items()},
        source="api", proof=given["proof"] or "",
    )  # fmt: skip


def _shown(row: SubjectRequest) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "state": row.state,
        "source": row.source,
        "received_at": moment(row.received_at),
        "due_at": moment(row.due_at),
        "ended_at": moment(row.ended_at),
    }
