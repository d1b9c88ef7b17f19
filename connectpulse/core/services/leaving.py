"""Messages that leave the queue without being handed over: skipped at the last moment, cancelled, or too old."""

from collections.abc import Sequence
from typing import Any

from psycopg.rows import tuple_row
from sqlalchemy import text

from ..domain.contracts import Movement
from ..domain.message import Cause, MessageState
from ..storage import ids
from ..storage.session import raw
from . import campaign_end, counters, endings, onward
from .retries import Source
from .work import Work

CANCEL_PAGE = 20
"""Dispatches cancelled or expired per transaction: some ten thousand messages."""
NOT_SENT_IN_TIME = Cause.NEVER_SENT.value

_SKIP = """
WITH u AS (
    UPDATE pulse_message m SET state = %(skipped)s, reason = n.reason, changed_at = %(now)s
    FROM unnest(%(ids)s::bigint[], %(reasons)s::text[]) AS n (id, reason)
    WHERE m.id = n.id AND m.id BETWEEN %(low)s AND %(high)s AND m.state = 0
    RETURNING m.reason, m.units, m.quantity)
SELECT reason, count(*), sum(units), sum(quantity) FROM u GROUP BY 1
"""


def skip(work: Work, source: Source, barred: Sequence[tuple[int, str]]) -> None:
    """Leave out messages (id, reason) whose recipient may no longer be written to; units are given back."""
    message_ids, reasons = map(list, zip(*barred, strict=True))
    facts = {
        "skipped": int(MessageState.SKIPPED),
        "now": work.clock(),
        "ids": message_ids,
        "reasons": reasons,
        "low": min(message_ids),
        "high": max(message_ids),
    }
    with raw(work.session).cursor(row_factory=tuple_row) as rows:
        gone = rows.execute(_SKIP, facts).fetchall()
    owner = (source.organisation_id, source.campaign_id)
    total = sum(row[1] for row in gone)
    figures = counters.moves(MessageState.QUEUED, MessageState.SKIPPED, total, source.place)
    figures |= {f"skipped:{reason}": messages for reason, messages, _, _ in gone}
    counters.add(work, {(*owner, name): amount for name, amount in figures.items()})
    work.registry.ledger.settle(
        work,
        [
            Movement(source.organisation_id, source.campaign_id or None, source.channel, MessageState.QUEUED,
                     MessageState.SKIPPED, messages, units, quantity,
                     day=ids.day_alone(message_ids[0], source.campaign_id))
            for _, messages, units, quantity in gone
        ],
    )  # fmt: skip
    if source.onward:
        onward.follow(work, message_ids)


_LEAVE = f"""
WITH u AS (
    UPDATE pulse_message m SET state = %(state)s, reason = %(reason)s, changed_at = %(now)s
    FROM pulse_dispatch d
    WHERE d.id = ANY(%(dispatches)s) AND m.id > d.cursor AND m.id <= d.last_id AND m.dispatch_id = d.id
      AND m.id BETWEEN %(low)s AND %(high)s AND m.state = 0
    RETURNING {", ".join(f"m.{name}" for name in endings.COLUMNS.split(", "))})
{endings.TOGETHER}
"""


def cancel_rest(work: Work, dispatch_id: int, worker: str) -> None:
    """Cancel what a worker has not handed over of a dispatch it holds, and close it."""
    _leave(work, _held(work, dispatch_id, worker), MessageState.CANCELLED, "cancelled")


def expire_rest(work: Work, dispatch_id: int, worker: str) -> None:
    """Expire what a worker has not handed over of a dispatch it holds, and close it."""
    _leave(work, _held(work, dispatch_id, worker), MessageState.EXPIRED, NOT_SENT_IN_TIME)


def _held(work: Work, dispatch_id: int, worker: str) -> Sequence[Any]:
    return work.session.execute(
        text("SELECT id, first_id, last_id, campaign_id FROM pulse_dispatch WHERE id = :id AND worker = :worker"),
        {"id": dispatch_id, "worker": worker},
    ).all()


def expire_step(work: Work) -> int:
    """Expire the next dispatches whose validity ended while they waited, and return how many.

    Platform work, bounded: also those nobody would claim, because their campaign or connection is paused.
    """
    rows = work.session.execute(
        text(
            "SELECT id, first_id, last_id, campaign_id FROM pulse_dispatch WHERE state = 'ready' "
            "AND expires_at <= :now ORDER BY expires_at LIMIT :page FOR UPDATE SKIP LOCKED"
        ),
        {"now": work.clock(), "page": CANCEL_PAGE},
    ).all()
    _leave(work, rows, MessageState.EXPIRED, NOT_SENT_IN_TIME)
    return len(rows)


def cancel_step(work: Work, campaign_id: int) -> bool:
    """Cancel the next dispatches of a cancelled campaign; return whether there are more."""
    rows = work.session.execute(
        text(
            "SELECT id, first_id, last_id, campaign_id FROM pulse_dispatch "
            "WHERE campaign_id = :id AND state = 'ready' "
            "ORDER BY id LIMIT :page FOR UPDATE SKIP LOCKED"
        ),
        {"id": campaign_id, "page": CANCEL_PAGE},
    ).all()
    _leave(work, rows, MessageState.CANCELLED, "cancelled")
    onward.stop(work, campaign_id)
    return len(rows) == CANCEL_PAGE


def _leave(work: Work, dispatches: Sequence[Any], state: MessageState, reason: str) -> None:
    """Give what is left of dispatches (id, first id, last id, campaign id) its end, and close them."""
    if not dispatches:
        return
    facts = {
        "state": int(state),
        "reason": reason,
        "now": work.clock(),
        "dispatches": [row[0] for row in dispatches],
        "low": min(row[1] for row in dispatches),
        "high": max(row[2] for row in dispatches),
    }
    with raw(work.session).cursor(row_factory=tuple_row) as rows:
        gone = rows.execute(_LEAVE, facts).fetchall()
    endings.account(work, gone, MessageState.QUEUED, state, reason if state is MessageState.EXPIRED else "")
    if state is MessageState.EXPIRED:
        onward.follow_dispatches(work, facts["dispatches"])
    work.session.execute(
        text("UPDATE pulse_dispatch SET state = 'done', lease_until = NULL WHERE id = ANY(:ids)"),
        {"ids": facts["dispatches"]},
    )
    campaigns = sorted({row[3] for row in dispatches if row[3]})
    if campaigns:
        campaign_end.finish_if_done(work, campaigns)
