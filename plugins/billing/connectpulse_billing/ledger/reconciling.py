"""The ledger beside the message log and what providers reported: every difference is found and listed.

Only campaigns whose books moved lately are counted again, and single messages by the days they were made on, so
that a day costs what a day sent: O(messages of those campaigns and days). What is so old that retention may have
removed messages is left alone.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

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
    day: date | None
    expected: Decimal
    found: Decimal

    def __str__(self) -> str:
        whose = f"campaign {self.campaign_id}" if self.campaign_id else f"single messages of {self.day}"
        return f"{self.kind} of {whose}: {self.expected:f} expected, {self.found:f} found"


_SPENT = """
    m.state IN (20, 21)
    OR m.state IN (3, 4) AND m.reason = 'not_reported'
    OR m.state = 2 AND m.reason = 'not_reported' AND t.unknown
    OR m.state = 12 AND t.undeliverable
    OR m.state = 10 AND CASE m.reason WHEN 'not_sent_in_time' THEN false WHEN 'answer_lost' THEN t.unknown
                                      ELSE t.expired END
"""
_SUMS = f"""
    coalesce(sum({MESSAGE_DUE}) FILTER (WHERE m.state < 10 AND m.reason <> 'not_reported'), 0) AS reserved,
    coalesce(sum({MESSAGE_DUE}) FILTER (WHERE {_SPENT}), 0) AS spent,
    coalesce(sum(m.quantity) FILTER (WHERE m.billed IS NOT NULL), 0) AS measured,
    coalesce(sum(m.billed), 0) AS billed
"""
_DIFFERING = """
    CROSS JOIN LATERAL (VALUES
        ('reserved', coalesce(c.reserved, 0), coalesce(b.reserved, 0)),
        ('spent', coalesce(c.spent, 0), coalesce(b.spent, 0)),
        ('quantity', coalesce(c.measured, 0), coalesce(c.billed, 0))) AS each (kind, expected, found)
    WHERE expected <> found ORDER BY 1, 3, 4, 2
"""
_OF_CAMPAIGNS = text(
    f"""
    WITH moved AS (
        SELECT DISTINCT e.campaign_id FROM billing_entry e JOIN pulse_campaign c ON c.id = e.campaign_id
        WHERE e.id > :since AND c.launched_at > :countable),
    counted AS (
        SELECT m.organisation_id, m.campaign_id, {_SUMS}
        FROM pulse_message m JOIN moved USING (campaign_id)
        LEFT JOIN billing_terms t ON t.campaign_id = m.campaign_id
        GROUP BY 1, 2),
    booked AS (
        SELECT e.organisation_id, e.campaign_id, sum(e.reserved) AS reserved, sum(e.spent) AS spent
        FROM billing_entry e JOIN moved USING (campaign_id) GROUP BY 1, 2)
    SELECT coalesce(b.organisation_id, c.organisation_id), kind, coalesce(b.campaign_id, c.campaign_id),
           NULL::date, expected, found
    FROM counted c FULL JOIN booked b USING (campaign_id) {_DIFFERING}
    """
)
_DAYS_MOVED = text(
    """
    SELECT DISTINCT day FROM billing_entry WHERE id > :since AND day > :countable
        AND day > (SELECT min(day) FROM billing_entry WHERE day IS NOT NULL AND kind = 'reserve')
    """
)
_OF_SINGLES = text(
    f"""
    WITH moved AS (
        SELECT * FROM unnest(cast(:days AS date[]), cast(:lows AS bigint[]), cast(:highs AS bigint[]))
            AS each (day, low, high)),
    counted AS (
        SELECT m.organisation_id, d.day, {_SUMS}
        FROM moved d JOIN pulse_message m ON m.campaign_id IS NULL AND m.id >= d.low AND m.id < d.high
        LEFT JOIN billing_terms t ON t.campaign_id = m.campaign_id
        GROUP BY 1, 2),
    booked AS (
        SELECT e.organisation_id, e.day, sum(e.reserved) AS reserved, sum(e.spent) AS spent
        FROM billing_entry e JOIN moved USING (day) GROUP BY 1, 2)
    SELECT organisation_id, kind, NULL::bigint, day, expected, found
    FROM counted c FULL JOIN booked b USING (organisation_id, day) {_DIFFERING}
    """
)
"""Terms hold for campaigns: what is not delivered of single messages is never charged."""


def compare(work: Work) -> list[Found]:
    """Return every difference of campaigns, and of days of single messages, whose books moved lately. Platform work.

    The first day that entries name is left out: on it the ledger, or its naming of days, may have begun.
    """
    countable = work.clock() - COUNTABLE
    lately: dict[str, Any] = {"since": id_at(work.clock() - LATELY), "countable": countable}
    found = [Found(*row) for row in work.session.execute(_OF_CAMPAIGNS, lately)]
    days = sorted(work.session.scalars(_DAYS_MOVED, lately | {"countable": countable.date()}))
    return found + [Found(*row) for row in work.session.execute(_OF_SINGLES, _bounds(days))]


def _bounds(days: Sequence[date]) -> dict[str, Any]:
    begun = [datetime.combine(day, time(), UTC) for day in days]
    return {
        "days": list(days),
        "lows": [id_at(moment) for moment in begun],
        "highs": [id_at(moment + timedelta(days=1)) for moment in begun],
    }


_KEEP = text(
    "INSERT INTO billing_difference (organisation_id, kind, campaign_id, day, expected, found) "
    "VALUES (:organisation, :kind, :campaign, :day, :expected, :found)"
)


def reconcile(work: Work) -> int:
    """Compare the books with the messages and with themselves, and list each difference; return how many."""
    work.session.execute(
        text("DELETE FROM billing_difference WHERE created_at > :today AND order_id IS NULL"), {"today": _today(work)}
    )
    differences: Sequence[Found] = compare(work)
    for each in differences:
        facts = {"organisation": each.organisation_id, "kind": each.kind, "campaign": each.campaign_id}
        facts |= {"day": each.day}
        work.session.execute(_KEEP, facts | {"expected": each.expected, "found": each.found})
    totals = checking.total_faults(work)
    for organisation_id, total, entries in totals:
        facts = {"organisation": organisation_id, "kind": "totals", "campaign": None, "day": None}
        work.session.execute(_KEEP, facts | {"expected": entries, "found": total})
    return len(differences) + len(totals)


def _today(work: Work) -> datetime:
    return work.clock().replace(hour=0, minute=0, second=0, microsecond=0)
