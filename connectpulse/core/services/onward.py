"""Whether a recipient goes on to the next channel: asked with every ending of a message, in its own transaction.

A message that something may follow is watched from its hand-over on. Its ending decides: the row becomes due, or it
goes. A delivery that is reported late takes back what followed, as long as nobody has begun to hand it over.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final

from psycopg.rows import tuple_row
from sqlalchemy import text

from ..domain.fallback import BIT_OF_STATE, BITS
from ..domain.message import Cause, MessageState
from ..domain.provider import Capability
from ..storage import arrays
from ..storage.models import Connection
from ..storage.session import raw
from . import endings
from .retries import Source
from .work import Work

DELIVERED_BEFORE: Final = "delivered_before"
"""Why a message was cancelled: the one its recipient came from had arrived after all."""
MOVED_ON: Final = Cause.NEVER_SENT.value
"""Why a message expired that waited for a further attempt when its recipient went on: that attempt costs nothing."""
_NAMES = "CASE m.state " + " ".join(f"WHEN {int(state)} THEN '{state.label}'" for state in BITS) + " ELSE m.reason END"

_WATCH = """
INSERT INTO pulse_onward (message_id, organisation_id, campaign_id, fallback, due_at)
SELECT m.id, m.organisation_id, m.campaign_id, m.fallback + 1, %(due)s
FROM pulse_message m WHERE m.id = ANY(%(ids)s::bigint[]) AND m.id BETWEEN %(low)s AND %(high)s AND m.state IN (2, 3, 4)
ON CONFLICT DO NOTHING
"""


def watch(work: Work, source: Source, message_ids: Sequence[int]) -> None:
    """Watch messages that were handed over. Of a provider that sends no receipts nothing will be heard: none is."""
    if not message_ids or not source.onward:
        return
    connection = work.session.get(Connection, source.connection_id)
    if connection is None or not _reports(work, connection.provider):
        return
    after = source.onward_seconds
    due_at = None if after is None else work.clock() + timedelta(seconds=after)
    with raw(work.session).cursor(row_factory=tuple_row) as rows:
        rows.execute(_WATCH, arrays.span(message_ids) | {"due": due_at})
        _forget_reached(rows, message_ids)


_WATCH_LOST = """
INSERT INTO pulse_onward (message_id, organisation_id, campaign_id, fallback, due_at)
SELECT m.id, m.organisation_id, m.campaign_id, m.fallback + 1, %(now)s + make_interval(secs => d.onward_seconds)
FROM pulse_message m JOIN pulse_dispatch d ON d.id = m.dispatch_id
WHERE d.id = %(dispatch)s AND d.onward <> 0 AND m.id BETWEEN d.first_id AND d.last_id AND m.state = 2
ON CONFLICT DO NOTHING RETURNING message_id
"""


def watch_lost(work: Work, dispatch_id: int, provider: str | None) -> None:
    """Watch as `watch` does what a worker that was lost may have handed over."""
    if _reports(work, provider):
        with raw(work.session).cursor(row_factory=tuple_row) as rows:
            found = rows.execute(_WATCH_LOST, {"dispatch": dispatch_id, "now": work.clock()}).fetchall()
            _forget_reached(rows, [row[0] for row in found])


def _reports(work: Work, provider: str | None) -> bool:
    cls = work.registry.providers.get(provider or "")
    return cls is not None and Capability.RECEIPTS in cls.capabilities


_FOLLOW = f"""
INSERT INTO pulse_onward (message_id, organisation_id, campaign_id, fallback, due_at, reason)
SELECT m.id, m.organisation_id, m.campaign_id, m.fallback + 1, %(now)s, {_NAMES}
FROM pulse_message m JOIN pulse_campaign c ON c.id = m.campaign_id AND c.state IN ('running', 'paused')
WHERE m.id = ANY(%(ids)s::bigint[]) AND m.id BETWEEN %(low)s AND %(high)s AND m.onward <> 0
  AND (m.state = 30 OR {BIT_OF_STATE} & m.onward <> 0)
ON CONFLICT (message_id) DO UPDATE SET due_at = excluded.due_at, reason = excluded.reason
WHERE pulse_onward.state = 'waiting'
"""
_SETTLED = f"""
DELETE FROM pulse_onward o USING pulse_message m
WHERE o.message_id = m.id AND m.id = ANY(%(ids)s::bigint[]) AND m.id BETWEEN %(low)s AND %(high)s
  AND o.state = 'waiting'
  AND (m.state IN (20, 21, 31) OR o.due_at IS NULL
       AND (m.reason = 'not_reported' OR m.state BETWEEN 10 AND 13 AND {BIT_OF_STATE} & m.onward = 0))
"""
_LATER = """
WITH RECURSIVE later (id, next_id) AS (
    SELECT o.message_id, o.next_id FROM pulse_onward o JOIN pulse_message m ON m.id = o.message_id
    WHERE o.message_id = ANY(%(ids)s::bigint[]) AND m.id BETWEEN %(low)s AND %(high)s AND m.state IN (20, 21)
      AND o.state = 'moved'
    UNION ALL
    SELECT later.next_id, o.next_id FROM later LEFT JOIN pulse_onward o ON o.message_id = later.next_id
    WHERE later.next_id IS NOT NULL)
SELECT next_id FROM later WHERE next_id IS NOT NULL
"""


def follow(work: Work, message_ids: Iterable[int]) -> None:
    """Let the states of these messages, as they are now, decide whether their recipients go on.

    Safe to repeat: what has moved on does not move again.
    """
    wanted = list(message_ids)
    if not wanted:
        return
    facts = arrays.span(wanted) | {"now": work.clock()}
    with raw(work.session).cursor(row_factory=tuple_row) as rows:
        rows.execute(_FOLLOW, facts)
        _forget_reached(rows, wanted)
        rows.execute(_SETTLED, facts)
        later = [row[0] for row in rows.execute(_LATER, facts).fetchall()]
    if later:
        work.session.execute(
            text("DELETE FROM pulse_onward WHERE message_id = ANY(:ids) AND state = 'waiting'"), {"ids": later}
        )
        withdraw(work, later, MessageState.CANCELLED, DELIVERED_BEFORE)


_HELD = """
SELECT o.message_id, o.state = 'moved' FROM pulse_onward o
WHERE o.message_id = ANY(%(ids)s::bigint[]) ORDER BY o.message_id FOR UPDATE
"""
_LOCK = """
SELECT 1 FROM pulse_message WHERE id = ANY(%(ids)s::bigint[]) AND id BETWEEN %(low)s AND %(high)s
ORDER BY id FOR UPDATE
"""
"""Messages are locked before what watches them, here as everywhere."""
_REACHED = """
WITH RECURSIVE before (id, previous_id, state) AS (
    SELECT id, previous_id, 0::smallint FROM pulse_message
    WHERE id = ANY(%(ids)s::bigint[]) AND id BETWEEN %(low)s AND %(high)s AND previous_id IS NOT NULL
    UNION ALL
    SELECT b.id, p.previous_id, p.state FROM before b CROSS JOIN LATERAL (
        SELECT previous_id, state FROM pulse_message WHERE id = b.previous_id LIMIT 1) p)
SELECT DISTINCT id FROM before WHERE state IN (20, 21)
"""
"""Messages of which one before them arrived, however many channels ago; each is found by its id."""


def _reached(rows: Any, message_ids: Sequence[int]) -> list[int]:
    return [row[0] for row in rows.execute(_REACHED, arrays.span(message_ids)).fetchall()] if message_ids else []


def _forget_reached(rows: Any, message_ids: Sequence[int]) -> None:
    """Let nobody wait to go on who has one of the messages before."""
    if reached := _reached(rows, message_ids):
        rows.execute(_FORGET, {"ids": arrays.ints(reached)})


_FORGET = "DELETE FROM pulse_onward WHERE message_id = ANY(%(ids)s::bigint[]) AND state = 'waiting'"


def gone(work: Work, message_ids: Sequence[int]) -> dict[int, str]:
    """Return the messages that may not be tried again, and why: their recipient moved on, or has one before them.

    Who moves the others on waits for this unit of work.
    """
    if not message_ids:
        return {}
    with raw(work.session).cursor(row_factory=tuple_row) as rows:
        rows.execute(_LOCK, arrays.span(message_ids))
        moved = [row[0] for row in rows.execute(_HELD, {"ids": arrays.ints(message_ids)}).fetchall() if row[1]]
        reached = _reached(rows, message_ids)
    return dict.fromkeys(moved, MOVED_ON) | dict.fromkeys(reached, DELIVERED_BEFORE)


def take_back(work: Work, message_ids: Sequence[int]) -> None:
    """End those of the messages queued once more that may not be tried again."""
    why = gone(work, message_ids)
    for state, reason in ((MessageState.EXPIRED, MOVED_ON), (MessageState.CANCELLED, DELIVERED_BEFORE)):
        ended = [message_id for message_id, each in why.items() if each == reason]
        if ended:
            withdraw(work, ended, state, reason)


_WITHDRAW = f"""
WITH held AS (
    SELECT d.id, d.cursor FROM pulse_dispatch d
    WHERE d.state = 'ready' AND d.id IN (
        SELECT dispatch_id FROM pulse_message
        WHERE id = ANY(%(ids)s::bigint[]) AND id BETWEEN %(low)s AND %(high)s AND state = 0)
    ORDER BY d.id FOR UPDATE SKIP LOCKED),
u AS (
    UPDATE pulse_message m SET state = %(state)s, reason = %(reason)s, changed_at = %(now)s
    FROM held WHERE m.id = ANY(%(ids)s::bigint[]) AND m.id BETWEEN %(low)s AND %(high)s AND m.state = 0
      AND m.dispatch_id = held.id AND m.id > held.cursor
    RETURNING {", ".join(f"m.{name}" for name in endings.COLUMNS.split(", "))})
"""


def withdraw(work: Work, message_ids: Sequence[int], state: MessageState, reason: str) -> None:
    """End those messages that wait in a dispatch nobody holds; what a worker has in hand is left to it."""
    facts = arrays.span(message_ids) | {"state": int(state), "reason": reason, "now": work.clock()}
    with raw(work.session).cursor(row_factory=tuple_row) as rows:
        gone = rows.execute(_WITHDRAW + endings.TOGETHER, facts).fetchall()
    endings.account(work, gone, MessageState.QUEUED, state, reason if state is MessageState.EXPIRED else "")


_OF_DISPATCHES = text(
    "SELECT m.id FROM pulse_message m JOIN pulse_dispatch d ON d.id = m.dispatch_id "
    "WHERE d.id = ANY(:ids) AND d.onward <> 0 AND m.id BETWEEN d.first_id AND d.last_id"
)
_GIVE_UP = text(
    "DELETE FROM pulse_onward o USING pulse_message m, pulse_dispatch d WHERE d.id = ANY(:ids) AND d.onward <> 0 "
    "AND m.id BETWEEN d.first_id AND d.last_id AND m.dispatch_id = d.id AND o.message_id = m.id "
    "AND o.state = 'waiting' AND o.due_at IS NULL"
)


def follow_dispatches(work: Work, dispatch_ids: Sequence[int], *, is_over: bool = False) -> None:
    """Do as `follow` for all messages of dispatches; `is_over` says that nothing more will be heard of them."""
    follow(work, work.session.scalars(_OF_DISPATCHES, {"ids": list(dispatch_ids)}))
    if is_over:
        work.session.execute(_GIVE_UP, {"ids": list(dispatch_ids)})


def stop(work: Work, campaign_id: int) -> None:
    """Let nobody of a campaign go on any more."""
    work.session.execute(
        text("DELETE FROM pulse_onward WHERE campaign_id = :id AND state = 'waiting'"), {"id": campaign_id}
    )
