"""Receipts: stored as evidence, matched to messages, folded into their state, a batch per transaction.

The fold takes the maximum, so duplicates, late and shuffled receipts end alike. One that arrives before its
submit is committed matches nothing yet: it is kept, and matched again later.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from psycopg.rows import tuple_row

from ..domain.contracts import Movement
from ..domain.message import STATES, Cause, MessageState, cause, fold_parts
from ..domain.pricing import Price, due
from ..domain.provider import Receipt
from ..storage import arrays, ids
from ..storage.session import raw
from . import counters, erased, suppression_batch
from .work import Work

LOOK_BACK = timedelta(days=8)
"""How old a message may be for its receipt to be matched at once; older ones are matched by the sweeper."""
MOST = 1_000
"""Receipts stored at once: they share one block of ids."""
DUE = """CASE WHEN billed IS NULL OR step = 0 THEN units
     ELSE round(units * ((billed + step - 1) / step) / greatest((quantity + step - 1) / step, 1), 4) END"""
"""What a message costs, in SQL: as reserved, or by the steps its provider says it bills. The twin of `pricing.due`."""
CAUSES = "ARRAY['not_sent_in_time', 'answer_lost', 'not_reported']"
"""The reasons that are a `Cause`, in SQL."""


class Moved(Exception):
    """A message changed while its receipts were being folded: do the transaction again."""


@dataclass(slots=True)
class Known:
    """A message some receipts are about: what it was, and the best that each part was reported as.

    `bill` is the quantity reported with the furthest state; `plea` a receipt that asks for a suppression.
    """

    id: int
    organisation_id: int
    campaign_id: int | None
    channel: str
    before: MessageState
    part_states: list[int] | None
    units: Decimal
    step: int
    quantity: int
    billed: int | None = None
    cause: Cause = Cause.PLAIN
    best: dict[int, Receipt] = field(default_factory=dict)
    bill: tuple[MessageState, int] | None = None
    plea: Receipt | None = None

    @property
    def day(self) -> date | None:
        return ids.day_alone(self.id, self.campaign_id)

    def due(self, billed: int | None) -> Decimal:
        """Return what the message costs if its provider bills `billed`."""
        return due(Price(self.units, self.step), self.quantity, billed)

    @property
    def rebilled(self) -> int | None:
        """What the provider bills after its receipts; one that is behind the state changes no bill."""
        if self.bill is None or (self.billed is not None and self.bill[0] < self.before):
            return self.billed
        return self.bill[1]


class _Change(NamedTuple):
    """What messages have in common that move together: one update, one figure, one movement."""

    organisation_id: int
    campaign_id: int | None
    channel: str
    before: MessageState
    after: MessageState
    cause: Cause
    reason: str
    code: str
    day: date | None


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
    movements: list[Movement] = []
    pleas: list[Known] = []
    for message in messages:
        best = _best(message)
        if message.bill is not None or message.part_states is not None:
            _write_alone(work, message)
        after = _state(message)
        if after > message.before:
            is_bad = after < MessageState.DELIVERED
            change = _Change(
                message.organisation_id, message.campaign_id, message.channel, message.before, after, message.cause,
                best.reason[:60] if is_bad else "", best.code[:40] if is_bad else "", message.day,
            )  # fmt: skip
            together.setdefault(change, []).append(message)
        elif message.rebilled != message.billed:
            movements.append(_rebilled(message))
        if message.plea is not None:
            pleas.append(message)
    movements += [_write(work, change, members) for change, members in together.items()]
    if together:
        _count(work, together)
    if movements:
        work.registry.ledger.settle(work, movements)
    _suppress(work, pleas)


def _suppress(work: Work, messages: Sequence[Known]) -> None:
    """Do what providers ask for: nobody writes again to the addresses these messages went to."""
    if not messages:
        return
    with raw(work.session).cursor(row_factory=tuple_row) as rows:
        rows.execute(
            "SELECT id, address FROM pulse_message WHERE id = ANY(%s::bigint[])",
            [arrays.ints([message.id for message in messages])],
        )
        addresses: dict[int, str] = dict(rows.fetchall())
    told = [
        (message.organisation_id, message.channel, addresses[message.id], message.plea.reason)
        for message in messages
        if message.plea is not None and message.id in addresses
    ]
    suppression_batch.add(work, told)


def _best(message: Known) -> Receipt:
    return max(message.best.values(), key=lambda receipt: receipt.state)


def better(message: Known, part: int, receipt: Receipt) -> None:
    """Keep the furthest report on a part, and what any of them bills or asks for."""
    if receipt.quantity is not None:
        message.bill = max(message.bill or (receipt.state, 0), (receipt.state, receipt.quantity))
    if receipt.suppress:
        message.plea = receipt
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


_COLUMNS = "id, organisation_id, campaign_id, channel, state, part_states, units, step, quantity, billed, reason"

_FIND = """
SELECT reference, part, message_id FROM pulse_reference
WHERE reference = ANY(%(references)s::text[]) AND connection_id = %(connection)s
  AND message_id BETWEEN %(low)s AND %(high)s
ORDER BY message_id
"""


def _find(work: Work, connection_id: int, references: list[str]) -> tuple[dict[str, tuple[int, int]], dict[int, Known]]:
    """Return reference -> (message, part), and the messages; the youngest wins where a provider reuses ids.

    Two statements, not one that joins: a join that was planned while the log was small reads all of it later.
    """
    now = work.clock()
    facts = {
        "references": arrays.texts(references),
        "connection": connection_id,
        "low": ids.at(now - LOOK_BACK),
        "high": ids.at(now + timedelta(minutes=10)),
    }
    with raw(work.session).cursor(row_factory=tuple_row, binary=True) as rows:
        found = rows.execute(_FIND, facts).fetchall()
    messages = known(work, {message_id for _, _, message_id in found})
    places = {reference: (message_id, part) for reference, part, message_id in found if message_id in messages}
    return places, messages


def _known(row: tuple[Any, ...]) -> Known:
    message_id, organisation_id, campaign_id, channel, state, parts, units, step, quantity, billed, reason = row
    return Known(
        message_id, organisation_id, campaign_id, channel, STATES[state], parts, units, step, quantity, billed,
        cause(reason),
    )  # fmt: skip


_BY_ID = f"SELECT {_COLUMNS} FROM pulse_message WHERE id = ANY(%(ids)s::bigint[]) AND id BETWEEN %(low)s AND %(high)s"


def known(work: Work, message_ids: set[int]) -> dict[int, Known]:
    """Return messages by id."""
    if not message_ids:
        return {}
    facts = {"ids": arrays.ints(message_ids), "low": min(message_ids), "high": max(message_ids)}
    with raw(work.session).cursor(row_factory=tuple_row, binary=True) as rows:
        return {row[0]: _known(row) for row in rows.execute(_BY_ID, facts).fetchall()}


_STORE = """
INSERT INTO pulse_receipt
    (id, connection_id, organisation_id, message_id, part, reference, state, code, reason, occurred_at, address,
     quantity, suppress, named_id)
SELECT (SELECT pulse_id()) + n - 1, %(connection)s, organisation, message, part, reference, state, code, reason,
       occurred_at, address, quantity, suppress = 1, named
FROM unnest(%(organisations)s::bigint[], %(messages)s::bigint[], %(parts)s::smallint[], %(references)s::text[],
    %(states)s::smallint[], %(codes)s::text[], %(reasons)s::text[], %(times)s::timestamptz[],
    %(addresses)s::text[], %(quantities)s::integer[], %(pleas)s::smallint[], %(named)s::bigint[]) WITH ORDINALITY
    AS r (organisation, message, part, reference, state, code, reason, occurred_at, address, quantity, suppress,
          named, n)
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
                "addresses": arrays.texts(_addresses(work, connection_id, receipts, owners)),
                "quantities": arrays.optional_ints([receipt.quantity for receipt in receipts]),
                "pleas": arrays.ints([int(receipt.suppress) for receipt in receipts]),
                "named": arrays.optional_ints(
                    [_named(receipt.token) if owner[1] is None else None
                     for receipt, owner in zip(receipts, owners, strict=True)]
                ),
            },
        )  # fmt: skip


def _named(token: str) -> int | None:
    """Return the message that a token of ours names, None for what is none."""
    try:
        found = int(token, 16) if token else 0
    except ValueError:
        return None
    return found if 0 < found < 2**63 else None


def _addresses(
    work: Work, connection_id: int, receipts: Sequence[Receipt], owners: Sequence[tuple[int | None, int | None, int]]
) -> list[str]:
    """Return the address kept with each receipt: none where its message is known, none of people who were erased."""
    lone = {receipt.address[:320] for receipt, owner in zip(receipts, owners, strict=True) if owner[1] is None} - {""}
    gone = erased.among(work, connection_id, lone) if lone else set()
    return [
        receipt.address[:320] if owner[1] is None and receipt.address[:320] not in gone else ""
        for receipt, owner in zip(receipts, owners, strict=True)
    ]


_WRITE = f"""
WITH u AS (
    UPDATE pulse_message SET state = %(after)s, reason = %(reason)s, code = %(code)s, changed_at = %(now)s
    WHERE id = ANY(%(ids)s::bigint[]) AND id BETWEEN %(low)s AND %(high)s AND state = %(before)s
      AND CASE WHEN reason = ANY({CAUSES}) THEN reason ELSE '' END = %(cause)s
    RETURNING units, step, quantity, billed)
SELECT count(*), coalesce(sum({DUE}), 0), coalesce(sum(coalesce(billed, quantity)), 0) FROM u
"""


def _write(work: Work, change: _Change, members: Sequence[Known]) -> Movement:
    message_ids = [message.id for message in members]
    facts = {
        "ids": arrays.ints(message_ids),
        "low": min(message_ids),
        "high": max(message_ids),
        "before": int(change.before),
        "after": int(change.after),
        "cause": change.cause.value,
        "reason": change.reason,
        "code": change.code,
        "now": work.clock(),
    }
    with raw(work.session).cursor(row_factory=tuple_row) as rows:
        row = rows.execute(_WRITE, facts).fetchone()
    if row is None or row[0] != len(members):
        raise Moved
    messages, due, quantity = row
    correction = sum((_correction(member) for member in members if member.bill is not None), Decimal(0))
    return Movement(
        *change[:5], messages, due - correction, quantity, correction, change.cause, cause(change.reason), change.day
    )


def _rebilled(message: Known) -> Movement:
    """Return the movement of a message whose state stays and whose bill does not."""
    return Movement(
        message.organisation_id, message.campaign_id, message.channel, message.before, message.before,
        1, message.due(message.billed), message.rebilled or 0, _correction(message), message.cause, message.cause,
        message.day,
    )  # fmt: skip


def _correction(message: Known) -> Decimal:
    """Return how much dearer a message became by what its provider bills."""
    return message.due(message.rebilled) - message.due(message.billed)


_WRITE_ALONE = f"""
UPDATE pulse_message SET part_states = %s::smallint[], billed = %s
WHERE id = %s AND part_states IS NOT DISTINCT FROM %s::smallint[] AND billed IS NOT DISTINCT FROM %s
  AND state = %s AND CASE WHEN reason = ANY({CAUSES}) THEN reason ELSE '' END = %s
"""


def _write_alone(work: Work, message: Known) -> None:
    """Write what is a message's own: the states of its parts, and the quantity its provider bills."""
    parts = _folded_parts(message) if message.part_states is not None else None
    billed = message.rebilled
    if (parts, billed) == (message.part_states, message.billed):
        return
    facts = (
        _array(parts), billed, message.id, _array(message.part_states), message.billed,
        int(message.before), message.cause.value,
    )  # fmt: skip
    with raw(work.session).cursor() as cursor:
        cursor.execute(_WRITE_ALONE, facts)
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
