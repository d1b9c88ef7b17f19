"""When a campaign is over: everything expanded, nothing waiting, nothing in a worker's hands, nobody going on."""

from collections.abc import Iterable, Sequence

from sqlalchemy import text

from . import audit
from .work import Work

_TAKE_TURNS = """
SELECT pg_advisory_xact_lock(hashtextextended('pulse_campaign_end', id))
FROM (SELECT DISTINCT id FROM unnest(CAST(:ids AS bigint[])) AS id ORDER BY id) AS campaign
"""
"""Two that end the last of a campaign at once would each see the other's part as open, and neither finish it.
So they ask one after the other, and the question is a statement of its own: it sees what was committed before."""

_FINISH = """
UPDATE pulse_campaign c SET state = 'finished', finished_at = :now, reason = ''
WHERE c.id = ANY(:ids) AND c.state IN ('running', 'paused') AND c.is_expanded
  AND NOT EXISTS (SELECT 1 FROM pulse_dispatch d
                  WHERE d.campaign_id = c.id AND d.state IN ('ready', 'claimed'))
  AND NOT EXISTS (SELECT 1 FROM pulse_onward o WHERE o.campaign_id = c.id AND o.state = 'waiting')
RETURNING c.id, c.name, c.organisation_id
"""


def finish_if_done(work: Work, campaign_ids: Sequence[int]) -> None:
    """Finish those campaigns of which every message was handed over or has ended otherwise.

    Call it once in a unit of work, after what it did to expansions and dispatches: campaigns are locked in
    the order of their ids.
    """
    if not campaign_ids:
        return
    ids = list(campaign_ids)
    work.session.execute(text(_TAKE_TURNS), {"ids": ids})
    done = work.session.execute(text(_FINISH), {"ids": ids, "now": work.clock()}).all()
    for campaign_id, name, organisation_id in done:
        audit.record_named(work, "campaign.finished", organisation_id, "Campaign", campaign_id, name)


_REOPEN = """
UPDATE pulse_campaign SET state = 'running', finished_at = NULL
WHERE id = ANY(:ids) AND state = 'finished' RETURNING id, name, organisation_id
"""
"""No step of `domain.campaign`: nobody launches again what has finished."""


def reopen(work: Work, campaign_ids: Iterable[int | None]) -> None:
    """Let finished campaigns run on of which a message was queued again; they finish once it is handed over.

    Call it at the end of a unit of work, like `finish_if_done`: who finishes and who queues take turns.
    """
    ids = sorted(each for each in campaign_ids if each)
    if not ids:
        return
    work.session.execute(text(_TAKE_TURNS), {"ids": ids})
    for campaign_id, name, organisation_id in work.session.execute(text(_REOPEN), {"ids": ids}).all():
        audit.record_named(work, "campaign.reopened", organisation_id, "Campaign", campaign_id, name)
