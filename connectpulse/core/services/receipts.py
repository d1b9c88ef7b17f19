"""Receipts: stored as evidence, matched to messages, folded into their state, a batch per transaction.

The fold takes the maximum, so duplicates, late and shuffled receipts end alike. One that arrives before its
submit is committed matches nothing yet: it is kept, and matched again later.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from psycopg.rows import tuple_row

from ..domain.contracts import Movement
from ..domain.message import STATES, MessageState, fold_parts
from ..domain.provider import Receipt
from ..storage import arrays, ids
from ..storage.session import raw
from . import counters, suppression_batch
from .work import Work

LOOK_BACK = timedelta(days=8)
"""How old a message may be for its receipt to be matched at once; older ones are matched by the sweeper."""
MOST = 1_000
"""Receipts stored at once: they share one block of ids."""


@dataclass(slots=True)
class Known:
    """A message some receipts are about: what it was, and the best that each part was reported as."""

    id: int
    organisation_id: int
    campaign_id: int | None
    channel: str
    before: MessageState
    part_states: list[int] | None
    units: Decimal
    quantity: int
    best: dict[int, Receipt] = field(default_factory=dict)


def apply(work: Work, connection_id: int, receipts: Sequence[Receipt]) -> int:
    """Store and fold receipts of one connection; return how many matched no message yet."""
    return sum(_apply(work, connection_id, receipts[start : start + MOST]) for start in range(0, len(receipts), MOST))


def _apply(work: Work, connection_id: int, receipts: Sequence[Receipt]) -> int:
    places, known = _find(work, connection_id, [receipt.reference for receipt in receipts])
    owners: list[tuple[int | None, int | None, int]] = []
    for receipt in receipts:
        place = places.get(receipt.reference)
        if place is None:
            owners.append((None, None, 0))
            continue
        message = known[place[0]]
        owners.append((message.organisation_id, message.id, place[1]))
        better(message, place[1], receipt)
    _store(work, connection_id, receipts, owners)
    fold(work, known.values())
    return sum(owner[1] is None for owner in owners)


def fold(work: Work, messages: Iterable[Known]) -> None:
    """Write the states of messages as their receipts leave them; count and settle what moved."""
    changed: list[tuple[Known, MessageState, Receipt]] = []
    for message in messages:
        best = max(message.best.values(), key=lambda receipt: receipt.state)
        after = _state(message)
        quantity = best.quantity if best.quantity is not None else message.quantity
        if after > message.before or message.part_states is not None or quantity != message.quantity:
            message.quantity = quantity
            changed.append((message, max(after, message.before), best))
    if changed:
        _write(work, changed)
        _account(work, [each for each in changed if each[1] > each[0].before])
        suppression_batch.add(
            work,
            [
                (message.organisation_id, message.channel, best.address, best.reason)
                for message, _, best in changed
                if best.suppress and best.address
            ],
        )


def better(message: Known, part: int, receipt: Receipt) -> None:
    """Keep the furthest report on a part."""
    held = message.best.get(part)
    if held is None or receipt.state > held.state:
        message.best[part] = receipt


def _state(message: Known) -> MessageState:
    if message.part_states is None:
        return max(receipt.state for receipt in message.best.values())
    for part, receipt in message.best.items():
        if part < len(message.part_states):
            message.part_states[part] = max(message.part_states[part], receipt.state)
    return fold_parts([MessageState(state) for state in message.part_states])


_COLUMNS = "m.id, m.organisation_id, m.campaign_id, m.channel, m.state, m.part_states, m.units, m.quantity"

_FIND = f"""
SELECT r.reference, r.part, {_COLUMNS}
FROM pulse_reference r JOIN pulse_message m ON m.id = r.message_id
WHERE r.reference = ANY(%(references)s::text[]) AND r.connection_id = %(connection)s
  AND r.message_id BETWEEN %(low)s AND %(high)s AND m.id BETWEEN %(low)s AND %(high)s
ORDER BY m.id FOR UPDATE OF m
"""


def _find(work: Work, connection_id: int, references: list[str]) -> tuple[dict[str, tuple[int, int]], dict[int, Known]]:
    """Return reference -> (message, part), and the messages, locked in the order of their ids.

    The order keeps workers from blocking each other; the youngest message wins where a provider reuses ids.
    """
    now = work.clock()
    facts = {
        "references": arrays.texts(references),
        "connection": connection_id,
        "low": ids.at(now - LOOK_BACK),
        "high": ids.at(now + timedelta(minutes=10)),
    }
    places: dict[str, tuple[int, int]] = {}
    known: dict[int, Known] = {}
    with raw(work.session).cursor(row_factory=tuple_row, binary=True) as rows:
        for row in rows.execute(_FIND, facts).fetchall():
            places[row[0]] = (row[2], row[1])
            if row[2] not in known:
                known[row[2]] = _known(row[2:])
    wanted = {message_id for message_id, _ in places.values()}
    return places, {message_id: message for message_id, message in known.items() if message_id in wanted}


def _known(row: tuple[Any, ...]) -> Known:
    message_id, organisation_id, campaign_id, channel, state, part_states, units, quantity = row
    return Known(message_id, organisation_id, campaign_id, channel, STATES[state], part_states, units, quantity)


_LOCK = f"SELECT {_COLUMNS} FROM pulse_message m WHERE m.id = ANY(%(ids)s::bigint[]) ORDER BY m.id FOR UPDATE"


def lock(work: Work, message_ids: set[int]) -> dict[int, Known]:
    """Return messages by id, locked in the order of their ids."""
    with raw(work.session).cursor(row_factory=tuple_row, binary=True) as rows:
        return {row[0]: _known(row) for row in rows.execute(_LOCK, {"ids": arrays.ints(message_ids)})}


_STORE = """
INSERT INTO pulse_receipt
    (id, connection_id, organisation_id, message_id, part, reference, state, code, reason, occurred_at, address,
     quantity)
SELECT (SELECT pulse_id()) + n - 1, %(connection)s, organisation, message, part, reference, state, code, reason,
       occurred_at, address, quantity
FROM unnest(%(organisations)s::bigint[], %(messages)s::bigint[], %(parts)s::smallint[], %(references)s::text[],
    %(states)s::smallint[], %(codes)s::text[], %(reasons)s::text[], %(times)s::timestamptz[],
    %(addresses)s::text[], %(quantities)s::integer[]) WITH ORDINALITY
    AS r (organisation, message, part, reference, state, code, reason, occurred_at, address, quantity, n)
"""


def _store(
    work: Work,
    connection_id: int,
    receipts: Sequence[Receipt],
    owners: Sequence[tuple[int | None, int | None, int]],
) -> None:
    organisations, messages, parts = map(list, zip(*owners, strict=True))
    with raw(work.session).cursor() as cursor:
        cursor.execute(
            _STORE,
            {
                "connection": connection_id,
                "organisations": arrays.optional_ints(organisations),
                "messages": arrays.optional_ints(messages),
                "parts": arrays.ints(parts),
                "references": arrays.texts([receipt.reference[:120] for receipt in receipts]),
                "states": arrays.ints([receipt.state for receipt in receipts]),
                "codes": arrays.texts([receipt.code[:40] for receipt in receipts]),
                "reasons": arrays.texts([receipt.reason[:60] for receipt in receipts]),
                "times": arrays.optional_texts([_moment(receipt) for receipt in receipts]),
                "addresses": arrays.texts([receipt.address[:320] for receipt in receipts]),
                "quantities": arrays.optional_ints([receipt.quantity for receipt in receipts]),
            },
        )


_WRITE = """
UPDATE pulse_message m
SET state = n.state, changed_at = %(now)s, part_states = n.parts::smallint[], quantity = n.quantity,
    reason = CASE WHEN n.state > m.state THEN n.reason ELSE m.reason END,
    code = CASE WHEN n.state > m.state THEN n.code ELSE m.code END
FROM unnest(%(ids)s::bigint[], %(states)s::smallint[], %(parts)s::text[], %(quantities)s::integer[],
            %(reasons)s::text[], %(codes)s::text[]) AS n (id, state, parts, quantity, reason, code)
WHERE m.id = n.id AND m.id BETWEEN %(low)s AND %(high)s
"""


def _write(work: Work, changed: Sequence[tuple[Known, MessageState, Receipt]]) -> None:
    message_ids = [message.id for message, _, _ in changed]
    with raw(work.session).cursor() as cursor:
        cursor.execute(
            _WRITE,
            {
                "now": work.clock(),
                "ids": arrays.ints(message_ids),
                "low": min(message_ids),
                "high": max(message_ids),
                "states": arrays.ints([after for _, after, _ in changed]),
                "parts": arrays.optional_texts([_array(message.part_states) for message, _, _ in changed]),
                "quantities": arrays.ints([message.quantity for message, _, _ in changed]),
                "reasons": arrays.texts([_reason(best) for _, _, best in changed]),
                "codes": arrays.texts([best.code[:40] for _, _, best in changed]),
            },
        )


def _array(states: list[int] | None) -> str | None:
    return None if states is None else arrays.ints(states)


def _moment(receipt: Receipt) -> str | None:
    return None if receipt.occurred_at is None else receipt.occurred_at.isoformat()


def _reason(receipt: Receipt) -> str:
    return receipt.reason[:60] if receipt.state < MessageState.DELIVERED else ""


def _account(work: Work, moved: Sequence[tuple[Known, MessageState, Receipt]]) -> None:
    """Count and settle the messages that changed state."""
    movements: dict[tuple[Any, ...], list[Any]] = {}
    deltas: dict[tuple[int, int, str], Decimal | int] = {}
    for message, after, best in moved:
        group = (message.organisation_id, message.campaign_id, message.channel, message.before, after)
        total = movements.get(group)
        if total is None:
            total = movements[group] = [0, Decimal(0), 0]
        total[0] += 1
        total[1] += message.units
        total[2] += message.quantity
        if after < MessageState.DELIVERED and after >= MessageState.EXPIRED:
            key = (message.organisation_id, message.campaign_id or 0, f"reason:{_reason(best) or after.label}")
            deltas[key] = deltas.get(key, 0) + 1
    for (organisation, campaign, _, before, after), (messages, _, _) in movements.items():
        for name, amount in ((f"state:{before.label}", -messages), (f"state:{after.label}", messages)):
            key = (organisation, campaign or 0, name)
            deltas[key] = deltas.get(key, 0) + amount
    counters.add(work, deltas)
    work.registry.ledger.settle(work, [Movement(*group, *total) for group, total in movements.items()])
