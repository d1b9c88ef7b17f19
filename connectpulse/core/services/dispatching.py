"""Claiming messages for a session: which dispatch is next, which of its messages may go now.

The claim is a promise written first: the dispatch's cursor is committed before any byte leaves. After a
crash, messages up to the cursor without an outcome may have been sent; those beyond it certainly were not.
Pause, cancel, sending window, rates, suppressions and restrictions are checked in the same transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from psycopg.rows import dict_row, tuple_row
from sqlalchemy import text

from ..domain.provider import Submission
from ..domain.windows import find_zone
from ..storage.models import Campaign
from ..storage.session import raw
from . import campaign_end, leaving, pacing, plans
from .retries import Source
from .work import Work

LEASE_SECONDS = 15
_MARGIN = timedelta(hours=1)
"""How far before a dispatch was made a suppression may have been begun and still be news to it."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A dispatch in a worker's hands. `is_exhausted`: nothing of it is left beyond the cursor."""

    source: Source
    first_id: int
    last_id: int
    cursor: int
    scheme: str
    created_at: datetime
    is_exhausted: bool = False


@dataclass(frozen=True, slots=True)
class Pick:
    """What a claim found: messages to hand over, or how long to wait before looking again."""

    claimed: Claimed | None
    submissions: Sequence[Submission] = ()
    wait: float | None = None


LIVE = "(c.state IN ('running', 'cancelled') OR c.state = 'paused' AND c.is_out_of_units)"
"""A campaign whose messages are looked at, in SQL; one that waits for units still sends what is paid for."""

_NEXT = f"""
WITH RECURSIVE campaign (id) AS (
    (SELECT campaign_id FROM pulse_dispatch WHERE connection_id = %(connection)s AND state = 'ready'
     ORDER BY campaign_id LIMIT 1)
    UNION ALL
    SELECT (SELECT campaign_id FROM pulse_dispatch
            WHERE connection_id = %(connection)s AND state = 'ready' AND campaign_id > campaign.id
            ORDER BY campaign_id LIMIT 1)
    FROM campaign WHERE campaign.id IS NOT NULL),
runnable AS (
    SELECT campaign.id FROM campaign
    LEFT JOIN pulse_campaign c ON c.id = campaign.id
    WHERE campaign.id = 0 OR {LIVE}
    ORDER BY campaign.id <> 0, campaign.id <= %(after)s, campaign.id),
chosen AS (
    SELECT d.id FROM runnable
    CROSS JOIN LATERAL (
        SELECT id FROM pulse_dispatch
        WHERE connection_id = %(connection)s AND campaign_id = runnable.id AND state = 'ready'
          AND due_at <= %(now)s
        ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED) d
    LIMIT 1)
UPDATE pulse_dispatch d
SET state = 'claimed', worker = %(worker)s, lease_until = now() + make_interval(secs => %(lease)s)
FROM chosen WHERE d.id = chosen.id
RETURNING d.*
"""


def take(work: Work, connection_id: int, worker: str, after_campaign: int) -> Claimed | None:
    """Claim the next due dispatch of a connection; campaigns take turns, single messages go first.

    `after_campaign` is the campaign served last.
    """
    with raw(work.session).cursor(row_factory=dict_row) as rows:
        row = rows.execute(
            _NEXT,
            {
                "connection": connection_id,
                "after": after_campaign,
                "now": work.clock(),
                "worker": worker,
                "lease": LEASE_SECONDS,
            },
        ).fetchone()
    return _claimed(work, row) if row is not None else None


def _claimed(work: Work, row: dict[str, Any]) -> Claimed:
    source = Source(
        dispatch_id=row["id"],
        organisation_id=row["organisation_id"],
        campaign_id=row["campaign_id"],
        connection_id=row["connection_id"],
        alternatives=tuple(row["alternatives"]),
        channel=row["channel"],
        purpose=row["purpose"],
        sender=row["sender"],
        validity_minutes=row["validity_minutes"],
        zone=row["zone"],
        attempt=row["attempt"],
        closes_at=row["closes_at"],
        expires_at=row["expires_at"],
        recent_seconds=row["recent_seconds"],
        version_id=row["version_id"],
        fallback=row["fallback"],
        onward=row["onward"],
        onward_seconds=row["onward_seconds"],
    )
    scheme = work.registry.channel(source.channel).scheme
    return Claimed(source, row["first_id"], row["last_id"], row["cursor"], scheme, row["created_at"])


def pick(work: Work, claimed: Claimed, worker: str, want: int, *, is_idle: bool) -> Pick:
    """Return up to `want` messages of a claimed dispatch that may be handed over now.

    The returned pick's `claimed` is None once the dispatch is no longer ours: given back, cancelled or lost.
    It is only let go while `is_idle` (nothing of it is on the wire), because what is on the wire has no
    outcome yet and must not be forgotten.
    """
    source = claimed.source
    rows = _select(work, claimed, worker, want, is_paced=False)
    state, campaign_rate, is_suspended, organisation_rate, cursor = rows[0][:5]
    standing = _standing(source, state, work.clock())
    if is_suspended or standing != "running":
        return _let_go(work, claimed, worker, standing, is_idle=is_idle)
    if campaign_rate or organisation_rate:
        allowed, wait = pacing.allow(
            work,
            {
                f"campaign:{source.campaign_id}": campaign_rate,
                f"organisation:{source.organisation_id}": organisation_rate,
            },
            want,
        )
        if allowed == 0:
            return _rest(work, claimed, worker, wait or 0.01, is_idle=is_idle)
        rows = _select(work, claimed, worker, allowed, is_paced=True)
        cursor = rows[0][4]
    if cursor is None:
        return Pick(None, wait=0)
    found = [row[5:] for row in rows if row[5] is not None]
    claimed = replace(claimed, cursor=cursor, is_exhausted=cursor >= claimed.last_id)
    barred = [(row[0], row[6]) for row in found if row[6]]
    if barred:
        leaving.skip(work, source, barred)
    return Pick(claimed, _submissions(source, found, work.clock()), wait=0)


def _standing(source: Source, state: str | None, now: datetime) -> str:
    """Return what holds for a dispatch now: running, postponed, expired, or what its campaign is."""
    if state == "cancelled":
        return state
    if now >= source.expires_at:
        return "expired"
    if source.closes_at is not None and now >= source.closes_at:
        return "postponed"
    return state or "running"


def _submissions(source: Source, found: Sequence[tuple[Any, ...]], now: datetime) -> list[Submission]:
    validity, purpose = remaining(source.expires_at, now), source.purpose
    return [
        Submission(id, address, sender, body, parts, validity, f"{id:x}", purpose, extra, attempt=source.attempt)
        for id, address, sender, body, parts, extra, obstacle in found
        if not obstacle
    ]


def remaining(expires_at: datetime, now: datetime) -> timedelta:
    """Return what is left of a validity: in whole minutes, which adapters can keep ready, near its end in seconds."""
    left = max(int((expires_at - now).total_seconds()), 1)
    return timedelta(seconds=left if left < 120 else left - left % 60)


def _let_go(work: Work, claimed: Claimed, worker: str, state: str, *, is_idle: bool) -> Pick:
    """Give a dispatch up that may not be sent now: cancelled, expired, put off to its window, or put back."""
    if not is_idle:
        return Pick(claimed, wait=0.05)
    if state == "cancelled":
        leaving.cancel_rest(work, claimed.source.dispatch_id, worker)
    elif state == "expired":
        leaving.expire_rest(work, claimed.source.dispatch_id, worker)
    elif state == "postponed":
        _postpone(work, claimed, worker)
    else:
        put_back(work, claimed.source.dispatch_id, worker)
    return Pick(None, wait=0)


def _rest(work: Work, claimed: Claimed, worker: str, wait: float, *, is_idle: bool) -> Pick:
    """Make room for other campaigns while this one's rate is used up."""
    if not is_idle:
        return Pick(claimed, wait=wait)
    put_back(work, claimed.source.dispatch_id, worker, work.clock() + timedelta(seconds=wait))
    return Pick(None, wait=wait)


_SELECT = """
WITH facts AS (
    SELECT CASE WHEN c.state = 'paused' AND c.is_out_of_units THEN 'running' ELSE c.state END AS state,
           c.rate_per_second AS campaign_rate, coalesce(o.is_suspended, false) AS is_suspended,
           o.rate_per_second AS organisation_rate
    FROM (SELECT 1) AS one
    LEFT JOIN pulse_campaign c ON c.id = %(campaign)s
    LEFT JOIN pulse_organisation o ON o.id = %(organisation)s),
found AS MATERIALIZED (
    SELECT m.id, m.address, m.sender, m.body, m.parts, m.extra,
           coalesce(s.reason, CASE WHEN r.id IS NOT NULL THEN 'restricted'
                                   WHEN NOT {recent} THEN 'no_recent_message' END) AS obstacle
    FROM pulse_message m
    LEFT JOIN (SELECT value, min(reason) AS reason FROM pulse_suppression
               WHERE organisation_id = %(organisation)s AND created_at > %(since)s AND scheme = %(scheme)s
                 AND channel IN ('*', %(channel)s) AND purpose IN ('*', %(purpose)s) GROUP BY value) s
           ON s.value = m.address
    LEFT JOIN (SELECT id FROM pulse_contact
               WHERE organisation_id = %(organisation)s AND restricted_at > %(since)s) r ON r.id = m.contact_id
    WHERE m.id > %(cursor)s AND m.id <= %(last)s AND m.dispatch_id = %(dispatch)s AND m.state = 0
    ORDER BY m.id LIMIT %(want)s),
promise AS (
    UPDATE pulse_dispatch d
    SET lease_until = now() + make_interval(secs => %(lease)s),
        cursor = CASE WHEN (SELECT count(*) FROM found) = %(want)s THEN (SELECT max(id) FROM found)
                      ELSE %(last)s END
    FROM facts f
    WHERE d.id = %(dispatch)s AND d.worker = %(worker)s AND d.state = 'claimed'
      AND coalesce(f.state, 'running') = 'running' AND NOT f.is_suspended
      AND (%(is_paced)s OR (f.campaign_rate IS NULL AND f.organisation_rate IS NULL))
      AND %(now)s < %(closes)s::timestamptz
    RETURNING d.cursor)
SELECT f.*, p.cursor, found.* FROM facts f LEFT JOIN promise p ON true LEFT JOIN found ON p.cursor IS NOT NULL
"""


_RECENT = """EXISTS (
    SELECT 1 FROM pulse_inbound i WHERE i.organisation_id = %(organisation)s AND i.address = m.address
    AND i.channel = %(channel)s AND i.received_at > %(recent)s AND ltrim(i.recipient, '+') = ltrim(m.sender, '+'))"""
"""Whether somebody wrote lately to the identity that writes to them now: a window is of both together."""
_SELECT_ANY, _SELECT_RECENT = _SELECT.format(recent="true"), _SELECT.format(recent=_RECENT)


def _select(work: Work, claimed: Claimed, worker: str, want: int, *, is_paced: bool) -> list[tuple[Any, ...]]:
    """Return what decides about the dispatch and, if it may be sent, its next messages, promised already.

    Every row begins with campaign state, campaign rate, is suspended, organisation rate, and the cursor that
    was promised: None where nothing was. `is_paced` says that the rates have been asked.
    """
    source, now = claimed.source, work.clock()
    facts = {
        "campaign": source.campaign_id,
        "organisation": source.organisation_id,
        "since": claimed.created_at - _MARGIN,
        "scheme": claimed.scheme,
        "channel": source.channel,
        "purpose": source.purpose,
        "cursor": claimed.cursor,
        "last": claimed.last_id,
        "dispatch": source.dispatch_id,
        "want": want,
        "worker": worker,
        "lease": LEASE_SECONDS,
        "is_paced": is_paced,
        "closes": min(source.closes_at or source.expires_at, source.expires_at),
        "now": now,
        "recent": None if source.recent_seconds is None else now - timedelta(seconds=source.recent_seconds),
    }
    query = _SELECT_ANY if source.recent_seconds is None else _SELECT_RECENT
    with raw(work.session).cursor(row_factory=tuple_row, binary=True) as rows:
        return rows.execute(query, facts).fetchall()


def finish(work: Work, claimed: Claimed, worker: str) -> None:
    """Close a dispatch of which every message has an outcome; the campaign may be over with it."""
    closed = work.session.execute(
        text(
            "UPDATE pulse_dispatch SET state = 'done', lease_until = NULL "
            "WHERE id = :id AND worker = :worker AND state = 'claimed' RETURNING id"
        ),
        {"id": claimed.source.dispatch_id, "worker": worker},
    ).one_or_none()
    if closed is not None and claimed.source.campaign_id:
        campaign_end.finish_if_done(work, [claimed.source.campaign_id])


def put_back(work: Work, dispatch_id: int, worker: str, due_at: datetime | None = None) -> None:
    """Give a dispatch back unfinished, for any worker to go on at its cursor; nothing of it is on the wire."""
    work.session.execute(
        text(
            "UPDATE pulse_dispatch SET state = 'ready', worker = NULL, lease_until = NULL, "
            "due_at = coalesce(:due, due_at) WHERE id = :id AND worker = :worker AND state = 'claimed'"
        ),
        {"id": dispatch_id, "worker": worker, "due": due_at},
    )


def disown(work: Work, worker: str, held: Sequence[int]) -> None:
    """Give back whole what `worker` claimed without knowing it: its commit's answer was lost."""
    work.session.execute(
        text(
            "UPDATE pulse_dispatch SET state = 'ready', worker = NULL, lease_until = NULL, cursor = first_id - 1 "
            "WHERE worker = :worker AND state = 'claimed' AND id <> ALL(:held)"
        ),
        {"worker": worker, "held": list(held)},
    )


def abandon(work: Work, dispatch_id: int, worker: str) -> None:
    """End our lease on a dispatch whose outcomes were lost in our hands; recovery takes it from here."""
    work.session.execute(
        text(
            "UPDATE pulse_dispatch SET lease_until = now() - interval '1 second', worker = NULL "
            "WHERE id = :id AND worker = :worker AND state = 'claimed'"
        ),
        {"id": dispatch_id, "worker": worker},
    )


def _postpone(work: Work, claimed: Claimed, worker: str) -> None:
    """Put a dispatch off until its recipients' window opens again; the hours in between cost it no validity."""
    campaign = work.session.get(Campaign, claimed.source.campaign_id)
    window = plans.window_of(campaign) if campaign is not None else None
    if window is None or claimed.source.zone is None:
        put_back(work, claimed.source.dispatch_id, worker)
        return
    now = work.clock()
    opens_at, closes_at = window.span(now, find_zone(claimed.source.zone))
    put_back(work, claimed.source.dispatch_id, worker, opens_at)
    work.session.execute(
        text("UPDATE pulse_dispatch SET closes_at = :closes, expires_at = expires_at + :closed WHERE id = :id"),
        {"closes": closes_at, "closed": max(opens_at - now, timedelta(0)), "id": claimed.source.dispatch_id},
    )


def next_due(work: Work, connection_id: int) -> float | None:
    """Return the seconds until something is due on a connection, None if nothing is waiting."""
    due_at = work.session.scalar(
        text(
            "SELECT min(d.due_at) FROM pulse_dispatch d LEFT JOIN pulse_campaign c ON c.id = d.campaign_id "
            "WHERE d.connection_id = :id AND d.state = 'ready' "
            f"AND (d.campaign_id = 0 OR {LIVE})"
        ),
        {"id": connection_id},
    )
    return None if due_at is None else max(0.0, (due_at - work.clock()).total_seconds())
