"""Messages whose answer was lost, where the provider can be asked: found, asked about, settled."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import text

from ..domain.message import MessageState
from ..domain.outcome import Accepted, Outcome, Rejected, Unknown
from ..domain.provider import Submission
from . import campaign_end, counters, outcomes
from .retries import Source
from .twins import without_twins
from .work import Work

_DUE = text(
    """
    SELECT DISTINCT m.id, m.address, m.sender, m.body, m.parts, d.validity_minutes, d.purpose, m.extra, m.attempt
    FROM pulse_attempt a
    JOIN pulse_message m ON m.id = a.message_id AND m.state = :unknown
    JOIN pulse_dispatch d ON d.id = m.dispatch_id
    WHERE a.connection_id = :connection AND a.outcome = 'unknown' AND a.number = m.attempt AND a.created_at > :oldest
      AND m.submitted_at < :before
    ORDER BY m.id LIMIT :limit
    """
)

_QUEUED = text("SELECT DISTINCT campaign_id FROM pulse_message WHERE id = ANY(:ids) AND state = 0")


def due(work: Work, connection_id: int, after: timedelta, limit: int) -> list[Submission]:
    """Return unknown messages of a connection that its provider has had time to hear of."""
    now = work.clock()
    rows = work.session.execute(
        _DUE,
        {
            "unknown": int(MessageState.UNKNOWN),
            "connection": connection_id,
            "oldest": now - timedelta(days=2),
            "before": now - after,
            "limit": limit,
        },
    )
    return [
        Submission(id, address, sender, body, parts, timedelta(minutes=minutes), f"{id:x}", purpose, extra, attempt=n)
        for id, address, sender, body, parts, minutes, purpose, extra, n in rows
    ]


def record(work: Work, connection_id: int, asked: Sequence[Submission], answers: Sequence[Outcome]) -> None:
    """Write what the provider said. A message it never heard of is queued once more.

    An answer counts for the attempt that was asked about, and as long as nobody else had it: sessions ask at once.
    """
    answers = without_twins(work, connection_id, asked, answers)
    sources = _sources(work, connection_id, asked)
    groups: dict[int, list[tuple[Submission, Outcome]]] = defaultdict(list)
    for submission, answer in zip(asked, answers, strict=True):
        if submission.message_id in sources and not isinstance(answer, Unknown):
            groups[sources[submission.message_id].dispatch_id].append((submission, answer))
    lost: list[int] = []
    for members in groups.values():
        source = sources[members[0][0].message_id]
        unsent = [each.message_id for each, answer in members if not _settles(answer)]
        _requeue(work, source, unsent)
        outcomes.record(work, source, [each for each, _ in members], [answer for _, answer in members])
        lost += unsent
    campaign_end.reopen(work, work.session.scalars(_QUEUED, {"ids": lost}) if lost else ())


def _settles(answer: Outcome) -> bool:
    return isinstance(answer, Accepted) or (isinstance(answer, Rejected) and not answer.error.is_retried_elsewhere)


def _requeue(work: Work, source: Source, message_ids: Sequence[int]) -> None:
    """Put messages the provider never got back among the queued, so that their retry is an ordinary one."""
    moved = work.session.execute(
        text("UPDATE pulse_message SET state = 0 WHERE id = ANY(:ids) AND state = :unknown RETURNING id"),
        {"ids": list(message_ids), "unknown": int(MessageState.UNKNOWN)},
    ).all()
    figures = counters.moves(MessageState.UNKNOWN, MessageState.QUEUED, len(moved), source.place)
    owner = (source.organisation_id, source.campaign_id)
    counters.add(work, {(*owner, name): amount for name, amount in figures.items()})


def _sources(work: Work, connection_id: int, asked: Sequence[Submission]) -> dict[int, Source]:
    """Return where the messages came from that are still unknown in the attempt that was asked about, and hold them."""
    attempts = {each.message_id: each.attempt for each in asked}
    rows = work.session.execute(
        text(
            "SELECT m.id, d.id AS dispatch, d.organisation_id, d.campaign_id, d.alternatives, d.channel, d.purpose, "
            "d.sender, d.validity_minutes, d.zone, m.attempt, d.closes_at, d.expires_at, d.recent_seconds, "
            "d.version_id, d.fallback, d.onward, d.onward_seconds "
            "FROM pulse_message m JOIN pulse_dispatch d ON d.id = m.dispatch_id "
            "WHERE m.id = ANY(:ids) AND m.state = :unknown ORDER BY m.id FOR UPDATE OF m"
        ),
        {"ids": list(attempts), "unknown": int(MessageState.UNKNOWN)},
    )
    found = {row[0]: Source(row[1], row[2], row[3], connection_id, tuple(row[4]), *row[5:18]) for row in rows}
    return {message_id: source for message_id, source in found.items() if source.attempt == attempts[message_id]}
