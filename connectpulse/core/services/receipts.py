"""Receipts: stored as evidence, matched to messages, folded into their state, a batch per transaction.

The fold takes the maximum, so duplicates, late and shuffled receipts end alike. One that arrives before its
submit is committed matches nothing yet: it is kept, and matched again later.
"""

from collections import Counter as Tally
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from psycopg.rows import tuple_row

from ..domain.contracts import Movement
from ..domain.message import STATES, Cause, MessageState, cause, fold_parts
from ..domain.provider import Receipt
from ..storage import arrays, ids
from ..storage.session import raw
from . import campaign_end, counters, onward, receipt_log, receipt_own, repricing, retries, suppression_batch
from .receipt_known import Known, Place
from .work import Work

LOOK_BACK = timedelta(days=8)
"""How old a message may be for its receipt to be matched at once; older ones are matched by the sweeper."""
FEW_BILLS = 4
"""Pairs of old and new bills in a batch that are written with the states of their messages."""
MOST = 10_000
"""Receipts folded at once: what is told of one message close together moves it once."""
DUE = """CASE WHEN billed = 0 THEN 0 WHEN billed IS NULL OR step = 0 THEN units
     ELSE round(units * ((billed + step - 1) / step) / greatest((quantity + step - 1) / step, 1), 4) END"""
"""What a message costs, in SQL: as reserved, or by the steps its provider says it bills. The twin of `pricing.due`."""
CAUSES = "ARRAY['not_sent_in_time', 'answer_lost', 'not_reported']"
"""The reasons that are a `Cause`, in SQL."""


class Moved(Exception):
    """A message changed while its receipts were being folded: do the transaction again."""


class _Change(NamedTuple):
    """What messages have in common that move together: one update, one figure, one movement. `place`: `counters`.

    `old_bill` and `bill` are what is billed, where that changes with the state.
    """

    organisation_id: int
    campaign_id: int | None
    channel: str
    before: MessageState
    after: MessageState
    cause: Cause
    reason: str
    code: str
    day: date | None
    place: int | None
    old_bill: int | None = None
    bill: int | None = None


def apply(work: Work, connection_id: int, receipts: Sequence[Receipt]) -> int:
    """Store and fold receipts of one connection; return how many matched no message yet.

    Raises Moved where somebody else changed one of the messages meanwhile; the caller repeats.
    """
    return sum(_apply(work, connection_id, receipts[start : start + MOST]) for start in range(0, len(receipts), MOST))


def _apply(work: Work, connection_id: int, receipts: Sequence[Receipt]) -> int:
    places, known = _find(work, connection_id, [receipt.reference for receipt in receipts])
    owners: list[receipt_log.Owner] = []
    for receipt in receipts:
        place = places.get(receipt.reference)
        if place is None:
            owners.append((None, None, 0))
            continue
        message = known[place.message_id]
        owners.append((message.organisation_id, message.id, place.part))
        better(message, place.part, receipt, place.attempt)
    receipt_log.keep(work, connection_id, receipts, owners)
    fold(work, known.values())
    return sum(owner[1] is None for owner in owners)


def fold(work: Work, messages: Iterable[Known]) -> None:
    """Write the states of messages as their receipts leave them; count and settle what moved."""
    together: dict[_Change, list[Known]] = {}
    movements: list[Movement] = []
    told = list(messages)
    again = _again(work, told)
    staying = {message.id: (message, _state(message)) for message in told if message.best and message.id not in again}
    kept = [message for message, _ in staying.values()]
    if not repricing.apply(work, kept, CAUSES):
        raise Moved
    alike = _billed_alike(staying.values())
    _write_own(work, [message for message in kept if message.id not in alike])
    for message, after in staying.values():
        if after > message.before:
            together.setdefault(_change(message, after, message.id in alike), []).append(message)
        elif message.rebilled != message.billed or message.price is not None:
            movements.append(_rebilled(message))
    movements += [_requeued(message) for message in again.values()]
    movements += [_write(work, change, members) for change, members in together.items()]
    _count(work, together, again.values(), kept)
    if movements:
        work.registry.ledger.settle(work, movements)
    pleas = [(each.organisation_id, each.channel, each.id, each.plea.reason) for each in told if each.plea is not None]
    suppression_batch.add_of_messages(work, pleas)
    ended = [each for change, members in together.items() if change.after.is_final for each in members]
    onward.follow(work, [each.id for each in ended if each.onward])
    campaign_end.reopen(work, {message.campaign_id for message in again.values()})


def _billed_alike(messages: Iterable[tuple[Known, MessageState]]) -> set[int]:
    """Return the messages of one part that move and whose bills are a few: these are written with their next states.

    Seconds of calls differ from one to the next; a statement for each of them would cost more than it spares.
    """
    moving = [message for message, after in messages if message.part_states is None and after > message.before]
    is_few = len({(message.billed, message.rebilled) for message in moving}) <= FEW_BILLS
    return {message.id for message in moving} if is_few else set()


def _change(message: Known, after: MessageState, has_bill: bool) -> _Change:
    """Return how a message moves that its receipts take further; `has_bill`, what is billed moves with it."""
    best = _best(message)
    is_bad = after < MessageState.DELIVERED
    bills = (message.billed, message.rebilled) if has_bill else ()
    return _Change(
        message.organisation_id, message.campaign_id, message.channel, message.before, after, message.cause,
        best.reason[:60], best.code[:40] if is_bad else "", message.day, message.place, *bills,
    )  # fmt: skip


def _again(work: Work, messages: Sequence[Known]) -> dict[int, Known]:
    """Queue those messages once more whose receipts ask for it and that may; return them by id."""
    wishes = {message.id: wish for message in messages if (wish := _wish(message)) is not None}
    known, done = {message.id: message for message in messages}, dict[int, Known]()
    for message_id in onward.gone(work, sorted(id for id in wishes if known[id].place is not None)):
        del wishes[message_id]
    for group, message_ids in retries.granted(work, wishes).items():
        members = {id: known[id] for id in message_ids}
        if not retries.grant(work, group, members.values()):
            raise Moved
        done |= members
    return done


def _wish(message: Known) -> retries.Wish | None:
    """Return what the receipts of a message ask for whose attempt came to nothing, and of which no part arrived."""
    if not message.best or message.before not in _ON_ITS_WAY or message.cause is Cause.NOT_REPORTED:
        return None
    best = _best(message)
    if best.again is None:
        return None
    after = _state(message)
    if not MessageState.EXPIRED <= after < MessageState.DELIVERED:
        return None
    if any(part >= MessageState.DELIVERED for part in _folded_parts(message)):
        return None
    return retries.Wish(message.before, message.attempt, best.again, best.reason[:60], best.code[:40])


_ON_ITS_WAY = (MessageState.UNKNOWN, MessageState.ACCEPTED, MessageState.SENT)
"""States of a message that is with its provider, or may be."""


def _requeued(message: Known) -> Movement:
    """Return the movement of a message that goes once more: at what was reserved for it, whatever was billed."""
    held = message.due(message.billed)
    return Movement(
        message.organisation_id, message.campaign_id, message.channel, message.before, MessageState.QUEUED,
        1, held, message.quantity, message.units - held,
        _priced(message.before, message.cause), day=message.day,
    )  # fmt: skip


def _best(message: Known) -> Receipt:
    if len(message.best) == 1:
        return next(iter(message.best.values()))
    return max(message.best.values(), key=_weight)


def _weight(receipt: Receipt) -> tuple[MessageState, bool]:
    """Order receipts by how far they report, and the last word on a message after that on an attempt."""
    return receipt.state, receipt.again is None


def better(message: Known, part: int, receipt: Receipt, attempt: int) -> None:
    """Keep the furthest report on a part, and what any of them bills or asks for.

    Of an attempt that another followed, only a delivery counts.
    """
    if receipt.suppress:
        message.plea = receipt
    if attempt < message.attempt and receipt.state < MessageState.DELIVERED:
        return
    if receipt.quantity is not None:
        message.bill = max(message.bill or (receipt.state, 0), (receipt.state, receipt.quantity))
        if receipt.category:
            told = (receipt.state, receipt.category[:40])
            message.named = max(message.named or told, told)
    held = message.best.get(part)
    if held is None or _weight(receipt) > _weight(held):
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


_COLUMNS = (
    "id, organisation_id, campaign_id, channel, state, part_states, units, step, quantity, attempt, "
    "fallback, onward, billed, category, reason"
)

_FIND = """
SELECT reference, message_id, part, attempt FROM pulse_reference
WHERE reference = ANY(%(references)s::text[]) AND connection_id = %(connection)s
  AND message_id BETWEEN %(low)s AND %(high)s
ORDER BY message_id
"""


def _find(work: Work, connection_id: int, references: list[str]) -> tuple[dict[str, Place], dict[int, Known]]:
    """Return what references stand for, and the messages; the youngest wins where a provider reuses ids.

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
    messages = known(work, {row[1] for row in found})
    places = {reference: Place(*rest) for reference, *rest in found if rest[0] in messages}
    return places, messages


def _known(row: tuple[Any, ...]) -> Known:
    values = list(row)
    values[4], values[-1] = STATES[row[4]], cause(row[-1])
    return Known(*values)


_BY_ID = f"SELECT {_COLUMNS} FROM pulse_message WHERE id = ANY(%(ids)s::bigint[]) AND id BETWEEN %(low)s AND %(high)s"


def known(work: Work, message_ids: set[int]) -> dict[int, Known]:
    """Return messages by id."""
    if not message_ids:
        return {}
    facts = arrays.span(message_ids)
    with raw(work.session).cursor(row_factory=tuple_row, binary=True) as rows:
        return {row[0]: _known(row) for row in rows.execute(_BY_ID, facts).fetchall()}


_WRITE = f"""
WITH u AS (
    UPDATE pulse_message SET state = %(after)s, reason = %(reason)s, code = %(code)s, changed_at = %(now)s{{bill}}
    WHERE id = ANY(%(ids)s::bigint[]) AND id BETWEEN %(low)s AND %(high)s AND state = %(before)s
      AND CASE WHEN reason = ANY({CAUSES}) THEN reason ELSE '' END = %(cause)s{{old_bill}}
    RETURNING units, step, quantity, billed)
SELECT count(*), coalesce(sum({DUE}), 0), coalesce(sum(coalesce(billed, quantity)), 0), sum(units), sum(step) FROM u
"""
_MOVE = _WRITE.format(bill="", old_bill="")
_MOVE_BILLED = _WRITE.format(
    bill=", billed = %(bill)s", old_bill=" AND billed IS NOT DISTINCT FROM %(old_bill)s::integer"
)


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
        "old_bill": change.old_bill,
        "bill": change.bill,
        "now": work.clock(),
    }
    statement = _MOVE if change.bill == change.old_bill else _MOVE_BILLED
    with raw(work.session).cursor(row_factory=tuple_row) as rows:
        row = rows.execute(statement, facts).fetchone()
    if row is None or row[0] != len(members):
        raise Moved
    messages, due, quantity, *prices = row
    costs = [member.price or member for member in members]
    if prices != [sum(each.units for each in costs), sum(each.step for each in costs)]:
        raise Moved  # another receipt changed a price meanwhile
    correction = sum((member.correction for member in members if member.bill or member.price), Decimal(0))
    return Movement(
        *change[:5], messages, due - correction, quantity, correction, _priced(change.before, change.cause),
        cause(change.reason), change.day,
    )  # fmt: skip


def _rebilled(message: Known) -> Movement:
    """Return the movement of a message whose state stays and whose bill does not."""
    return Movement(
        message.organisation_id, message.campaign_id, message.channel, message.before, message.before,
        1, message.due(message.billed), message.quantity if message.rebilled is None else message.rebilled,
        message.correction,
        _priced(message.before, message.cause), _priced(message.before, message.cause), message.day,
    )  # fmt: skip


def _priced(state: MessageState, cause: Cause) -> Cause:
    """Return the cause a state's price depends on: that an answer was lost decides nothing until it has expired."""
    return Cause.PLAIN if state is MessageState.UNKNOWN and cause is Cause.ANSWER_LOST else cause


def _write_own(work: Work, messages: Iterable[Known]) -> None:
    """Write what is each message's own: the states of its parts, and the quantity its provider bills."""
    owns = [_own(message) for message in messages if message.bill is not None or message.part_states is not None]
    changed = [own for own in owns if own.is_changed]
    if not receipt_own.write(work, changed, CAUSES):
        raise Moved


def _own(message: Known) -> receipt_own.Own:
    parts = _folded_parts(message) if message.part_states is not None else None
    return receipt_own.Own(
        message.id, message.before, message.cause, message.part_states, message.billed, parts, message.rebilled,
        message.other_category or message.category,
    )  # fmt: skip


def _count(
    work: Work, together: Mapping[_Change, Sequence[Known]], again: Iterable[Known], staying: Iterable[Known]
) -> None:
    deltas: Tally[tuple[int, int, str]] = Tally()
    for change, members in together.items():
        owner, moved = (change.organisation_id, change.campaign_id or 0), len(members)
        for name, amount in counters.moves(change.before, change.after, moved, change.place).items():
            deltas[*owner, name] += amount
        if MessageState.EXPIRED <= change.after < MessageState.DELIVERED:
            deltas[*owner, f"reason:{change.reason or change.after.label}"] += moved
        elif change.reason and change.after >= MessageState.DELIVERED:
            deltas[*owner, f"arrived:{change.reason}"] += moved
    for message in staying:
        if message.other_category:
            name = "billed" if message.price is not None else "unpriced"
            owner = (message.organisation_id, message.campaign_id or 0)
            deltas[*owner, f"{name}:{message.other_category}"] += 1
            deltas[*owner, f"billed:{message.category}"] -= 1
    for message in again:
        owner = (message.organisation_id, message.campaign_id or 0)
        for name, amount in counters.moves(message.before, MessageState.QUEUED, 1, message.place).items():
            deltas[*owner, name] += amount
    counters.add(work, deltas)
