"""When a recipient may be disturbed: a daily window on some weekdays, in the recipient's own zone."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..errors import Refused

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
EVERY_DAY = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class SendingWindow:
    """From `start` to `end` on `days` (0 is Monday). An end at or before the start is the next day's."""

    start: time
    end: time
    days: frozenset[int] = EVERY_DAY

    def span(self, now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Return (opens_at, closes_at) in UTC of the window that is open at `now`, or opens next.

        Wall-clock times are placed in `zone` day by day, so the window keeps its local hours across
        a change of daylight saving. Raises Refused for a window that has no day to open on.
        """
        today = now.astimezone(zone).date()
        for offset in range(-1, 9):
            day = today + timedelta(days=offset)
            if day.weekday() not in self.days:
                continue
            opens_at, closes_at = self._on(day, zone)
            if closes_at > now and closes_at > opens_at:
                return opens_at, closes_at
        raise Refused("The sending window never opens: choose at least one weekday.")

    def _on(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
        last_day = day if self.end > self.start else day + timedelta(days=1)
        opens_at = datetime.combine(day, self.start, zone).astimezone(UTC)
        closes_at = datetime.combine(last_day, self.end, zone).astimezone(UTC)
        return opens_at, closes_at


def find_zone(name: str) -> ZoneInfo:
    """Return the zone called `name` (IANA, like Asia/Karachi); raise Refused if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Refused(f"{name!r} is not a time zone. Use a name like Asia/Karachi.") from None


def to_utc(local: datetime, zone: ZoneInfo) -> datetime:
    """Return the UTC instant of a wall-clock time in `zone`; refuse a time the clocks skip."""
    try:
        instant = local.replace(tzinfo=zone).astimezone(UTC)
    except OverflowError:
        raise Refused(f"The year {local.year} lies outside the calendar.") from None
    if instant.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise Refused(f"{local:%H:%M} does not exist on {local:%d %B %Y} in {zone.key}: clocks go forward.")
    return instant
