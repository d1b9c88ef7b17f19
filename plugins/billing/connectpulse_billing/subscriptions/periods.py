"""Periods on the calendar, in UTC, and shares of them."""

from calendar import monthrange
from datetime import datetime
from decimal import ROUND_DOWN, Decimal

from ..buying import money


def later(moment: datetime, months: int, anchor_day: int) -> datetime:
    """Return the same time of day so many months later, on the anchor day or the last day of a shorter month."""
    count = moment.year * 12 + moment.month - 1 + months
    year, month = count // 12, count % 12 + 1
    return moment.replace(year=year, month=month, day=min(anchor_day, monthrange(year, month)[1]))


def rest(starts: datetime, ends: datetime, now: datetime) -> tuple[int, int]:
    """Return the whole seconds that are left of a period, and those of all of it."""
    whole = int((ends - starts).total_seconds())
    return min(max(int((ends - now).total_seconds()), 0), whole), whole


def prorated(before: Decimal, after: Decimal, left: int, whole: int) -> Decimal:
    """Return what the dearer fee costs more for the rest of a period: rounded half up to cents, never negative."""
    return money.cents(max(after - before, Decimal(0)) * left / whole)


def prorated_units(before: Decimal, after: Decimal, left: int, whole: int) -> Decimal:
    """Return the units the rest of a period gives more: rounded down to four places, never negative."""
    return (max(after - before, Decimal(0)) * left / whole).quantize(money.UNIT, ROUND_DOWN)
