"""Reading the message log: pages that cost the same however long the log is, and one message's whole story."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select, text

from ..domain.message import STATES, MessageState
from ..domain.pricing import Price, due
from ..domain.provider import Receipt
from ..errors import NotFound, Refused
from ..storage import ids
from ..storage.models import Attempt, Connection, Message, Onward, Reference
from ..storage.models import Receipt as ReceiptRow
from . import addresses, audit, contacts, receipts, sharing
from .work import Work

PAGE = 50
SCAN = 20_000
"""Messages looked through for a page of a rare state; the page says where to go on."""

_CODE = re.compile(r"/privacy/(?:confirm|status|package)/")
_PROOF = "A code with which somebody proves who they are. It is shown to nobody else."

_COLUMNS = "id, campaign_id, channel, address, sender, body, state, parts, reason, code, changed_at"


@dataclass(frozen=True, slots=True)
class Line:
    """One message as lists show it."""

    id: int
    campaign_id: int | None
    channel: str
    address: str
    sender: str
    body: str
    state: MessageState
    parts: int
    reason: str
    code: str
    changed_at: datetime

    @property
    def created_at(self) -> datetime:
        return ids.moment(self.id)


@dataclass(frozen=True, slots=True)
class Page:
    """Messages, the newest first. `older` is the cursor of the next page, None at the end.

    `is_partial`: the page looked through `SCAN` messages and found fewer than it shows; there may be more.
    """

    lines: Sequence[Line]
    older: int | None
    is_partial: bool = False


def search(
    work: Work,
    *,
    campaign_id: int | None = None,
    address: str = "",
    states: Sequence[MessageState] = (),
    before: int | None = None,
) -> Page:
    """Return a page of the organisation's messages.

    Cost is bounded by indexes on campaign, address and organisation; a filter by state looks through at most
    `SCAN` messages of those.
    """
    facts: dict[str, Any] = {
        "organisation": work.organisation_id,
        "campaign": campaign_id,
        "before": before if before is not None else 2**63 - 1,
        "states": [int(state) for state in states],
        "page": PAGE + 1,
        "scan": SCAN,
    }
    where = "organisation_id = :organisation AND id < :before"
    if campaign_id is not None:
        where += " AND campaign_id = :campaign"
    if address:
        where += " AND address = ANY(:addresses)"
        facts["addresses"] = _candidates(work, address)
    if not states:
        rows = work.session.execute(
            text(f"SELECT {_COLUMNS} FROM pulse_message WHERE {where} ORDER BY id DESC LIMIT :page"), facts
        ).all()
        return _page([_line(row) for row in rows])
    return _scan(work, where, facts)


def _scan(work: Work, where: str, facts: dict[str, Any]) -> Page:
    """Return those in the wanted states among the next `SCAN` messages."""
    row = work.session.execute(
        text(
            f"""
            WITH seen AS MATERIALIZED (
                SELECT id, state FROM pulse_message WHERE {where} ORDER BY id DESC LIMIT :scan),
            hit AS (SELECT id FROM seen WHERE state = ANY(:states) ORDER BY id DESC LIMIT :page)
            SELECT (SELECT min(id) FROM seen), (SELECT count(*) FROM seen), ARRAY(SELECT id FROM hit)
            """
        ),
        facts,
    ).one()
    last_seen, seen, hits = row
    rows = work.session.execute(
        text(f"SELECT {_COLUMNS} FROM pulse_message WHERE id = ANY(:ids) ORDER BY id DESC"), {"ids": hits}
    ).all()
    page = _page([_line(each) for each in rows])
    if page.older is None and seen == SCAN:
        return Page(page.lines, last_seen, is_partial=True)
    return page


def _page(lines: list[Line]) -> Page:
    shown = lines[:PAGE]
    return Page(shown, shown[-1].id if len(lines) > PAGE else None)


def _line(row: Any) -> Line:
    id, campaign_id, channel, address, sender, body, state, parts, reason, code, changed_at = row
    return Line(
        id, campaign_id, channel, address, sender, readable(body), STATES[state], parts, reason, code, changed_at
    )


def words(work: Work, channel: str, body: str, extra: Mapping[str, Any] | None) -> str:
    """Return what a message said: its own text, or what its channel tells of a content it carries along."""
    found, carried = work.registry.channels.get(channel), extra or {}
    content = carried.get(sharing.CONTENT)
    told = found.told(content, carried.get("values") or {}) if content and found is not None else ""
    return readable(told or body)


def readable(body: str) -> str:
    """Return a message's text for the log: who reads it must not learn the code that proves who somebody is."""
    return _PROOF if _CODE.search(body) else body


def _candidates(work: Work, typed: str) -> list[str]:
    """Return the addresses a person may mean by what they typed."""
    found = {typed.strip()}
    region = contacts.region(work)
    for scheme in addresses.SCHEMES:
        try:
            found.add(addresses.normalise(scheme, typed, region))
        except Refused:
            continue
    return sorted(found)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a message, in plain words."""

    at: datetime
    title: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """A message with everything known about it, in order of time; `units` is what it costs as far as is known."""

    message: Message
    state: MessageState
    units: Decimal
    references: Sequence[str]
    events: Sequence[Event]


def story(work: Work, message_id: int) -> Story:
    """Return what happened to a message; raise NotFound for one of another organisation."""
    message = work.session.scalars(select(Message).where(Message.id == message_id)).one_or_none()
    if message is None:
        raise NotFound("There is no such message.")
    names = dict(work.session.execute(select(Connection.id, Connection.name)).all())
    state = STATES[message.state]
    queued = "Queued" if message.previous_id is None else f"Queued, as message {message.previous_id} did not arrive"
    events = [Event(ids.moment(message.id), queued, f"Parts: {message.parts}. Units: {message.units.normalize():f}.")]
    onward = work.session.get(Onward, message_id)
    if onward is not None and onward.next_id is not None:
        said = onward.reason.replace("_", " ")
        events.append(
            Event(ids.moment(onward.next_id), f"Went on to another channel as message {onward.next_id}", said)
        )
    for attempt in work.session.scalars(select(Attempt).where(Attempt.message_id == message_id)):
        over = names.get(attempt.connection_id, "a connection that is gone")
        events.append(Event(attempt.created_at, _attempted(attempt, over), _why(attempt)))
    if message.submitted_at is not None and state is not MessageState.UNKNOWN:
        over = names.get(message.connection_id or 0, "a connection that is gone")
        events.append(Event(message.submitted_at, f"Handed over to {over}"))
    for receipt in work.session.scalars(select(ReceiptRow).where(ReceiptRow.message_id == message_id)):
        title = f"Receipt: {STATES[receipt.state].label}"
        title += f" (part {receipt.part + 1})" if message.part_states else ""
        events.append(Event(ids.moment(receipt.id), title, _told(receipt)))
    if state in (MessageState.SKIPPED, MessageState.CANCELLED):
        events.append(Event(message.changed_at, state.sentence, message.reason.replace("_", " ")))
    references = work.session.scalars(
        select(Reference.reference).where(Reference.message_id == message_id).order_by(Reference.part)
    ).all()
    units = due(Price(message.units, message.step), message.quantity, message.billed)
    return Story(message, state, units, references, sorted(events, key=lambda event: event.at))


def _why(told: ReceiptRow | Attempt) -> str:
    return f"{told.reason.replace('_', ' ')} {told.code}".strip()


def _told(receipt: ReceiptRow) -> str:
    said = _why(receipt)
    if receipt.quantity == 0:
        return f"{said} Free.".strip()
    return f"{said} Billed as {receipt.category.replace('_', ' ')}.".strip() if receipt.category else said


def _attempted(attempt: Attempt, over: str) -> str:
    if attempt.outcome == "unknown":
        return f"Handed over to {over}, the answer was lost"
    if attempt.outcome == "again":
        return f"Attempt {attempt.number} over {over}: came to nothing, to be tried again"
    if attempt.outcome == "try_later":
        return f"Attempt {attempt.number} over {over}: to be tried again"
    return f"Attempt {attempt.number} over {over}: refused"


def settle(work: Work, message_id: int, is_delivered: bool) -> None:
    """Decide an unknown message by what an operator has found out; kept as evidence like a receipt."""
    message = work.session.scalars(select(Message).where(Message.id == message_id)).one_or_none()
    if message is None:
        raise NotFound("There is no such message.")
    if STATES[message.state] is not MessageState.UNKNOWN:
        raise Refused("This message is settled already.")
    state = MessageState.DELIVERED if is_delivered else MessageState.FAILED
    receipt = Receipt(f"operator:{message_id}", state, "operator", "decided_by_operator")
    known = receipts.known(work, {message_id})[message_id]
    known.best[0] = receipt
    work.session.add(
        ReceiptRow(
            organisation_id=work.organisation_id,
            message_id=message_id,
            connection_id=message.connection_id or 0,
            state=int(state),
            reference=receipt.reference,
            code=receipt.code,
            reason=receipt.reason,
            id=ids.blocks(work.session.connection(), 1)[0],
        )
    )
    work.session.flush()
    receipts.fold(work, [known])
    audit.record(work, "message.settled", message, outcome=state.label)
