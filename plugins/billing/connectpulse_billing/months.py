"""Months by Universal Time, as statements have them."""

from datetime import UTC, date, datetime

from connectpulse.core.api import Refused


def month_of(typed: str, today: date) -> date:
    """Return the first day of a month written like 2026-11, of this one by default; raise Refused for nonsense."""
    if not typed:
        return today.replace(day=1)
    try:
        month = datetime.strptime(typed, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError:
        raise Refused(f"{typed[:20]!r} is no month. Write it like 2026-11.") from None
    if not date(2020, 1, 1) <= month <= today:
        raise Refused("There is no statement of that month.")
    return month


def span(month: date) -> tuple[datetime, datetime]:
    """Return when a month begins and when the next one does, by UTC."""
    after = date(month.year + month.month // 12, month.month % 12 + 1, 1)
    start, end = (datetime(each.year, each.month, 1, tzinfo=UTC) for each in (month, after))
    return start, end
