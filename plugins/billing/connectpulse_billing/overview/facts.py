"""Keeping the facts: each round reckons the last two days anew, so that doing it twice changes nothing.

Days cost what those days booked: O(entries of two days). Places cost a look at the messages of campaigns whose
books moved since the day before, once an hour: O(messages of those campaigns).
"""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
from sqlalchemy import text

from connectpulse.core.api import MESSAGE_DUE, Work, id_at

LATELY = timedelta(days=1)

_DAYS = text(
    """
    INSERT INTO billing_spending (organisation_id, day, campaign_id, channel, messages, units)
    SELECT organisation_id, (created_at AT TIME ZONE 'UTC')::date, coalesce(campaign_id, 0), channel,
           sum(messages) FILTER (WHERE spent > 0), sum(spent)
    FROM billing_entry
    WHERE id >= :since AND created_at >= :start AND kind = 'settle' AND spent <> 0
    GROUP BY 1, 2, 3, 4
    ON CONFLICT (organisation_id, day, campaign_id, channel)
    DO UPDATE SET messages = excluded.messages, units = excluded.units
    WHERE (billing_spending.messages, billing_spending.units) IS DISTINCT FROM (excluded.messages, excluded.units)
    """
)


def fold_days(work: Work) -> None:
    """Reckon what was spent yesterday and today anew, for all organisations."""
    start = datetime.combine(work.clock().date(), datetime.min.time(), UTC) - LATELY
    work.session.execute(_DAYS, {"since": id_at(start - LATELY), "start": start})


_MOVED = text(
    """
    SELECT DISTINCT e.campaign_id, c.organisation_id, (c.launched_at AT TIME ZONE 'UTC')::date AS day
    FROM billing_entry e JOIN pulse_campaign c ON c.id = e.campaign_id
    WHERE e.id >= :since AND e.kind = 'settle' AND c.launched_at IS NOT NULL
    ORDER BY 1
    """
)
_PLACES = text(
    f"""
    SELECT CASE WHEN position('@' IN address) > 0 THEN left(split_part(address, '@', 2), 60)
                ELSE left(address, 4) END AS place,
           count(*) AS messages, sum({MESSAGE_DUE}) AS units
    FROM pulse_message
    WHERE campaign_id = :campaign AND organisation_id = :organisation AND state IN (3, 4, 20, 21)
    GROUP BY 1
    """
)
_KEEP = text(
    """
    INSERT INTO billing_destination (organisation_id, campaign_id, place, day, messages, units)
    VALUES (:organisation, :campaign, :place, :day, :messages, :units)
    ON CONFLICT (organisation_id, campaign_id, place)
    DO UPDATE SET messages = excluded.messages, units = excluded.units
    """
)


def fold_places(work: Work) -> None:
    """Reckon anew where the messages of campaigns that moved lately went."""
    moved = work.session.execute(_MOVED, {"since": id_at(work.clock() - LATELY)}).all()
    for campaign_id, organisation_id, day in moved:
        facts = {"campaign": campaign_id, "organisation": organisation_id}
        sums: defaultdict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
        for beginning, messages, units in work.session.execute(_PLACES, facts):
            kept = sums[place(beginning)]
            kept[0] += messages
            kept[1] += units
        rows = [
            facts | {"place": name, "day": day, "messages": int(messages), "units": units.quantize(Decimal("0.0001"))}
            for name, (messages, units) in sums.items()
        ]
        if rows:
            work.session.execute(_KEEP, rows)


def place(beginning: str) -> str:
    """Return the calling code that an address begins with, or the address's beginning where it has none."""
    if not beginning.startswith("+"):
        return beginning.lower()
    codes = (beginning[1 : 1 + length] for length in (1, 2, 3))
    found = next((code for code in codes if code.isdigit() and int(code) in COUNTRY_CODE_TO_REGION_CODE), "")
    return f"+{found}" if found else beginning
