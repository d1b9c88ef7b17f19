"""What launching a campaign would mean: counted over the whole audience by the same decisions as sending."""

from collections import Counter as Tally
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import select

from ..errors import Refused
from ..storage.models import Campaign, Quote
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
    version = work.registry.ledger.price_version(work, plans.build(work, campaign).tariff)
    standing = latest(work, campaign_id)
    fingerprint = plans.fingerprint(campaign)
    if standing is not None and (
        (standing.state == "counting" and (standing.fingerprint, standing.price_version) == (fingerprint, version))
        or holds(work, standing, campaign)
    ):
        return standing
    quote = Quote(campaign_id=campaign_id, fingerprint=fingerprint, price_version=version)
    work.session.add(quote)
    work.session.flush()
    jobs.submit(work, "quote", quote.id)
    audit.record(work, "campaign.quoted", campaign, quote=quote.id)
    return quote


def latest(work: Work, campaign_id: int) -> Quote | None:
    """Return a campaign's newest quote."""
    statement = select(Quote).where(Quote.campaign_id == campaign_id).order_by(Quote.id.desc()).limit(1)
    return work.session.scalars(statement).first()


def holds(work: Work, quote: Quote, campaign: Campaign) -> bool:
    """Return whether a finished quote still says what launching would mean, and at which price."""
    return (
        quote.state == "ready"
        and quote.fingerprint == plans.fingerprint(campaign)
        and work.clock() - quote.created_at < GOOD_FOR
        and prices_hold(work, quote, campaign)
    )


def prices_hold(work: Work, quote: Quote, campaign: Campaign) -> bool:
    """Return whether the prices that a quote rests on are still the same."""
    if campaign.template_version is None or campaign.sender is None or campaign.channel not in work.registry.channels:
        return False
    tariff = plans.tariff_of(campaign, work.registry.channel(campaign.channel))
    return work.registry.ledger.price_version(work, tariff) == quote.price_version


def shortfall(work: Work, quote: Quote) -> Decimal:
    """Return by how many units the balance falls short of a counted campaign, 0 where it covers it."""
    balance = work.registry.ledger.balance(work, quote.organisation_id)
    return Decimal(0) if balance is None else max(quote.units - balance, Decimal(0))


def step(work: Work, quote_id: int) -> bool:
    """Count the next page; return whether there is more."""
    quote = records.find(work, Quote, quote_id, lock=True)
    if quote.state != "counting":
        return False
    plan = plans.build(work, records.find(work, Campaign, quote.campaign_id), price_version=quote.price_version)
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
    zones = Tally(quote.zones)
    skipped, missing, unpriced = Tally(quote.skipped), Tally(quote.missing), Tally(quote.unpriced)
    parts_by = Tally({int(key): value for key, value in quote.connections.items()})
    parts, units, recipients, total, least = 0, Decimal(0), 0, 0, quote.least_units
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
        units += decision.price.units
        least = decision.price.units if least is None else min(least, decision.price.units)
        parts_by[decision.order[0]] += decision.rendered.measure.parts
        if decision.zone is not None:
            zones[decision.zone] += 1
        if len(sample) < _SAMPLES:
            sample.append(decision.rendered.body)
    quote.audience += total
    quote.recipients += recipients
    quote.parts += parts
    quote.units += units
    quote.least_units = least
    quote.skipped, quote.missing, quote.unpriced = dict(skipped), dict(missing), dict(unpriced)
    quote.connections = {str(key): value for key, value in parts_by.items()}
    quote.sample = sample
    quote.zones = dict(zones)
