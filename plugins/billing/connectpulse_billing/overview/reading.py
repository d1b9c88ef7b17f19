"""What the page and the reports show: all from the facts, by the organisation and a span of days."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_DOWN, Decimal

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
from sqlalchemy import text

from connectpulse.core.api import Work

SPAN = 30
"""Days that the charts look back."""
BURN = 7
"""Whole days that the speed of spending is reckoned from."""
MOST = 10

Points = list[tuple[str, Decimal]]


@dataclass(frozen=True, slots=True)
class Burn:
    """How fast units go: per day over the last whole days, and for how many days they last; None: for ever."""

    per_day: Decimal
    days_left: int | None


_DAYS = text(
    "SELECT day, sum(units) FROM billing_spending WHERE organisation_id = :organisation AND day >= :since GROUP BY 1"
)


def by_day(work: Work) -> Points:
    """Return what was spent on each of the last days, the oldest first."""
    today = work.clock().date()
    found = {day: units for day, units in work.session.execute(_DAYS, _facts(work, SPAN - 1))}
    days = [today - timedelta(days=back) for back in range(SPAN - 1, -1, -1)]
    return [(f"{day:%d %b}", found.get(day, Decimal(0))) for day in days]


def burn(work: Work, available: Decimal) -> Burn:
    """Return how fast units go; today is not whole yet and does not count."""
    today = work.clock().date()
    found = work.session.execute(_DAYS, _facts(work, BURN))
    spent = sum((units for day, units in found if day < today), Decimal(0))
    per_day = spent / BURN
    if per_day <= 0:
        return Burn(Decimal(0), None)
    return Burn(per_day.quantize(Decimal("0.01")), int((available / per_day).to_integral_value(ROUND_DOWN)))


_CHANNELS = text(
    "SELECT channel, sum(units) FROM billing_spending WHERE organisation_id = :organisation AND day >= :since "
    "GROUP BY 1 HAVING sum(units) > 0 ORDER BY 2 DESC LIMIT :most"
)
_CAMPAIGNS = text(
    """
    SELECT coalesce(c.name, CASE WHEN s.campaign_id = 0 THEN 'Single messages' ELSE 'A deleted campaign' END), s.units
    FROM (SELECT campaign_id, sum(units) AS units FROM billing_spending
          WHERE organisation_id = :organisation AND day >= :since
          GROUP BY 1 HAVING sum(units) > 0 ORDER BY 2 DESC LIMIT :most) s
    LEFT JOIN pulse_campaign c ON c.id = s.campaign_id AND c.organisation_id = :organisation
    ORDER BY s.units DESC
    """
)
_PLACES = text(
    "SELECT place, sum(units) FROM billing_destination WHERE organisation_id = :organisation AND day >= :since "
    "GROUP BY 1 HAVING sum(units) > 0 ORDER BY 2 DESC LIMIT :most"
)


def by_channel(work: Work) -> Points:
    """Return what each channel was charged."""
    titles = {name: channel.title for name, channel in work.registry.channels.items()}
    return [(titles.get(name, name), units) for name, units in _most(work, _CHANNELS)]


def by_campaign(work: Work) -> Points:
    """Return what the dearest campaigns were charged."""
    return _most(work, _CAMPAIGNS)


def by_place(work: Work) -> Points:
    """Return what messages to the dearest places were charged, of campaigns launched in the span."""
    return [(named(place), units) for place, units in _most(work, _PLACES)]


def named(place: str) -> str:
    """Return a place as people read it: the calling code with its country."""
    if not place.startswith("+") or not place[1:].isdigit():
        return place
    regions = COUNTRY_CODE_TO_REGION_CODE.get(int(place[1:]), ())
    return f"{place} {regions[0]}" if regions and regions[0] != "001" else place


def _most(work: Work, statement: object) -> Points:
    return [(name, units) for name, units in work.session.execute(statement, _facts(work, SPAN - 1) | {"most": MOST})]  # type: ignore[call-overload]


def _facts(work: Work, days: int) -> dict[str, object]:
    return {"organisation": work.organisation_id, "since": work.clock().date() - timedelta(days=days)}
