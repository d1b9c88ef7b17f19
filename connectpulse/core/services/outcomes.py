"""Recording what providers answered: one transaction per batch for states, references, units and retries.

A message is settled only while it is queued or unknown, so that a batch recorded twice (a commit whose
answer was lost) changes nothing the second time, and figures and units move exactly once.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from psycopg.rows import tuple_row
from sqlalchemy import insert

from ..domain.contracts import Movement
from ..domain.message import MessageState
from ..domain.outcome import Accepted, ErrorClass, Outcome, Rejected, TryLater, Unknown
from ..domain.provider import Submission
from ..storage import arrays, ids
from ..storage.models import Attempt
from ..storage.session import raw
from . import campaigns, counters, early, onward, retries, suppression_batch
from .receipt_known import Place
from .receipts import DUE
from .retries import MOST_ATTEMPTS, Source
from .work import Work

_MOVES_ON = (ErrorClass.PROVIDER, ErrorClass.CREDENTIAL)
"""Faults of the connection, not of the message: the next one on the route may carry it."""
BACK_OFF = (5, 20, 80, 320)
"""Seconds before the second, third, fourth and fifth attempt over the same connection."""
ALIKE = 20
"""So many refused contents in one batch, and none accepted, pause the campaign."""


class _Fate(NamedTuple):
    """What messages of a batch have in common once their handing-over is decided; one update per fate."""

    state: MessageState
    reason: str = ""
    code: str = ""
    references: int = 0
    quantity: int | None = None


def record(work: Work, source: Source, batch: Sequence[Submission], outcomes: Sequence[Outcome]) -> bool:
    """Write the outcomes of one batch; return False if they were written before."""
    fates: dict[_Fate, list[int]] = {}
    references: list[tuple[int, int, str]] = []
    again: list[tuple[Submission, Rejected | TryLater]] = []
    for submission, outcome in zip(batch, outcomes, strict=True):
        if isinstance(outcome, Accepted):
            names = outcome.references if len(outcome.references) < 2 else tuple(dict.fromkeys(outcome.references))
            fate = _Fate(MessageState.ACCEPTED, "", "", len(names), outcome.quantity)
            for part, name in enumerate(names):
                references.append((submission.message_id, part, name[:120]))
        elif isinstance(outcome, Unknown):
            fate = _Fate(MessageState.UNKNOWN, outcome.reason[:60], outcome.code[:40])
        elif _is_final(source, outcome):
            fate = _Fate(outcome.error.state, outcome.reason[:60], outcome.code[:40])
        else:
            again.append((submission, outcome))
            continue
        fates.setdefault(fate, []).append(submission.message_id)
    is_news = any([_settle(work, source, fate, message_ids) for fate, message_ids in fates.items()])
    if is_news:
        _keep_references(work, source, [each for each in references if each[2]])
        _look_onward(work, source, fates)
    _retry(work, source, again)
    if source.place is not None:
        onward.take_back(work, [submission.message_id for submission, _ in again])
    _tell(work, source, batch, outcomes)
    return is_news


def _look_onward(work: Work, source: Source, fates: Mapping[_Fate, list[int]]) -> None:
    """Watch what was handed over of a channel that another may follow, and let what ended here decide."""
    if source.onward:
        taken = [each for fate, ids in fates.items() if not fate.state.is_final for each in ids]
        onward.watch(work, source, taken)
        onward.follow(work, [each for fate, ids in fates.items() if fate.state.is_final for each in ids])


def _is_final(source: Source, outcome: Rejected | TryLater) -> bool:
    """Return whether no further attempt is worth it."""
    if outcome.error is ErrorClass.THROTTLE or _is_no_attempt(outcome):
        return False
    if isinstance(outcome, Rejected) and not outcome.error.is_retried_elsewhere:
        return True
    return source.attempt >= MOST_ATTEMPTS and outcome.error is not ErrorClass.CREDENTIAL


def _is_no_attempt(outcome: Rejected | TryLater) -> bool:
    return isinstance(outcome, TryLater) and not outcome.is_attempt


_SETTLE = f"""
WITH u AS (
    UPDATE pulse_message
    SET state = %(state)s, reason = %(reason)s, code = %(code)s, connection_id = %(connection)s,
        changed_at = %(now)s, submitted_at = %(now)s, billed = coalesce(%(quantity)s::integer, billed),
        part_states = CASE WHEN %(references)s > 1 THEN array_fill(%(state)s::smallint, ARRAY[%(references)s]) END
    WHERE id = ANY(%(ids)s::bigint[]) AND id BETWEEN %(low)s AND %(high)s AND state = %(before)s
      AND reason <> 'not_reported'
      AND (attempt = %(attempt)s OR NOT EXISTS (
          SELECT 1 FROM pulse_attempt a WHERE a.message_id = pulse_message.id AND a.number = %(attempt)s
          AND a.outcome = 'again'))
    RETURNING units, step, quantity, billed)
SELECT count(*), coalesce(sum(units), 0), coalesce(sum(coalesce(billed, quantity)), 0),
       coalesce(sum({DUE}) - sum(units), 0) FROM u
"""


def _settle(work: Work, source: Source, fate: _Fate, message_ids: Sequence[int]) -> bool:
    """Write one fate; return whether anything moved (nothing does when a batch is recorded twice)."""
    facts = {
        "ids": arrays.ints(message_ids),
        "low": min(message_ids),
        "high": max(message_ids),
        "state": int(fate.state),
        "reason": fate.reason,
        "code": fate.code,
        "references": fate.references,
        "quantity": fate.quantity,
        "connection": source.connection_id,
        "attempt": source.attempt,
        "now": work.clock(),
    }
    moved = 0
    # Some may have been given up as unknown meanwhile: their answer is known after all.
    for before in (MessageState.QUEUED, MessageState.UNKNOWN):
        if moved < len(message_ids) and fate.state > before:
            with raw(work.session).cursor(row_factory=tuple_row) as rows:
                row = rows.execute(_SETTLE, facts | {"before": int(before)}).fetchone()
            assert row is not None
            moved += row[0]
            _account(work, source, before, fate, ids.day_alone(message_ids[0], source.campaign_id), *row)
    return moved > 0


_REFERENCES = """
INSERT INTO pulse_reference (organisation_id, connection_id, attempt, message_id, part, reference)
SELECT %(organisation)s, %(connection)s, %(attempt)s, *
FROM unnest(%(ids)s::bigint[], %(parts)s::smallint[], %(names)s::text[])
"""
_SAME_AGAIN = """
ON CONFLICT (reference, connection_id, message_id) DO UPDATE SET attempt = excluded.attempt, part = excluded.part
"""
"""A provider that knows a message by our token may give a further attempt the reference of the first."""


def _keep_references(work: Work, source: Source, references: Sequence[tuple[int, int, str]]) -> None:
    """Keep by what names messages are reported, and take in what was reported already."""
    if not references:
        return
    raw(work.session).execute(
        _REFERENCES + (_SAME_AGAIN if source.attempt > 1 else ""),
        {
            "organisation": source.organisation_id,
            "connection": source.connection_id,
            "attempt": source.attempt,
            "ids": arrays.ints([each[0] for each in references]),
            "parts": arrays.ints([each[1] for each in references]),
            "names": arrays.texts([each[2] for each in references]),
        },
    )
    early.take(work, source.connection_id, {name: Place(id, part, source.attempt) for id, part, name in references})


def _account(
    work: Work,
    source: Source,
    before: MessageState,
    fate: _Fate,
    day: date | None,
    messages: int,
    units: Decimal,
    quantity: int,
    correction: Decimal,
) -> None:
    """Count and settle what moved."""
    if not messages:
        return
    names = counters.moves(before, fate.state, messages, source.place)
    if fate.state.is_final:
        names[f"reason:{fate.reason}"] = messages
    owner = (source.organisation_id, source.campaign_id)
    counters.add(work, {(*owner, name): amount for name, amount in names.items()})
    work.registry.ledger.settle(
        work,
        [
            Movement(source.organisation_id, source.campaign_id or None, source.channel, before, fate.state,
                     messages, units, quantity, correction, day=day)
        ],
    )  # fmt: skip


def _retry(work: Work, source: Source, again: Sequence[tuple[Submission, Rejected | TryLater]]) -> None:
    """Queue messages once more: elsewhere if the provider is at fault, later if it asked for it."""
    groups: dict[tuple[int, datetime, int], list[tuple[Submission, Rejected | TryLater]]] = {}
    now = work.clock()
    for submission, outcome in again:
        groups.setdefault(_next(source, outcome, now), []).append((submission, outcome))
    for (connection_id, due_at, attempt), members in groups.items():
        _queue_again(work, source, connection_id, due_at, attempt, members)


def _next(source: Source, outcome: Rejected | TryLater, now: datetime) -> tuple[int, datetime, int]:
    """Return the connection, the time and the number of a message's next attempt."""
    asked = outcome.after if isinstance(outcome, TryLater) else timedelta(0)
    if outcome.error is ErrorClass.THROTTLE or _is_no_attempt(outcome):
        return source.connection_id, now + asked, source.attempt
    if source.alternatives and outcome.error in _MOVES_ON:
        return source.alternatives[0], now, source.attempt + 1
    if outcome.error is ErrorClass.CREDENTIAL:
        return source.connection_id, now, source.attempt
    pause = timedelta(seconds=BACK_OFF[min(source.attempt, len(BACK_OFF)) - 1])
    return source.connection_id, now + max(asked, pause), source.attempt + 1


def _queue_again(
    work: Work,
    source: Source,
    connection_id: int,
    due_at: datetime,
    attempt: int,
    members: Sequence[tuple[Submission, Rejected | TryLater]],
) -> None:
    message_ids = sorted(submission.message_id for submission, _ in members)
    dispatch_id = ids.blocks(work.session.connection(), 1)[0]
    with raw(work.session).cursor() as cursor:
        cursor.execute(
            "UPDATE pulse_message SET dispatch_id = %(dispatch)s, attempt = %(attempt)s "
            "WHERE id = ANY(%(ids)s::bigint[]) AND id BETWEEN %(low)s AND %(high)s "
            "AND state = 0 AND dispatch_id = %(old)s",
            {
                "dispatch": dispatch_id,
                "attempt": attempt,
                "ids": arrays.ints(message_ids),
                "low": message_ids[0],
                "high": message_ids[-1],
                "old": source.dispatch_id,
            },
        )
        if cursor.rowcount == 0:
            return
    retries.dispatch(work, source.dispatch_id, dispatch_id, connection_id, attempt, due_at, message_ids)


def _tell(work: Work, source: Source, batch: Sequence[Submission], outcomes: Sequence[Outcome]) -> None:
    """Keep the attempts that did not end in acceptance, and do what they ask for."""
    rows: list[Mapping[str, Any]] = []
    told: list[suppression_batch.Told] = []
    for submission, outcome in zip(batch, outcomes, strict=True):
        if isinstance(outcome, Accepted):
            continue
        error = "" if isinstance(outcome, Unknown) else outcome.error.value
        rows.append(
            {
                "organisation_id": source.organisation_id,
                "message_id": submission.message_id,
                "connection_id": source.connection_id,
                "number": source.attempt,
                "outcome": _NAMES[type(outcome)],
                "error": error,
                "reason": outcome.reason[:60],
                "code": outcome.code[:40],
            }
        )
        if isinstance(outcome, Rejected) and outcome.suppress:
            told.append((source.organisation_id, source.channel, submission.address, outcome.reason))
    if rows:
        work.session.execute(insert(Attempt), rows)
        suppression_batch.add(work, told)
        _pause_campaign(work, source, outcomes)


_NAMES: Mapping[type[Any], str] = {Rejected: "rejected", TryLater: "try_later", Unknown: "unknown"}


def _pause_campaign(work: Work, source: Source, outcomes: Sequence[Outcome]) -> None:
    """Pause the campaign whose sender or content the provider refuses, before it wastes its audience."""
    if not source.campaign_id:
        return
    refused = [each for each in outcomes if isinstance(each, Rejected)]
    sender = next((each for each in refused if each.error is ErrorClass.SENDER), None)
    if sender is not None:
        reason = (
            f"The provider refuses the sender {source.sender}: {sender.reason.replace('_', ' ')} {sender.code}".strip()
        )
        campaigns.pause_for(work, [source.campaign_id], reason)
        return
    contents = [each for each in refused if each.error is ErrorClass.CONTENT]
    if len(contents) >= ALIKE and not any(isinstance(each, Accepted) for each in outcomes):
        reason = f"The provider refuses the content: {contents[0].reason.replace('_', ' ')} {contents[0].code}".strip()
        campaigns.pause_for(work, [source.campaign_id], reason)
