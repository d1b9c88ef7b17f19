"""Receipts: stored as evidence, matched to messages, folded into their state, a batch per transaction.

The fold takes the maximum, so duplicates, late and shuffled receipts end alike. One that arrives before its
submit is committed matches nothing yet: it is kept, and matched again later.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

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


class Moved(Exception):
    """A message changed while its receipts were being folded: do the transaction again."""


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


class _Change(NamedTuple):
    """What messages have in common that move together: one update, one figure, one movement."""

    organisation_id: int
    campaign_id: int | None
    channel: str
    before: MessageState
    after: MessageState
    reason: str
    code: str


def apply(work: Work, connection_id: int, receipts: Sequence[Receipt]) -> int:
    """Store and fold receipts of one connection; return how many matched no message yet.

    Raises Moved where somebody else changed one of the messages meanwhile; the caller repeats.
    """
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
    fold(work, [message for message in known.values() if message.best])
    return sum(owner[1] is None for owner in owners)


def fold(work: Work, messages: Iterable[Known]) -> None:
    """Write the states of messages as their receipts leave them; count and settle what moved."""
    together: dict[_Change, list[Known]] = {}
    told: list[suppression_batch.Told] = []
    for message in messages:
        best = _best(message)
        if best.quantity is not None or message.part_states is not None:
            _write_alone(work, message, best)
        after = _state(message)
        if after > message.before:
            is_bad = after < MessageState.DELIVERED
            change = _Change(
                message.organisation_id, message.campaign_id, message.channel, message.before, after,
                best.reason[:60] if is_bad else "", best.code[:40] if is_bad else "",
            )  # fmt: skip
            together.setdefault(change, []).append(message)
        if best.suppress and best.address:
            told.append((message.organisation_id, message.channel, best.address, best.reason))
    movements = [_write(work, change, members) for change, members in together.items()]
    if movements:
        _count(work, together)
        work.registry.ledger.settle(work, movements)
    suppression_batch.add(work, told)


def _best(message: Known) -> Receipt:
    return max(message.best.values(), key=lambda receipt: receipt.state)


def better(message: Known, part: int, receipt: Receipt) -> None:
    """Keep the furthest report on a part."""
    held = message.best.get(part)
    if held is None or receipt.state > held.state:
        message.best[part] = receipt


def _state(message: Known) -> MessageState:
    if message.part_states is None:
        return _best(message).state
    return fold_parts([STATES[state] for state in _folded_parts(message)])


def _folded_parts(message: Known) -> list[int]:
    """Return the states of a message's parts after its receipts."""
    parts = list(message.part_states or ())
    for part, receipt in message.best.items():
        if part < len(parts):
            parts[part] = max(parts[part], receipt.state)
    return parts


_COLUMNS = "m.id, m.organisation_id, m.campaign_id, m.channel, m.state, m.part_states, m.units, m.quantity"

_FIND = f"""
SELECT r.reference, r.part, {_COLUMNS}
FROM pulse_reference r JOIN pulse_message m ON m.id = r.message_id
WHERE r.reference = ANY(%(references)s::text[]) AND r.connection_id = %(connection)s
  AND r.message_id BETWEEN %(low)s AND %(high)s AND m.id BETWEEN %(low)s AND %(high)s
ORDER BY m.id
"""


def _find(work: Work, connection_id: int, references: list[str]) -> tuple[dict[str, tuple[int, int]], dict[int, Known]]:
    """Return reference -> (message, part), and the messages; the youngest wins where a provider reuses ids."""
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
    return places, known


def _known(row: tuple[Any, ...]) -> Known:
    message_id, organisation_id, campaign_id, channel, state, part_states, units, quantity = row
    return Known(message_id, organisation_id, campaign_id, channel, STATES[state], part_states, units, quantity)


_BY_ID = f"SELECT {_COLUMNS} FROM pulse_message m WHERE m.id = ANY(%(ids)s::bigint[])"


def known(work: Work, message_ids: set[int]) -> dict[int, Known]:
    """Return messages by id."""
    with raw(work.session).cursor(row_factory=tuple_row, binary=True) as rows:
        return {row[0]: _known(row) for row in rows.execute(_BY_ID, {"ids": arrays.ints(message_ids)})}


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
WITH u AS (
    UPDATE pulse_message SET state = %(after)s, reason = %(reason)s, code = %(code)s, changed_at = %(now)s
    WHERE id = ANY(%(ids)s::bigint[]) AND id BETWEEN %(low)s AND %(high)s AND state = %(before)s
    RETURNING units, quantity)
SELECT count(*), coalesce(sum(units), 0), coalesce(sum(quantity), 0) FROM u
"""


def _write(work: Work, change: _Change, members: Sequence[Known]) -> Movement:
    message_ids = [message.id for message in members]
    facts = {
        "ids": arrays.ints(message_ids),
        "low": min(message_ids),
        "high": max(message_ids),
        "before": int(change.before),
        "after": int(change.after),
        "reason": change.reason,
        "code": change.code,
        "now": work.clock(),
    }
    with raw(work.session).cursor(row_factory=tuple_row) as rows:
        row = rows.execute(_WRITE, facts).fetchone()
    if row is None or row[0] != len(members):
        raise Moved
    return Movement(*change[:5], *row)


_WRITE_ALONE = """
UPDATE pulse_message SET part_states = %s::smallint[], quantity = %s
WHERE id = %s AND part_states IS NOT DISTINCT FROM %s::smallint[]
"""


def _write_alone(work: Work, message: Known, best: Receipt) -> None:
    """Write what is a message's own: the states of its parts, and the quantity its provider will bill."""
    parts = _folded_parts(message) if message.part_states is not None else None
    quantity = message.quantity if best.quantity is None else best.quantity
    if (parts, quantity) == (message.part_states, message.quantity):
        return
    with raw(work.session).cursor() as cursor:
        cursor.execute(_WRITE_ALONE, (_array(parts), quantity, message.id, _array(message.part_states)))
        if cursor.rowcount != 1:
            raise Moved


def _array(states: list[int] | None) -> str | None:
    return None if states is None else arrays.ints(states)


def _moment(receipt: Receipt) -> str | None:
    return None if receipt.occurred_at is None else receipt.occurred_at.isoformat()


def _count(work: Work, together: Mapping[_Change, Sequence[Known]]) -> None:
    deltas: dict[tuple[int, int, str], Decimal | int] = {}
    for change, members in together.items():
        names = {f"state:{change.before.label}": -len(members), f"state:{change.after.label}": len(members)}
        if MessageState.EXPIRED <= change.after < MessageState.DELIVERED:
            names[f"reason:{change.reason or change.after.label}"] = len(members)
        for name, amount in names.items():
            key = (change.organisation_id, change.campaign_id or 0, name)
            deltas[key] = deltas.get(key, 0) + amount
    counters.add(work, deltas)
