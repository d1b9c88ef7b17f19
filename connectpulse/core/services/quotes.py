"""What launching a campaign would mean: counted over the whole audience by the same decisions as sending."""

from collections import Counter as Tally
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import select

from ..errors import Refused
from ..storage.models import Campaign, Connection, Quote
from . import audience, audit, jobs, plans, records
from .audience import Decision
from .work import Work

PAGE = 5_000
GOOD_FOR = timedelta(hours=24)
_SAMPLES = 3


def request(work: Work, campaign_id: int) -> Quote:
    """Begin counting, or return the quote that is being counted or still holds."""
    campaign = records.find(work, Campaign, campaign_id)
    if not campaign.state.startswith(("draft", "missed", "awaiting")):
        raise Refused("This campaign has been launched already.")
    plans.build(work, campaign)
    standing = latest(work, campaign_id)
    fingerprint = plans.fingerprint(campaign)
    if standing is not None and (
        (standing.state == "counting" and standing.fingerprint == fingerprint)
        or holds(standing, campaign, work.clock())
    ):
        return standing
    quote = Quote(campaign_id=campaign_id, fingerprint=fingerprint)
    work.session.add(quote)
    work.session.flush()
    jobs.submit(work, "quote", quote.id)
    audit.record(work, "campaign.quoted", campaign, quote=quote.id)
    return quote


def latest(work: Work, campaign_id: int) -> Quote | None:
    """Return a campaign's newest quote."""
    statement = select(Quote).where(Quote.campaign_id == campaign_id).order_by(Quote.id.desc()).limit(1)
    return work.session.scalars(statement).first()


def holds(quote: Quote, campaign: Campaign, now: datetime) -> bool:
    """Return whether a finished quote still says what launching would mean."""
    return (
        quote.state == "ready"
        and quote.fingerprint == plans.fingerprint(campaign)
        and now - quote.created_at < GOOD_FOR
    )


def step(work: Work, quote_id: int) -> bool:
    """Count the next page; return whether there is more."""
    quote = records.find(work, Quote, quote_id, lock=True)
    if quote.state != "counting":
        return False
    plan = plans.build(work, records.find(work, Campaign, quote.campaign_id))
    rows = audience.page(work, plan, quote.cursor, PAGE)
    if not rows:
        quote.state, quote.finished_at = "ready", work.clock()
        return False
    quote.cursor = rows[-1][1]
    _count(quote, audience.decide(plan, rows))
    return True


def give_up(work: Work, quote_id: int, reason: str) -> None:
    """Say why a quote cannot be made."""
    quote = records.find(work, Quote, quote_id, lock=True)
    quote.state, quote.reason, quote.finished_at = "failed", reason, work.clock()


def _count(quote: Quote, decisions: Iterable[Decision]) -> None:
    skipped, missing, unpriced = Tally(quote.skipped), Tally(quote.missing), Tally(quote.unpriced)
    parts_by = Tally({int(key): value for key, value in quote.connections.items()})
    parts, units, recipients, total = 0, Decimal(0), 0, 0
    sample = list(quote.sample)
    for decision in decisions:
        total += 1
        if decision.rendered is None:
            skipped[decision.skip] += 1
            missing.update(decision.missing)
            if decision.prefix:
                unpriced[decision.prefix] += 1
            continue
        recipients += 1
        parts += decision.rendered.measure.parts
        units += decision.units
        parts_by[decision.order[0]] += decision.rendered.measure.parts
        if len(sample) < _SAMPLES:
            sample.append(decision.rendered.body)
    quote.audience += total
    quote.recipients += recipients
    quote.parts += parts
    quote.units += units
    quote.skipped, quote.missing, quote.unpriced = dict(skipped), dict(missing), dict(unpriced)
    quote.connections = {str(key): value for key, value in parts_by.items()}
    quote.sample = sample


def expected_seconds(work: Work, quote: Quote, campaign: Campaign) -> int | None:
    """Return about how long sending takes at the rates that hold, None where nothing limits it."""
    seconds = [0.0]
    rates = {
        row.id: row.rate_per_second
        for row in work.session.scalars(
            select(Connection).where(Connection.id.in_([int(key) for key in quote.connections]))
        )
    }
    seconds += [parts / rate for key, parts in quote.connections.items() if (rate := rates.get(int(key))) is not None]
    if campaign.rate_per_second:
        seconds.append(quote.recipients / campaign.rate_per_second)
    longest = max(seconds)
    return round(longest) if longest else None
