"""Recording what providers answered: one transaction per batch for states, references, units and retries.

A message is settled only while it is queued or unknown, so that a batch recorded twice (a commit whose
answer was lost) changes nothing the second time, and figures and units move exactly once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from psycopg.rows import tuple_row
from sqlalchemy import insert

from ..domain.contracts import Movement
from ..domain.message import MessageState
from ..domain.outcome import Accepted, ErrorClass, Outcome, Rejected, TryLater, Unknown
from ..domain.provider import Submission
from ..storage import arrays, ids
from ..storage.models import Attempt, Dispatch
from ..storage.session import raw
from . import campaigns, counters, suppression_batch
from .work import Work

MOST_ATTEMPTS = 5
BACK_OFF = (5, 20, 80, 320)
"""Seconds before the second, third, fourth and fifth attempt over the same connection."""
ALIKE = 20
"""So many refused contents in one batch, and none accepted, pause the campaign."""


@dataclass(frozen=True, slots=True)
class Source:
    """The dispatch a batch came from, as far as recording needs it."""

    dispatch_id: int
    organisation_id: int
    campaign_id: int
    connection_id: int
    alternatives: Sequence[int]
    channel: str
    purpose: str
    sender: str
    validity_minutes: int
    zone: str | None
    attempt: int


class _Settled(NamedTuple):
    """A message whose handing-over is decided."""

    id: int
    state: MessageState
    reason: str = ""
    code: str = ""
    references: tuple[str, ...] = ()
    quantity: int | None = None


def record(work: Work, source: Source, batch: Sequence[Submission], outcomes: Sequence[Outcome]) -> None:
    """Write the outcomes of one batch."""
    settled: list[_Settled] = []
    again: list[tuple[Submission, Rejected | TryLater]] = []
    for submission, outcome in zip(batch, outcomes, strict=True):
        if isinstance(outcome, Accepted):
            settled.append(
                _Settled(submission.message_id, MessageState.ACCEPTED, references=outcome.references,
                         quantity=outcome.quantity)
            )  # fmt: skip
        elif isinstance(outcome, Unknown):
            settled.append(_Settled(submission.message_id, MessageState.UNKNOWN, outcome.reason, outcome.code))
        elif _is_final(source, outcome):
            settled.append(_final(submission.message_id, outcome))
        else:
            again.append((submission, outcome))
    _settle(work, source, settled)
    _retry(work, source, again)
    _tell(work, source, batch, outcomes)


def _is_final(source: Source, outcome: Rejected | TryLater) -> bool:
    """Return whether no further attempt is worth it."""
    if outcome.error is ErrorClass.THROTTLE:
        return False
    if isinstance(outcome, Rejected) and not outcome.error.is_retried_elsewhere:
        return True
    return source.attempt >= MOST_ATTEMPTS and outcome.error is not ErrorClass.CREDENTIAL


def _final(message_id: int, outcome: Rejected | TryLater) -> _Settled:
    return _Settled(message_id, outcome.error.state, outcome.reason, outcome.code)


_UPDATE = """
WITH n AS (
    SELECT * FROM unnest(%(ids)s::bigint[], %(states)s::smallint[], %(reasons)s::text[], %(codes)s::text[],
                         %(names)s::text[], %(parts)s::text[], %(quantities)s::integer[])
             AS n (id, state, reason, code, names, parts, quantity)),
u AS (
    UPDATE pulse_message m
    SET state = n.state, reason = n.reason, code = n.code, reference_ids = n.names,
        part_states = n.parts::smallint[], quantity = coalesce(n.quantity, m.quantity),
        connection_id = %(connection)s, changed_at = %(now)s, submitted_at = %(now)s
    FROM n
    WHERE m.id = n.id AND m.id BETWEEN %(low)s AND %(high)s AND m.state = %(before)s AND n.state > m.state
    RETURNING m.state, CASE WHEN m.state >= 10 THEN m.reason ELSE '' END AS reason, m.units, m.quantity),
kept AS (
    INSERT INTO pulse_reference (organisation_id, connection_id, message_id, part, reference)
    SELECT %(organisation)s, %(connection)s, * FROM
        unnest(%(reference_ids)s::bigint[], %(reference_parts)s::smallint[], %(references)s::text[])
    ON CONFLICT DO NOTHING)
SELECT state, reason, count(*), sum(units), sum(quantity) FROM u GROUP BY 1, 2
"""


def _settle(work: Work, source: Source, settled: Sequence[_Settled]) -> None:
    if not settled:
        return
    moved = _update(work, source, settled, MessageState.QUEUED)
    if sum(row[2] for row in moved) < len(settled):
        # Some were given up as unknown meanwhile: their answer is known after all.
        late = _update(work, source, settled, MessageState.UNKNOWN)
        _account(work, source, MessageState.UNKNOWN, late)
    _account(work, source, MessageState.QUEUED, moved)


def _update(work: Work, source: Source, settled: Sequence[_Settled], before: MessageState) -> list[tuple[Any, ...]]:
    message_ids = [each.id for each in settled]
    references = [(each.id, part, name[:120]) for each in settled for part, name in enumerate(each.references) if name]
    facts = {
        "ids": arrays.ints(message_ids),
        "states": arrays.ints([each.state for each in settled]),
        "reasons": arrays.texts([each.reason[:60] for each in settled]),
        "codes": arrays.texts([each.code[:40] for each in settled]),
        "names": arrays.texts([",".join(each.references) for each in settled]),
        "parts": arrays.optional_texts([_part_states(each) for each in settled]),
        "quantities": arrays.optional_ints([each.quantity for each in settled]),
        "reference_ids": arrays.ints([each[0] for each in references]),
        "reference_parts": arrays.ints([each[1] for each in references]),
        "references": arrays.texts([each[2] for each in references]),
        "organisation": source.organisation_id,
        "connection": source.connection_id,
        "now": work.clock(),
        "low": min(message_ids),
        "high": max(message_ids),
        "before": int(before),
    }
    with raw(work.session).cursor(row_factory=tuple_row) as rows:
        return rows.execute(_UPDATE, facts).fetchall()


def _part_states(each: _Settled) -> str | None:
    """Return the states of the parts where the provider will report on several, None for one."""
    if len(each.references) < 2:
        return None
    return "{" + ",".join([str(int(each.state))] * len(each.references)) + "}"


def _account(work: Work, source: Source, before: MessageState, moved: Sequence[tuple[Any, ...]]) -> None:
    deltas: dict[tuple[int, int, str], Decimal | int] = {}
    movements = []
    for state, reason, messages, units, quantity in moved:
        after = MessageState(state)
        names = {f"state:{before.label}": -messages, f"state:{after.label}": messages}
        if reason:
            names[f"reason:{reason}"] = messages
        for name, amount in names.items():
            key = (source.organisation_id, source.campaign_id, name)
            deltas[key] = deltas.get(key, 0) + amount
        movements.append(
            Movement(source.organisation_id, source.campaign_id or None, source.channel, before, after,
                     messages, units, quantity)
        )  # fmt: skip
    counters.add(work, deltas)
    if movements:
        work.registry.ledger.settle(work, movements)


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
    if outcome.error is ErrorClass.THROTTLE:
        return source.connection_id, now + asked, source.attempt
    if source.alternatives:
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
    moved_on = [each for each in source.alternatives if each != connection_id]
    work.session.execute(
        insert(Dispatch),
        {
            "id": dispatch_id,
            "organisation_id": source.organisation_id,
            "campaign_id": source.campaign_id,
            "connection_id": connection_id,
            "alternatives": moved_on,
            "channel": source.channel,
            "purpose": source.purpose,
            "sender": source.sender,
            "validity_minutes": source.validity_minutes,
            "zone": source.zone,
            "first_id": message_ids[0],
            "last_id": message_ids[-1],
            "cursor": message_ids[0] - 1,
            "messages": len(message_ids),
            "attempt": attempt,
            "due_at": due_at,
        },
    )


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
