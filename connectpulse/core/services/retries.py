"""Messages that go once more: what a further attempt keeps of the one before, and those that a receipt asks for.

A receipt is of the attempt whose reference it names. What it says is the last word on a message only if no later
attempt was begun, and then a message may go once more instead, as long as nothing else has decided about it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from psycopg.rows import tuple_row
from sqlalchemy import text

from ..domain.message import MessageState
from ..storage import arrays, ids
from ..storage.session import raw
from . import counters
from .receipt_known import Known
from .work import Work

MOST_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Source:
    """The dispatch a batch came from, as far as recording needs it; what is named like its columns is as there."""

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
    closes_at: datetime | None
    expires_at: datetime
    recent_seconds: int | None
    version_id: int | None = None
    fallback: int = 0
    onward: int = 0
    onward_seconds: int | None = None

    @property
    def place(self) -> int | None:
        """The place of its channel among several of its campaign, None where it is the only one."""
        return counters.place_of(self.fallback, self.onward)


_DISPATCH = text(
    """
    INSERT INTO pulse_dispatch (id, organisation_id, campaign_id, connection_id, alternatives, channel, purpose, sender,
        validity_minutes, zone, closes_at, expires_at, recent_seconds, version_id, created_at, fallback, onward,
        onward_seconds, first_id, last_id, cursor, messages, attempt, due_at)
    SELECT :id, organisation_id, campaign_id, :connection, array_remove(alternatives, :connection), channel, purpose,
        sender, validity_minutes, zone, closes_at, expires_at, recent_seconds, version_id, created_at, fallback, onward,
        onward_seconds, :first, :last, :first - 1, :messages, :attempt, :due
    FROM pulse_dispatch WHERE id = :old
    """
)


def dispatch(
    work: Work, old_id: int, new_id: int, connection_id: int, attempt: int, due_at: datetime, message_ids: Sequence[int]
) -> None:
    """Queue messages of one dispatch in a new one: it keeps all but the connection, the attempt and the time.

    It is as old as the first: a suppression that came in between is news to it.
    """
    facts = {"old": old_id, "id": new_id, "connection": connection_id, "attempt": attempt, "due": due_at}
    bounds = {"first": min(message_ids), "last": max(message_ids), "messages": len(message_ids)}
    work.session.execute(_DISPATCH, facts | bounds)


class Wish(NamedTuple):
    """A message whose latest attempt came to nothing by its receipt, and after which while to try again."""

    before: MessageState
    attempt: int
    after: timedelta
    reason: str
    code: str


class _Group(NamedTuple):
    """Wishes that are granted together: one dispatch for all of them."""

    dispatch_id: int
    connection_id: int
    before: MessageState
    attempt: int
    after: timedelta
    reason: str
    code: str


_MAY = """
SELECT m.id, d.id, m.connection_id, d.expires_at
FROM pulse_message m JOIN pulse_dispatch d ON d.id = m.dispatch_id
LEFT JOIN pulse_campaign c ON c.id = m.campaign_id
WHERE m.id = ANY(%(ids)s::bigint[]) AND m.id BETWEEN %(low)s AND %(high)s AND m.connection_id IS NOT NULL
  AND (m.campaign_id IS NULL OR c.state IN ('running', 'paused', 'finished'))
"""


def granted(work: Work, wishes: Mapping[int, Wish]) -> dict[_Group, list[int]]:
    """Return the messages that may go once more, by what they have in common; of the others the receipt's state holds.

    A message may as long as it has attempts left, is valid when the time comes, and its campaign goes on.
    """
    left = {message_id: wish for message_id, wish in wishes.items() if wish.attempt < MOST_ATTEMPTS}
    if not left:
        return {}
    facts = arrays.span(left)
    with raw(work.session).cursor(row_factory=tuple_row) as rows:
        found = rows.execute(_MAY, facts).fetchall()
    groups: dict[_Group, list[int]] = {}
    for message_id, dispatch_id, connection_id, expires_at in found:
        group = _Group(dispatch_id, connection_id, *left[message_id])
        if work.clock() + group.after < expires_at:
            groups.setdefault(group, []).append(message_id)
    return groups


_AGAIN = """
WITH u AS (
    UPDATE pulse_message m
    SET state = 0, reason = '', code = '', attempt = attempt + 1, dispatch_id = %(new)s, submitted_at = NULL,
        changed_at = %(now)s, part_states = NULL, billed = NULL
    FROM unnest(%(ids)s::bigint[], %(billed)s::int[], %(categories)s::text[]) AS n (id, billed, category)
    WHERE m.id = n.id AND m.id BETWEEN %(low)s AND %(high)s AND m.state = %(before)s
      AND m.billed IS NOT DISTINCT FROM n.billed AND m.category = n.category
      AND m.attempt = %(attempt)s AND m.dispatch_id = %(old)s
    RETURNING m.id, m.organisation_id),
kept AS (
    INSERT INTO pulse_attempt (organisation_id, message_id, connection_id, number, outcome, reason, code)
    SELECT organisation_id, id, %(connection)s, %(attempt)s, 'again', %(reason)s, %(code)s FROM u RETURNING 1)
SELECT count(*) FROM u
"""


def grant(work: Work, group: _Group, messages: Collection[Known]) -> bool:
    """Queue messages once more; return False if one of them, or what it costs, changed meanwhile.

    The units that were reserved stay so; figures are the caller's to move.
    """
    new_id, message_ids = ids.blocks(work.session.connection(), 1)[0], [message.id for message in messages]
    facts: dict[str, Any] = arrays.span(message_ids) | {
        "billed": arrays.optional_ints(message.billed for message in messages),
        "categories": arrays.texts([message.category for message in messages]),
        "new": new_id,
        "old": group.dispatch_id, "connection": group.connection_id, "before": int(group.before),
        "attempt": group.attempt, "reason": group.reason, "code": group.code, "now": work.clock(),
    }  # fmt: skip
    with raw(work.session).cursor(row_factory=tuple_row) as rows:
        row = rows.execute(_AGAIN, facts).fetchone()
    if row is None or row[0] != len(message_ids):
        return False
    due_at = work.clock() + group.after
    dispatch(work, group.dispatch_id, new_id, group.connection_id, group.attempt + 1, due_at, message_ids)
    return True
