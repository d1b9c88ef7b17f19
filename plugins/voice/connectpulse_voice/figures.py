"""How calls ended: a report by campaign, and a figure for the home page."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import text

from connectpulse.core.api import Card, Report

from .outcomes import ANSWERED

if TYPE_CHECKING:
    from connectpulse.core.api import Work

_CALLS: Final = text(
    """
    SELECT c.name, split_part(n.name, ':', 2) AS outcome, sum(n.amount)::bigint AS calls
    FROM pulse_counter n JOIN pulse_campaign c ON c.id = n.campaign_id AND c.organisation_id = n.organisation_id
    WHERE n.organisation_id = :organisation AND c.channel = 'voice'
      AND split_part(n.name, ':', 1) IN ('arrived', 'reason')
    GROUP BY c.id, c.name, outcome HAVING sum(n.amount) <> 0
    ORDER BY c.id DESC, calls DESC, outcome LIMIT :limit
    """
)
_ANSWERED: Final = text(
    """
    SELECT coalesce(sum(n.amount) FILTER (WHERE n.name = ANY(:answered)), 0)::bigint, coalesce(sum(n.amount), 0)::bigint
    FROM pulse_counter n
    WHERE n.organisation_id = :organisation AND split_part(n.name, ':', 1) IN ('arrived', 'reason')
      AND n.campaign_id IN (
          SELECT id FROM pulse_campaign WHERE organisation_id = :organisation AND channel = 'voice'
          ORDER BY id DESC LIMIT 20)
    """
)


def _calls(work: "Work", limit: int) -> Sequence[Sequence[Any]]:
    facts = {"organisation": work.organisation_id, "limit": limit}
    return [(row[0], row[1].replace("_", " ").capitalize(), row[2]) for row in work.session.execute(_CALLS, facts)]


def _answered(work: "Work") -> str | None:
    if work.organisation is None:
        return None
    facts = {"organisation": work.organisation, "answered": [f"arrived:{each}" for each in ANSWERED]}
    answered, calls = work.session.execute(_ANSWERED, facts).one()
    return f"{answered:,} of {calls:,}" if calls else None


CALLS = Report("voice_calls", "Calls by outcome", ("Campaign", "Outcome", "Calls"), _calls)
CARD = Card("voice_answered", "Calls answered, last 20 campaigns", _answered, "fa-phone")
