"""Turning a launched campaign's audience into messages and dispatches, one page per transaction.

A page's messages, their dispatches, the reserved units, the figures and the campaign's cursor are committed
together; a kill resumes at the cursor, a pause or cancel is seen before the page commits. Sending overlaps:
each committed page is there to be claimed at once. Cost per page is constant: one query for the audience,
one COPY for messages, one insert each for dispatches and figures.
"""

from collections import Counter as Tally
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import orjson
from sqlalchemy import insert, text

from ..domain.message import MessageState
from ..domain.routing import Order
from ..domain.windows import find_zone
from ..errors import OutOfUnits
from ..storage import ids
from ..storage.models import Campaign, Dispatch
from ..storage.session import raw
from . import audience, audit, campaign_end, counters, plans, quotes, records
from .audience import Decision
from .plans import Plan
from .work import Work

PAGE = 5_000
FIRST_PAGE = 1_000
"""Recipients of the first page: the sooner it is committed, the sooner sending begins."""
DISPATCH_SIZE = 500
LEAST_SHARED = 20
"""Messages of a dispatch over a connection whose sessions share the work: fewer would not pay for its row."""
CHANNEL_OF_NOTIFY = "pulse_dispatch"
"""PostgreSQL's NOTIFY channel that tells workers about fresh dispatches."""

_COLUMNS = (
    "id, organisation_id, campaign_id, contact_id, dispatch_id, changed_at, state, parts, quantity, units, step, "
    "channel, category, address, sender, body, extra, reason, fallback, onward, previous_id"
)
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def step(work: Work, campaign_id: int) -> bool:
    """Expand the next page of a running campaign; return whether there is more."""
    campaign = records.find(work, Campaign, campaign_id)
    if campaign.state != "running" or campaign.is_expanded:
        return False
    legs = plans.build_all(work, campaign)
    rows = audience.page(work, legs[0], campaign.cursor, PAGE if campaign.cursor else FIRST_PAGE)
    if not rows:
        return not _advance(work, campaign, campaign.cursor, is_expanded=True)
    starts = audience.begin(work, legs, rows)
    decisions = [start.decision for start in starts]
    paid = affordable(work, campaign.organisation_id, decisions)
    try:
        for leg in legs:
            queue(work, leg, [start.decision for start in starts[:paid] if start.plan is leg])
    except OutOfUnits:  # somebody else took them meanwhile: look again
        work.session.rollback()
        return True
    if paid < len(decisions):
        return stop(work, campaign, decisions[paid - 1].contact_id if paid else campaign.cursor)
    return _advance(work, campaign, rows[-1][1])


def affordable(work: Work, organisation_id: int, decisions: Sequence[Decision]) -> int:
    """Return how many of a page's decisions the balance covers; where it is short, it is held until the end."""
    ledger, needed = work.registry.ledger, sum((each.price.units for each in decisions), Decimal(0))
    left = ledger.balance(work, organisation_id)
    if left is None or needed <= left:
        return len(decisions)
    left = ledger.hold(work, organisation_id)
    for number, decision in enumerate(decisions):
        left = None if left is None else left - decision.price.units
        if left is not None and left < 0:
            return number
    return len(decisions)


def stop(work: Work, campaign: Campaign, cursor: int) -> bool:
    """Pause a campaign at the last message that could be paid, with what the rest would take."""
    rest = _rest(work, campaign)
    reason = f"Out of units: {rest}. It goes on by itself when units are added; what is paid for is sent."
    moved = work.session.execute(
        text(
            "UPDATE pulse_campaign SET cursor = :cursor, state = 'paused', is_out_of_units = true, reason = :reason "
            "WHERE id = :id AND cursor = :before AND state = 'running' RETURNING name"
        ),
        {"id": campaign.id, "cursor": cursor, "before": campaign.cursor, "reason": reason},
    ).one_or_none()
    if moved is None:
        work.session.rollback()
        return False
    audit.record_named(
        work, "campaign.paused", campaign.organisation_id, "Campaign", campaign.id, moved[0], reason=reason
    )
    return False


def _rest(work: Work, campaign: Campaign) -> str:
    quote = quotes.latest(work, campaign.id)
    taken = counters.read(work, [campaign.id])[campaign.id].get("units", Decimal(0))
    if quote is None or quote.units <= taken:
        return "the next messages cost more than is left"
    return f"the rest takes about {(quote.units - taken).normalize():f} more, as quoted"


def give_up(work: Work, campaign_id: int, reason: str) -> None:
    """Pause a campaign that cannot be expanded further, with the reason."""
    name = work.session.scalar(
        text(
            "UPDATE pulse_campaign SET state = 'paused', reason = :reason "
            "WHERE id = :id AND state = 'running' AND organisation_id = :organisation RETURNING name"
        ),
        {"id": campaign_id, "reason": reason, "organisation": work.organisation_id},
    )
    if name is not None:
        audit.record_named(work, "campaign.paused", work.organisation_id, "Campaign", campaign_id, name, reason=reason)


def queue(
    work: Work, plan: Plan, decisions: Sequence[Decision], previous: Mapping[int, int] = MappingProxyType({})
) -> dict[int, int]:
    """Insert messages and dispatches for these decisions, reserve their units and count them.

    `previous` are the messages that recipients come from, by contact. Returns the messages that wait now, likewise.
    """
    ready = [decision for decision in decisions if decision.rendered is not None]
    skipped = [decision for decision in decisions if decision.rendered is None]
    units = sum((decision.price.units for decision in ready), Decimal(0))
    dispatches = list(_dispatches(work, plan, ready))
    blocks = ids.blocks(work.session.connection(), len(dispatches) + -(-len(skipped) // ids.BLOCK) if decisions else 0)
    queued = _write(work, plan, dispatches, skipped, blocks, previous)
    place = counters.place_of(plan.fallback, plan.onward)
    figures: Tally[str] = Tally(f"skipped:{decision.skip}" for decision in skipped)
    figures.update(counters.moves(None, MessageState.SKIPPED, len(skipped), place))
    figures.update(counters.moves(None, MessageState.QUEUED, len(ready), place))
    figures["parts"] = sum(each.rendered.measure.parts for each in ready if each.rendered)
    deltas: dict[tuple[int, int, str], Decimal | int] = {
        (plan.organisation_id, plan.campaign_id, name): amount for name, amount in figures.items()
    }
    deltas[plan.organisation_id, plan.campaign_id, "units"] = units
    counters.add(work, deltas)
    if ready:  # last, because it may keep others of the organisation from reserving until the page is committed
        work.registry.ledger.reserve(work, plan.tariff, plan.campaign_id, units)
    return queued


@dataclass(slots=True)
class _Draft:
    """A dispatch being made: its messages, the connections that may carry them, and when."""

    order: Order
    zone: str | None
    due_at: datetime
    closes_at: datetime | None
    decisions: list[Decision]


def _dispatches(work: Work, plan: Plan, ready: Sequence[Decision]) -> Iterator[_Draft]:
    groups: dict[tuple[Order, str | None], list[Decision]] = {}
    for decision in ready:
        groups.setdefault((decision.order, decision.zone), []).append(decision)
    now, sizes = work.clock(), _sizes(work, {order[0] for order, _ in groups})
    for (order, zone), members in groups.items():
        due_at, closes_at = now, None
        if plan.window is not None and zone is not None:
            opens_at, closes_at = plan.window.span(now, find_zone(zone))
            due_at = max(now, opens_at)
        size = sizes.get(order[0], DISPATCH_SIZE)
        for start in range(0, len(members), size):
            yield _Draft(order, zone, due_at, closes_at, members[start : start + size])


def _sizes(work: Work, connection_ids: Collection[int]) -> dict[int, int]:
    """Return how many messages a dispatch over each of these connections holds.

    One session works a dispatch off: where several share the work and each has few under way at once (calls), a
    large dispatch would keep one busy for minutes while the others stand idle.
    """
    rows = work.session.execute(
        text(
            'SELECT id, least(:most, greatest("window", :least)) FROM pulse_connection '
            "WHERE id = ANY(:ids) AND sessions > 1"
        ),
        {"ids": list(connection_ids), "least": LEAST_SHARED, "most": DISPATCH_SIZE},
    )
    return {row[0]: row[1] for row in rows}


def _write(
    work: Work,
    plan: Plan,
    drafts: Sequence[_Draft],
    skipped: Sequence[Decision],
    blocks: Sequence[int],
    previous: Mapping[int, int],
) -> dict[int, int]:
    rows: list[dict[str, Any]] = []
    queued: dict[int, int] = {}
    dispatch_ids = ids.blocks(work.session.connection(), len(drafts)) if drafts else []
    with (
        raw(work.session).cursor() as cursor,
        cursor.copy(f"COPY pulse_message ({_COLUMNS}) FROM STDIN") as copy,
    ):
        shared = _Line(plan, work.clock(), previous)
        for dispatch_id, draft, first in zip(dispatch_ids, drafts, blocks, strict=False):
            lines = [shared.queued(first + n, dispatch_id, decision) for n, decision in enumerate(draft.decisions)]
            copy.write("".join(lines))
            queued.update((decision.contact_id, first + n) for n, decision in enumerate(draft.decisions))
            rows.append(_dispatch_row(plan, dispatch_id, draft, first))
        for number, decision in enumerate(skipped):
            block, offset = divmod(number, ids.BLOCK)
            copy.write(shared.skipped(blocks[len(drafts) + block] + offset, decision))
    if rows:
        work.session.execute(insert(Dispatch), rows)
        for connection_id in {row["connection_id"] for row in rows}:
            work.session.execute(
                text("SELECT pg_notify(:channel, :connection)"),
                {"channel": CHANNEL_OF_NOTIFY, "connection": str(connection_id)},
            )
    return queued


def _dispatch_row(plan: Plan, dispatch_id: int, draft: _Draft, first: int) -> dict[str, Any]:
    recent = plan.needs.recent_inbound
    return {
        "id": dispatch_id,
        "organisation_id": plan.organisation_id,
        "campaign_id": plan.campaign_id,
        "connection_id": draft.order[0],
        "alternatives": list(draft.order[1:]),
        "channel": plan.channel.name,
        "purpose": plan.purpose.value,
        "sender": plan.sender,
        "validity_minutes": plan.validity_minutes,
        "zone": draft.zone,
        "first_id": first,
        "last_id": first + len(draft.decisions) - 1,
        "cursor": first - 1,
        "messages": len(draft.decisions),
        "due_at": draft.due_at,
        "closes_at": draft.closes_at,
        "expires_at": draft.due_at + timedelta(minutes=plan.validity_minutes),
        "recent_seconds": None if recent is None else int(recent.total_seconds()),
        "version_id": plan.version_id,
        "fallback": plan.fallback,
        "onward": plan.onward,
        "onward_seconds": None if plan.onward_after is None else int(plan.onward_after.total_seconds()),
    }


class _Line:
    """Formats messages as lines of COPY's text format; what a page shares is formatted once."""

    def __init__(self, plan: Plan, now: datetime, previous: Mapping[int, int]) -> None:
        self._owner = f"{plan.organisation_id}\t{plan.campaign_id}"
        self._now = now.isoformat()
        self._channel = f"{plan.channel.name}\t{_escaped(plan.tariff.category[:40])}"
        self._sender = _escaped(plan.sender)
        self._queued = int(MessageState.QUEUED)
        self._skipped = int(MessageState.SKIPPED)
        self._place = f"{plan.fallback}\t{plan.onward}"
        self._previous = previous

    def queued(self, message_id: int, dispatch_id: int, decision: Decision) -> str:
        rendered = decision.rendered
        assert rendered is not None
        body = _escaped(rendered.body)
        extra = "\\N" if rendered.extra is None else _escaped(_json(rendered.extra))
        return (
            f"{message_id}\t{self._owner}\t{decision.contact_id}\t{dispatch_id}\t{self._now}\t{self._queued}\t"
            f"{rendered.measure.parts}\t{rendered.measure.quantity}\t{decision.price.units}\t{decision.price.step}\t{self._channel}\t"
            f"{decision.address}\t{self._sender}\t{body}\t{extra}\t\t{self._place}\t{self._from(decision)}\n"
        )

    def skipped(self, message_id: int, decision: Decision) -> str:
        return (
            f"{message_id}\t{self._owner}\t{decision.contact_id}\t\\N\t{self._now}\t{self._skipped}\t"
            f"0\t0\t0\t1\t{self._channel}\t{decision.address}\t{self._sender}\t\t\\N\t{decision.skip}\t{self._place}\t\\N\n"
        )

    def _from(self, decision: Decision) -> str:
        previous = self._previous.get(decision.contact_id)
        return "\\N" if previous is None else str(previous)


def _json(value: Mapping[str, Any]) -> str:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()  # an enumeration's words are keys, too


def _escaped(value: str) -> str:
    """Return `value` as COPY wants it; most texts hold nothing to escape, and that is quickly seen."""
    return value if value.isprintable() and "\\" not in value else value.translate(_ESCAPES)


def _advance(work: Work, campaign: Campaign, cursor: int, *, is_expanded: bool = False) -> bool:
    """Move the cursor if the campaign still runs; otherwise undo the page. Returns whether it moved."""
    moved = work.session.execute(
        text(
            "UPDATE pulse_campaign SET cursor = :cursor, is_expanded = :is_expanded "
            "WHERE id = :id AND cursor = :before AND state = 'running' RETURNING id"
        ),
        {"id": campaign.id, "cursor": cursor, "before": campaign.cursor, "is_expanded": is_expanded},
    ).one_or_none()
    if moved is None:
        work.session.rollback()
        return False
    if is_expanded:
        campaign_end.finish_if_done(work, [campaign.id])
    return True
