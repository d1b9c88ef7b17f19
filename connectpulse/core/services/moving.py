"""Writing to those who go on: their next messages are made in batches, each in one transaction with what it ends.

A row is taken under a lock and is `moved` or `ended` together with its message: a kill leaves both or neither.
Whoever cannot be carried by the next channel goes on to the first one after it that can.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import text

from ..domain.message import MessageState
from ..errors import OutOfUnits, PulseError
from ..storage import guard
from ..storage.models import Campaign
from . import audience, campaign_end, counters, expansion, onward, plans, records
from .audience import Start
from .work import SYSTEM, Opener, Work

PAGE = 1_000
MOST_PAGES = 50
"""Pages in one go: others of a worker's duties must not wait for a million to move."""
IN_HAND = timedelta(seconds=30)
"""How long a message that a worker has in hand is left alone before it is looked at again."""
NOT_DELIVERED = "not_delivered"

_DUE = text(
    """
    SELECT o.organisation_id, o.campaign_id, o.fallback FROM pulse_onward o
    JOIN pulse_campaign c ON c.id = o.campaign_id AND c.state = 'running'
    WHERE o.state = 'waiting' AND o.due_at <= :now ORDER BY o.due_at LIMIT 1
    """
)
_TAKE = text(
    """
    SELECT o.message_id, m.contact_id, coalesce(m.state, 31) AS state FROM pulse_onward o
    LEFT JOIN pulse_message m ON m.id = o.message_id
    WHERE o.campaign_id = :campaign AND o.fallback = :fallback AND o.state = 'waiting' AND o.due_at <= :now
    ORDER BY o.due_at, o.message_id LIMIT :page FOR UPDATE OF o SKIP LOCKED
    """
)


_OVER = (MessageState.DELIVERED, MessageState.READ, MessageState.CANCELLED)


class _Leaver(NamedTuple):
    """A message whose recipient goes on."""

    message_id: int
    contact_id: int
    state: MessageState


def move_due(open_work: Opener) -> int:
    """Move those on whose time has come, campaign by campaign; return how many pages there were."""
    for page in range(MOST_PAGES):
        with open_work(SYSTEM) as work, guard.platform_scope(work.session, "who goes on to another channel"):
            due = work.session.execute(_DUE, {"now": work.clock()}).one_or_none()
        if due is None or not _move(open_work, *due):
            return page
    return MOST_PAGES


def _move(open_work: Opener, organisation_id: int, campaign_id: int, fallback: int) -> bool:
    try:
        with open_work(SYSTEM, organisation_id) as work:
            return step(work, campaign_id, fallback)
    except PulseError as refusal:
        with open_work(SYSTEM, organisation_id) as work:
            expansion.give_up(work, campaign_id, str(refusal)[:300])
        return True


def step(work: Work, campaign_id: int, fallback: int) -> bool:
    """Move the next page of a running campaign's recipients on to a fallback; return whether there were any."""
    campaign = records.find(work, Campaign, campaign_id)
    facts = {"campaign": campaign_id, "fallback": fallback, "now": work.clock(), "page": PAGE}
    taken = [_Leaver(row[0], row[1] or 0, MessageState(row[2])) for row in work.session.execute(_TAKE, facts)]
    if campaign.state != "running" or not taken:
        return False
    legs = plans.build_all(work, campaign)[fallback:]
    leavers = _free(work, taken)
    starts = audience.begin(work, legs, audience.of(work, legs[0], [each.contact_id for each in leavers]))
    decisions = [start.decision for start in starts]
    paid = expansion.affordable(work, campaign.organisation_id, decisions)
    try:
        _queue(work, campaign, fallback, leavers, starts[:paid], is_short=paid < len(starts))
    except OutOfUnits:  # somebody else took them meanwhile: look again
        work.session.rollback()
        return True
    if paid < len(starts):
        expansion.stop(work, campaign, campaign.cursor)
    else:
        campaign_end.finish_if_done(work, [campaign_id])
    return True


def _free(work: Work, taken: Sequence[_Leaver]) -> list[_Leaver]:
    """Return those whose message is out of our hands: one that waits for a further attempt is ended first."""
    waiting = [each.message_id for each in taken if each.state <= MessageState.SUBMITTING]
    held: set[int] = set()
    if waiting:
        onward.withdraw(work, waiting, MessageState.EXPIRED, onward.MOVED_ON)
        still = text("SELECT id FROM pulse_message WHERE id = ANY(:ids) AND state < 2")
        held = set(work.session.scalars(still, {"ids": waiting}))
        _write(work, "due_at = :due", list(held), due=work.clock() + IN_HAND)
    over = {each.message_id for each in taken if each.state in _OVER}
    _write(work, "state = 'ended', reason = 'over'", list(over))
    return [each for each in taken if each.message_id not in held | over]


def _queue(
    work: Work,
    campaign: Campaign,
    fallback: int,
    leavers: Sequence[_Leaver],
    starts: Sequence[Start],
    *,
    is_short: bool,
) -> None:
    """Make the next messages of those who can be carried, and end the way of those who cannot."""
    previous = {each.contact_id: each.message_id for each in leavers}
    figures: dict[str, int] = {}
    for leg in {start.plan.fallback: start.plan for start in starts}.values():
        ready = [start.decision for start in starts if start.plan is leg and start.decision.rendered is not None]
        queued = expansion.queue(work, leg, ready, previous)
        _moved(work, leg.fallback, {previous[contact]: next_id for contact, next_id in queued.items()})
        figures[f"{leg.fallback}:moved"] = len(queued)
    ended = {previous[start.decision.contact_id]: start.decision.skip for start in starts if start.decision.skip}
    if not is_short:
        seen = {start.decision.contact_id for start in starts}
        ended |= {each.message_id: "no_address" for each in leavers if each.contact_id not in seen}
    for reason in set(ended.values()):
        gone = [message_id for message_id, why in ended.items() if why == reason]
        _write(work, "state = 'ended', reason = :reason", gone, reason=reason)
    figures[f"{fallback}:ended"] = len(ended)
    counters.add(work, {(campaign.organisation_id, campaign.id, name): amount for name, amount in figures.items()})


def _moved(work: Work, fallback: int, followed: dict[int, int]) -> None:
    work.session.execute(
        text(
            "UPDATE pulse_onward o SET state = 'moved', next_id = n.next_id, fallback = :fallback, "
            "reason = coalesce(nullif(o.reason, ''), :reason) "
            "FROM unnest(cast(:ids AS bigint[]), cast(:next_ids AS bigint[])) AS n (id, next_id) "
            "WHERE o.message_id = n.id AND o.state = 'waiting'"
        ),
        {"fallback": fallback, "reason": NOT_DELIVERED, "ids": list(followed), "next_ids": list(followed.values())},
    )


def _write(work: Work, values: str, message_ids: Sequence[int], **facts: Any) -> None:
    if message_ids:
        work.session.execute(
            text(f"UPDATE pulse_onward SET {values} WHERE message_id = ANY(:ids) AND state = 'waiting'"),
            facts | {"ids": list(message_ids)},
        )
