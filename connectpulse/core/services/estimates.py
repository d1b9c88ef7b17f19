"""When a campaign will have been handed over: from its rates, its start and its hours, in every recipient's zone."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from ..domain.windows import SendingWindow, find_zone
from ..storage.models import Campaign, Connection, Organisation, Quote
from . import plans
from .work import Work

HORIZON = timedelta(days=90)
"""Beyond this nothing is estimated."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """`seconds` of handing over, None where no rate limits it; `finish` None where nothing is known of it."""

    start: datetime
    seconds: float | None
    finish: datetime | None
    is_longer_than_validity: bool = False


def estimate(work: Work, quote: Quote, campaign: Campaign) -> Estimate:
    """Return when a quoted campaign begins and about when its last message is handed over.

    Other campaigns that share its rates make it later; what limits nothing is taken to cost no time.
    """
    start = max(work.clock(), campaign.scheduled_at or work.clock())
    seconds = _seconds(work, quote, campaign)
    window = plans.window_of(campaign)
    if window is None or not window.days:
        finish = start + timedelta(seconds=seconds) if seconds is not None else None
    else:
        zones = quote.zones or {campaign.timezone: quote.recipients}
        finish = _through_windows(window, zones, start, seconds or 0.0)
    return Estimate(start, seconds, finish, seconds is not None and seconds > campaign.validity_minutes * 60)


def _seconds(work: Work, quote: Quote, campaign: Campaign) -> float | None:
    """Return how long sending takes at the slowest of the rates that hold, None where there is none."""
    rates = {
        row.id: row.rate_per_second
        for row in work.session.scalars(
            select(Connection).where(Connection.id.in_([int(key) for key in quote.connections]))
        )
    }
    seconds = [parts / rate for key, parts in quote.connections.items() if (rate := rates.get(int(key)))]
    organisation = work.session.get(Organisation, campaign.organisation_id)
    limits = (campaign.rate_per_second, organisation.rate_per_second if organisation else None)
    seconds += [quote.recipients / limit for limit in limits if limit]
    return max(seconds) if seconds else None


def _through_windows(
    window: SendingWindow, zones: Mapping[str, int], start: datetime, seconds: float
) -> datetime | None:
    """Return when everything is sent if the rate is shared by the zones whose window is open.

    From one opening or closing to the next: as many steps as there are such moments until the end.
    """
    total = sum(zones.values())
    left = {name: seconds * count / total for name, count in zones.items()} if total else {}
    now, last = start, start
    while left and now - start < HORIZON:
        spans = {name: window.span(now, find_zone(name)) for name in left}
        is_open = [name for name, (opens_at, _) in spans.items() if opens_at <= now]
        if not is_open:
            now = min(opens_at for opens_at, _ in spans.values())
            continue
        share = len(is_open)
        ends = [now + timedelta(seconds=left[name] * share) for name in is_open]
        turns = [closes_at for name, (_, closes_at) in spans.items() if name in is_open]
        turns += [opens_at for opens_at, _ in spans.values() if opens_at > now]
        until = min([*ends, *turns])
        spent = (until - now).total_seconds() / share
        for name in is_open:
            left[name] -= spent
        left = {name: rest for name, rest in left.items() if rest > 1e-3 or name not in is_open}
        now = last = until
    return None if left else last
