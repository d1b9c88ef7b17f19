"""When a campaign is over: everything expanded, nothing waiting, nothing in a worker's hands."""

from collections.abc import Sequence

from sqlalchemy import text

from . import audit
from .work import Work


def finish_if_done(work: Work, campaign_ids: Sequence[int]) -> None:
    """Finish those campaigns of which every message was handed over or has ended otherwise."""
    done = work.session.execute(
        text(
            """
            UPDATE pulse_campaign c SET state = 'finished', finished_at = :now, reason = ''
            WHERE c.id = ANY(:ids) AND c.state IN ('running', 'paused') AND c.is_expanded
              AND NOT EXISTS (SELECT 1 FROM pulse_dispatch d
                              WHERE d.campaign_id = c.id AND d.state IN ('ready', 'claimed'))
            RETURNING c.id, c.name, c.organisation_id
            """
        ),
        {"ids": list(campaign_ids), "now": work.clock()},
    ).all()
    for campaign_id, name, organisation_id in done:
        audit.record_named(work, "campaign.finished", organisation_id, "Campaign", campaign_id, name)
