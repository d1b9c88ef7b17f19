"""What people write back: read by a program of the organisation, answered, and marked as done."""

from typing import Any

from flask import url_for
from sqlalchemy import select

from ....core.domain.form import Field, Form, Kind
from ....core.domain.scopes import INBOX_READ, INBOX_WRITE
from ....core.errors import NotFound
from ....core.services.conversations import answering, listing, talk, threads
from ....core.services.conversations.answering import Draft
from ....core.services.work import Work
from ....core.storage.models import InboundMessage, Thread
from .. import door
from .document import LIST, TEXT, TIME, object_of
from .paging import PAGES, following, moment
from .routing import Route, body, query, respond, route

_NUMBER, _MAYBE, _YES_NO = {"type": "integer"}, {"type": ["integer", "null"]}, {"type": "boolean"}
_NEXT = {"type": ["string", "null"]}
_MESSAGE = object_of(
    id=_NUMBER, channel=TEXT, address=TEXT, recipient=TEXT, text=TEXT, contact=_MAYBE, campaign=_MAYBE,
    is_opt_out=_YES_NO, received_at=TIME,
)  # fmt: skip
_THREAD = object_of(
    id=_NUMBER, state=TEXT, contact=_MAYBE, scheme=TEXT, address=TEXT, unread=_NUMBER, waiting_since=TIME,
    assigned_to=_MAYBE, last=_NUMBER,
)  # fmt: skip
_SAID = object_of(
    id=_NUMBER, at=TIME, is_ours=_YES_NO, channel=TEXT, address=TEXT, identity=TEXT, text=TEXT,
    state={"type": ["string", "null"]}, reason=TEXT, labels=LIST,
)  # fmt: skip
_LAST = Field("seen", "The last thing you read", Kind.NUMBER, low=1, high=2**63 - 1,
              help="The thread's `last`. What is newer refuses the request; empty asks nothing.")  # fmt: skip
_VIEW: Form = (
    *PAGES,
    Field("view", "Which threads", Kind.CHOICE, default="open",
          choices=tuple((name, label) for name, label in listing.VIEWS.items() if name != "mine")),
)  # fmt: skip
_EARLIER: Form = (Field("before", "Begin below this id", Kind.NUMBER, low=1, high=2**63 - 1),)
_ANSWER: Form = (
    *answering.FORM,
    Field("way", "Over which channel and to which address", high=400,
          help="The channel's name, a space, the address. Empty answers the way the person wrote last."),
    Field("sender", "As whom", high=320, help="Empty answers as whom the person wrote to."),
    _LAST,
    Field("closes", "Mark the thread as done", Kind.SWITCH, default=False),
)  # fmt: skip
_DONE: Form = (_LAST,)


@route(
    Route(
        "/inbound", "GET", INBOX_READ, "Messages that people wrote to the organisation, the newest first",
        object_of(messages={"type": "array", "items": _MESSAGE}, next=_NEXT), query=PAGES,
    )
)  # fmt: skip
def inbound() -> Any:
    """Return a page of what people wrote."""
    asked = query(PAGES)
    with door.work() as work:
        wanted = select(InboundMessage).where(InboundMessage.organisation_id == work.organisation_id)
        if asked["before"]:
            wanted = wanted.where(InboundMessage.id < asked["before"])
        rows = work.session.scalars(wanted.order_by(InboundMessage.id.desc()).limit(asked["limit"] + 1)).all()
        shown = [_message(row) for row in rows[: asked["limit"]]]
    return {"messages": shown, "next": following("api.inbound", rows, asked)}


@route(
    Route(
        "/threads", "GET", INBOX_READ, "Threads of the inbox, the last one first",
        object_of(threads={"type": "array", "items": _THREAD}, next=_NEXT), query=_VIEW,
    )
)  # fmt: skip
def list_threads() -> Any:
    """Return a page of the inbox; `before` is a thread's `last`."""
    asked = query(_VIEW)
    with door.work() as work:
        page = listing.page(work, asked["view"], before=asked["before"], most=asked["limit"])
        shown = [_thread(line) for line in page.lines]
    kept = asked | {"before": page.older}
    return {"threads": shown, "next": url_for("api.list_threads", **kept) if page.older else None}


@route(
    Route(
        "/threads/<int:id>", "GET", INBOX_READ, "A thread with the last that was said in it",
        object_of(thread=_THREAD, said={"type": "array", "items": _SAID}, next=_NEXT), query=_EARLIER,
    )
)  # fmt: skip
def show_thread(id: int) -> Any:
    """Return a thread, the newest last; `next` is what was said before."""
    asked = query(_EARLIER)
    with door.work() as work:
        thread = _found(work, id)
        page = talk.page(work, threads.party(work, thread), asked["before"])
        shown = {
            "thread": _thread(thread),
            "said": [_said(each) for each in page.entries if isinstance(each, talk.Said)],
        }
    return shown | {"next": url_for("api.show_thread", id=id, before=page.older) if page.older else None}


@route(
    Route(
        "/threads/<int:id>/answers", "POST", INBOX_WRITE, "Answer in a thread", object_of(message=_NUMBER),
        asked=_ANSWER, status=201,
    )
)  # fmt: skip
def answer_thread(id: int) -> Any:
    """Queue an answer; return its message's id."""
    asked = body(_ANSWER)
    draft = Draft(asked["text"], asked["way"] or "", asked["sender"] or "", asked["seen"])
    with door.work() as work:
        found = _found(work, id).id
        return respond(
            work, 201, lambda: {"message": answering.answer(work, found, draft, closes=bool(asked["closes"]))}
        )


@route(Route("/threads/<int:id>/done", "POST", INBOX_WRITE, "Mark a thread as done", _THREAD, asked=_DONE))
def finish_thread(id: int) -> Any:
    """Mark a thread as done; what the person writes next opens it again."""
    asked = body(_DONE)
    with door.work() as work:
        found = _found(work, id).id
        return respond(work, 200, lambda: _thread(threads.finish(work, found, asked["seen"])))


def _found(work: Work, id: int) -> Thread:
    if not 0 < id < 2**63:
        raise NotFound("There is no such thread.")
    return threads.find(work, id)


def _message(row: InboundMessage) -> dict[str, Any]:
    return {
        "id": row.id, "channel": row.channel, "address": row.address, "recipient": row.recipient, "text": row.body,
        "contact": row.contact_id, "campaign": row.campaign_id or None, "is_opt_out": row.is_opt_out,
        "received_at": moment(row.received_at),
    }  # fmt: skip


def _thread(row: Thread | listing.Line) -> dict[str, Any]:
    return {
        "id": row.id, "state": row.state, "contact": row.contact_id, "scheme": row.scheme, "address": row.address,
        "unread": row.unread, "waiting_since": moment(row.waiting_since), "assigned_to": row.assigned_to,
        "last": row.last_id,
    }  # fmt: skip


def _said(each: talk.Said) -> dict[str, Any]:
    return {
        "id": each.id, "at": moment(each.at), "is_ours": each.is_ours, "channel": each.channel,
        "address": each.address, "identity": each.identity, "text": each.body,
        "state": each.state.label if each.state is not None else None, "reason": each.reason,
        "labels": list(each.labels),
    }  # fmt: skip
