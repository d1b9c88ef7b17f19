"""The ledger beside the message log and what providers reported: every difference is found and listed.

Only campaigns whose books moved lately are counted again, so that a day costs what a day sent: O(messages of
those campaigns). Campaigns launched so long ago that retention may have removed messages are left alone.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import text

from connectpulse.core.api import MESSAGE_DUE, Work, id_at

from . import checking

LATELY = timedelta(days=2)
COUNTABLE = timedelta(days=25)
"""Less than the shortest time a message log may be kept for."""


class Found(NamedTuple):
    """A difference: `kind` is reserved or spent (books against messages), quantity (ours against the provider's)."""

    organisation_id: int
    kind: str
    campaign_id: int | None
    expected: Decimal
    found: Decimal

    def __str__(self) -> str:
        return f"{self.kind} of campaign {self.campaign_id}: {self.expected:f} expected, {self.found:f} found"


_SPENT = """
    m.state IN (20, 21)
    OR m.state IN (3, 4) AND m.reason = 'not_reported'
    OR m.state = 2 AND m.reason = 'not_reported' AND t.unknown
    OR m.state = 12 AND t.undeliverable
    OR m.state = 10 AND CASE m.reason WHEN 'not_sent_in_time' THEN false WHEN 'answer_lost' THEN t.unknown
                                      ELSE t.expired END
"""
_COMPARE = text(
    f"""
    WITH moved AS (
        SELECT DISTINCT e.campaign_id FROM billing_entry e JOIN pulse_campaign c ON c.id = e.campaign_id
        WHERE e.id > :since AND c.launched_at > :countable),
    counted AS (
        SELECT m.organisation_id, m.campaign_id,
               coalesce(sum({MESSAGE_DUE}) FILTER (WHERE m.state < 10 AND m.reason <> 'not_reported'), 0) AS reserved,
               coalesce(sum({MESSAGE_DUE}) FILTER (WHERE {_SPENT}), 0) AS spent,
               coalesce(sum(m.quantity) FILTER (WHERE m.billed IS NOT NULL), 0) AS measured,
               coalesce(sum(m.billed), 0) AS billed
        FROM pulse_message m JOIN moved USING (campaign_id)
        LEFT JOIN billing_terms t ON t.campaign_id = m.campaign_id
        GROUP BY 1, 2),
    booked AS (
        SELECT e.organisation_id, e.campaign_id, sum(e.reserved) AS reserved, sum(e.spent) AS spent
        FROM billing_entry e JOIN moved USING (campaign_id) GROUP BY 1, 2)
    SELECT coalesce(b.organisation_id, c.organisation_id), kind, coalesce(b.campaign_id, c.campaign_id), expected, found
    FROM counted c FULL JOIN booked b USING (campaign_id)
    CROSS JOIN LATERAL (VALUES
        ('reserved', coalesce(c.reserved, 0), coalesce(b.reserved, 0)),
        ('spent', coalesce(c.spent, 0), coalesce(b.spent, 0)),
        ('quantity', coalesce(c.measured, 0), coalesce(c.billed, 0))) AS each (kind, expected, found)
    WHERE expected <> found ORDER BY 3, 2
    """
)


def compare(work: Work) -> list[Found]:
    """Return every difference of campaigns whose books moved lately, in one snapshot. Platform work."""
    facts = {"since": id_at(work.clock() - LATELY), "countable": work.clock() - COUNTABLE}
    return [Found(*row) for row in work.session.execute(_COMPARE, facts)]


_KEEP = text(
    "INSERT INTO billing_difference (organisation_id, kind, campaign_id, expected, found) "
    "VALUES (:organisation, :kind, :campaign, :expected, :found)"
)


def reconcile(work: Work) -> int:
    """Compare the books with the messages and with themselves, and list each difference; return how many."""
    work.session.execute(
        text("DELETE FROM billing_difference WHERE created_at > :today AND order_id IS NULL"), {"today": _today(work)}
    )
    differences: Sequence[Found] = compare(work)
    for each in differences:
        facts = {"organisation": each.organisation_id, "kind": each.kind, "campaign": each.campaign_id}
        work.session.execute(_KEEP, facts | {"expected": each.expected, "found": each.found})
    totals = checking.total_faults(work)
    for organisation_id, total, entries in totals:
        facts = {"organisation": organisation_id, "kind": "totals", "campaign": None}
        work.session.execute(_KEEP, facts | {"expected": entries, "found": total})
    return len(differences) + len(totals)


def _today(work: Work) -> datetime:
    return work.clock().replace(hour=0, minute=0, second=0, microsecond=0)
