"""Times as people read them: in the organisation's zone, with the exact instant behind them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from markupsafe import Markup

from .. import current


def zone() -> ZoneInfo:
    """Return the zone times are shown in: the organisation's, else UTC."""
    here = current.organisation()
    return ZoneInfo(here.timezone) if here is not None else ZoneInfo("UTC")


def moment(at: datetime | None) -> Markup | str:
    """Return a time as an element whose title is the exact instant; empty for none."""
    if at is None:
        return ""
    local = at.astimezone(zone())
    form = "%d %b, %H:%M" if local.year == datetime.now(UTC).year else "%d %b %Y, %H:%M"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.astimezone(UTC).isoformat(timespec="seconds"), local.strftime("%Y-%m-%d %H:%M:%S %Z"), local.strftime(form)
    )


def naive_utc(naive: datetime | None) -> datetime | None:
    """Return a time of Flask-AppBuilder's tables, which hold UTC without saying so."""
    return naive.replace(tzinfo=UTC) if naive is not None else None


def duration(seconds: float | None) -> str:
    """Return a length of time in words."""
    if seconds is None:
        return "no limit"
    if seconds < 90:
        return f"{max(1, round(seconds))} seconds"
    if seconds < 5400:
        return f"{round(seconds / 60)} minutes"
    if seconds < 172_800:
        return f"{_short(seconds / 3600)} hours"
    return f"{_short(seconds / 86_400)} days"


def _short(amount: float) -> str:
    return f"{amount:.1f}".removesuffix(".0")


def size(amount: int) -> str:
    """Return a number of bytes as people read it."""
    value = float(amount)
    for unit in ("bytes", "KB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" or value >= 10 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"
