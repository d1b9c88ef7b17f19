"""What is done about work that was left lying: by killed workers, lost wakings and silent providers.

Every sweep is bounded, safe to run twice and by several workers at once. Nothing here resends a message
that may have been sent.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog
from psycopg.rows import tuple_row
from sqlalchemy import text

from ..domain.message import Cause, MessageState
from ..domain.provider import Ambiguity, Capability
from ..storage import ids
from ..storage.session import raw
from . import campaign_end, early, endings, jobs, onward, receipts
from .receipt_known import Place
from .work import Work

log = structlog.get_logger(__name__)

PAGE = 50
NO_RECEIPT = "no_receipt"
ORPHAN_PATIENCE = timedelta(seconds=15)
"""How long a receipt without a message waits for its submit before the recipient's address is tried."""


def leases(work: Work) -> int:
    """Take dispatches over from workers whose lease has ended; return how many.

    Messages they were allowed to hand over and recorded nothing about become `unknown`, unless the provider
    may be asked again (IDEMPOTENT): then they are handed over once more.
    """
    rows = work.session.execute(
        text(
            """
            SELECT d.id, d.campaign_id, d.first_id, d.cursor, d.last_id, c.provider, c.settings
            FROM pulse_dispatch d LEFT JOIN pulse_connection c ON c.id = d.connection_id
            WHERE d.state = 'claimed' AND d.lease_until < now()
            ORDER BY d.id LIMIT :page FOR UPDATE OF d SKIP LOCKED
            """
        ),
        {"page": PAGE},
    ).all()
    for dispatch_id, _, first, cursor, last, provider, settings in rows:
        kind = _ambiguity(work, provider, settings)
        cursor = _resend(work, dispatch_id, first, cursor) if kind is Ambiguity.IDEMPOTENT else cursor
        if kind is not Ambiguity.IDEMPOTENT:
            _give_up(work, dispatch_id, first, cursor)
            onward.watch_lost(work, dispatch_id, provider)
        work.session.execute(
            text(
                "UPDATE pulse_dispatch SET worker = NULL, lease_until = NULL, cursor = :cursor, "
                "state = CASE WHEN :cursor >= :last THEN 'done' ELSE 'ready' END WHERE id = :id"
            ),
            {"id": dispatch_id, "cursor": cursor, "last": last},
        )
    campaign_end.finish_if_done(work, [row.campaign_id for row in rows if row.campaign_id])
    if rows:
        log.warning("dispatches_recovered", count=len(rows))
        work.session.execute(text("SELECT pg_notify('pulse_dispatch', '*')"))
    return len(rows)


def _ambiguity(work: Work, provider: str | None, settings: Mapping[str, Any] | None) -> Ambiguity:
    cls = work.registry.providers.get(provider or "")
    return cls.ambiguity_of(settings or {}) if cls is not None else Ambiguity.BLIND


def _resend(work: Work, dispatch_id: int, first: int, cursor: int) -> int:
    """Return the cursor from which an idempotent provider is asked again."""
    oldest = work.session.scalar(
        text(
            "SELECT min(id) FROM pulse_message WHERE id BETWEEN :first AND :cursor "
            "AND dispatch_id = :dispatch AND state = 0"
        ),
        {"first": first, "cursor": cursor, "dispatch": dispatch_id},
    )
    return cursor if oldest is None else oldest - 1


_GIVE_UP = f"""
WITH u AS (
    UPDATE pulse_message m
    SET state = %(unknown)s, reason = 'worker_lost', changed_at = %(now)s, submitted_at = %(now)s,
        connection_id = d.connection_id
    FROM pulse_dispatch d
    WHERE d.id = %(dispatch)s AND m.id BETWEEN %(first)s AND %(cursor)s AND m.dispatch_id = d.id AND m.state = 0
    RETURNING m.id, m.organisation_id, m.campaign_id, m.channel, m.units, m.quantity, m.fallback, m.onward,
        d.connection_id, m.attempt),
kept AS (
    INSERT INTO pulse_attempt (organisation_id, message_id, connection_id, number, outcome, reason)
    SELECT organisation_id, id, connection_id, attempt, 'unknown', 'worker_lost' FROM u RETURNING 1)
{endings.TOGETHER}
"""


def _give_up(work: Work, dispatch_id: int, first: int, cursor: int) -> None:
    facts = {
        "unknown": int(MessageState.UNKNOWN),
        "now": work.clock(),
        "dispatch": dispatch_id,
        "first": first,
        "cursor": cursor,
    }
    with raw(work.session).cursor(row_factory=tuple_row) as rows:
        gone = rows.execute(_GIVE_UP, facts).fetchall()
    endings.account(work, gone, MessageState.QUEUED, MessageState.UNKNOWN)


_ORPHANS = """
SELECT o.id, o.connection_id, o.reference, o.state, o.code, o.reason, o.quantity, o.address, o.suppress,
       o.named_id, o.again_seconds, o.category, r.message_id, r.part, r.attempt
FROM pulse_receipt o
LEFT JOIN LATERAL (
    SELECT message_id, part, attempt FROM pulse_reference
    WHERE reference = o.reference AND connection_id = o.connection_id
    ORDER BY message_id DESC LIMIT 1) r ON true
WHERE o.message_id IS NULL AND o.id > :oldest
  AND (r.message_id IS NOT NULL
       OR (o.named_id > :oldest AND EXISTS (SELECT 1 FROM pulse_message m WHERE m.id = o.named_id
                                            AND m.state = 2 AND m.connection_id = o.connection_id))
       OR (o.id < :patient AND o.address <> '' AND (o.connection_id, o.address) IN (
       SELECT a.connection_id, m.address FROM pulse_attempt a JOIN pulse_message m ON m.id = a.message_id
       WHERE a.outcome = 'unknown' AND m.id > :oldest AND m.state IN (2, 3))))
ORDER BY o.id LIMIT :limit
"""
"""Receipts without a message for which there may be one: foreign ones must not keep these from being seen."""


def orphans(work: Work, limit: int = 1000) -> int:
    """Match receipts that came before their submit, or whose submit's answer was lost; return how many.

    By reference first, then by the token of ours it carries. One still alone after a while may belong to an
    `unknown` message: the one of the same connection and recipient, if there is exactly one that was made before
    the receipt came. (When it was handed over nobody knows: that is noted with the loss of the answer, often
    after the receipt.)
    """
    rows = work.session.execute(
        text(_ORPHANS),
        {
            "oldest": ids.at(work.clock() - receipts.LOOK_BACK),
            "patient": ids.at(work.clock() - ORPHAN_PATIENCE),
            "limit": limit,
        },
    ).all()
    found: dict[int, Place] = {}
    for row in rows:
        is_known = row.message_id is not None
        place = Place(row.message_id, row.part, row.attempt) if is_known else _adopt(work, row)
        if place is not None:
            found[row.id] = place
    told = {row.id: row for row in rows if row.id in found}
    early.apply(work, told, found)
    return len(found)


_NAMED = """
SELECT m.id, m.parts, m.organisation_id, m.attempt,
       coalesce(min(r.part) FILTER (WHERE r.reference = :reference), count(r.reference)) AS known
FROM pulse_message m LEFT JOIN pulse_reference r
    ON r.message_id = :named AND r.connection_id = :connection AND r.attempt = m.attempt
WHERE m.id = :named AND m.connection_id = :connection AND m.state IN (2, 3)
GROUP BY m.id, m.parts, m.organisation_id, m.attempt
"""
"""With the part the reference stands for: the one it got before, or the next."""

_ADOPT = """
SELECT m.id, m.parts, m.organisation_id, m.attempt,
       (SELECT count(*) FROM pulse_reference r WHERE r.message_id = m.id) AS known
FROM pulse_attempt a JOIN pulse_message m ON m.id = a.message_id
WHERE a.connection_id = :connection AND a.outcome = 'unknown' AND m.address = :address
  AND m.id < :receipt
GROUP BY m.id, m.parts, m.organisation_id, m.attempt HAVING bool_or(m.state IN (2, 3)) LIMIT 2
"""


def _adopt(work: Work, row: Any) -> Place | None:
    """Give a lone receipt's reference to the one unknown message it can be about.

    It tells of one part of the message, unless it bills them all.
    """
    facts = {"connection": row.connection_id, "address": row.address, "receipt": row.id, "named": row.named_id}
    facts["reference"] = row.reference
    candidates = work.session.execute(text(_ADOPT if row.named_id is None else _NAMED), facts).all()
    if len(candidates) != 1 or candidates[0].known >= candidates[0].parts:
        return None
    message_id, _, organisation, attempt, part = candidates[0]
    work.session.execute(
        text(
            "INSERT INTO pulse_reference (organisation_id, connection_id, message_id, part, reference, attempt) "
            "VALUES (:organisation, :connection, :message, :part, :reference, :attempt) ON CONFLICT DO NOTHING"
        ),
        {
            "organisation": organisation,
            "connection": row.connection_id,
            "message": message_id,
            "part": part,
            "reference": row.reference,
            "attempt": attempt,
        },
    )
    work.session.execute(
        text(
            "UPDATE pulse_message SET part_states = coalesce(part_states, array_fill(3::smallint, ARRAY[parts::int])) "
            "WHERE id = :id AND parts > :told"
        ),
        {"id": message_id, "told": row.quantity or 1},
    )
    return Place(message_id, part, attempt)


_SILENT = f"""
WITH ended AS (
    UPDATE pulse_message m SET state = %(after)s, reason = %(reason)s, changed_at = %(now)s
    FROM pulse_dispatch d
    WHERE d.id = %(dispatch)s AND m.id BETWEEN d.first_id AND d.last_id AND m.dispatch_id = d.id
      AND m.state = %(before)s AND m.reason <> 'not_reported'
    RETURNING m.*),
u AS (
    SELECT organisation_id, campaign_id, channel, fallback, onward, id, {receipts.DUE} AS units,
           coalesce(billed, quantity) AS quantity FROM ended)
{endings.TOGETHER}
"""


def silent(work: Work) -> int:
    """Expire messages whose provider reports receipts and sent none within their validity and a day.

    Where a provider sends no receipts, none is waited for any more: the messages stay what they are, and are settled.
    Works through finished dispatches, oldest first, and closes them; return how many were closed.
    """
    closed = 0
    for channel in work.registry.channels.values():
        rows = work.session.execute(
            text(
                "SELECT d.id, c.provider FROM pulse_dispatch d LEFT JOIN pulse_connection c ON c.id = d.connection_id "
                "WHERE d.state = 'done' AND d.channel = :channel "
                "AND d.expires_at < :before "
                "ORDER BY d.id LIMIT :page FOR UPDATE OF d SKIP LOCKED"
            ),
            {"channel": channel.name, "before": work.clock() - channel.silence, "page": PAGE},
        ).all()
        for dispatch_id, provider in rows:
            cls = work.registry.providers.get(provider or "")
            if cls is None:
                continue
            for before in (MessageState.ACCEPTED, MessageState.SENT, MessageState.UNKNOWN):
                if Capability.RECEIPTS not in cls.capabilities:
                    _end(work, dispatch_id, before, before, Cause.NOT_REPORTED)
                elif before is MessageState.UNKNOWN:
                    _end(work, dispatch_id, before, MessageState.EXPIRED, Cause.ANSWER_LOST)
                else:
                    _end(work, dispatch_id, before, MessageState.EXPIRED, NO_RECEIPT)
        closed += len(rows)
        onward.follow_dispatches(work, [row[0] for row in rows], is_over=True)
        work.session.execute(
            text("UPDATE pulse_dispatch SET state = 'closed' WHERE id = ANY(:ids)"), {"ids": [row[0] for row in rows]}
        )
    return closed


def _end(work: Work, dispatch_id: int, before: MessageState, after: MessageState, reason: str) -> None:
    facts = {
        "after": int(after),
        "now": work.clock(),
        "reason": str(reason),
        "dispatch": dispatch_id,
        "before": int(before),
    }
    with raw(work.session).cursor(row_factory=tuple_row) as rows:
        gone = rows.execute(_SILENT, facts).fetchall()
    endings.account(work, gone, before, after, str(reason))


def stalled(work: Work) -> int:
    """Finish or wake running campaigns that nobody works on any more; return how many were looked at."""
    rows = work.session.execute(
        text(
            "SELECT c.id, c.organisation_id, c.is_expanded FROM pulse_campaign c "
            "WHERE c.state = 'running' AND (c.is_expanded OR NOT EXISTS (SELECT 1 FROM pulse_job j "
            "WHERE j.kind = 'expand' AND j.subject_id = c.id AND j.state IN ('waiting', 'running'))) LIMIT 200"
        )
    ).all()
    for campaign_id, organisation_id, is_expanded in rows:
        if not is_expanded:
            work.organisation = organisation_id
            jobs.submit(work, "expand", campaign_id)
            work.organisation = None
    campaign_end.finish_if_done(work, [row[0] for row in rows if row[2]])
    return len(rows)
