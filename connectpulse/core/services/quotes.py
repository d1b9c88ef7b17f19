"""What launching a campaign would mean: counted over the whole audience by the same decisions as sending."""

from collections import Counter as Tally
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import select

from ..errors import Refused
from ..storage.models import Campaign, Quote
from . import audience, audit, jobs, plans, records
from .audience import Decision, Later
from .work import Work

PAGE = 5_000
GOOD_FOR = timedelta(hours=24)
_SAMPLES = 3


def request(work: Work, campaign_id: int) -> Quote:
    """Begin counting, or return the quote that is being counted or still holds."""
    campaign = records.find(work, Campaign, campaign_id)
    if not campaign.state.startswith(("draft", "missed", "awaiting")):
        raise Refused("This campaign has been launched already.")
    version, *others = [work.registry.ledger.price_version(work, leg.tariff) for leg in plans.build_all(work, campaign)]
    standing = latest(work, campaign_id)
    fingerprint = plans.fingerprint(campaign)
    if standing is not None and (
        (standing.state == "counting" and (standing.fingerprint, standing.price_version) == (fingerprint, version))
        or holds(work, standing, campaign)
    ):
        return standing
    quote = Quote(campaign_id=campaign_id, fingerprint=fingerprint, price_version=version)
    quote.fallbacks = {
        str(number): {"price_version": each, "begin": 0, "reach": 0} for number, each in enumerate(others, 1)
    }
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
    return all(
        leg.template_version is not None
        and leg.sender is not None
        and leg.channel in work.registry.channels
        and _version(work, campaign, leg) == version
        for leg, version in zip(plans.legs(campaign), price_versions(quote), strict=True)
    )


def _version(work: Work, campaign: Campaign, leg: plans.Leg) -> str:
    tariff = plans.tariff_of(campaign, work.registry.channel(leg.channel), leg)
    return work.registry.ledger.price_version(work, tariff)


def price_versions(quote: Quote) -> list[str]:
    """Return the price versions a quote rests on, those of the fallbacks after that of what is sent first."""
    return [quote.price_version, *(quote.fallbacks[key]["price_version"] for key in sorted(quote.fallbacks))]


def fix_prices(campaign: Campaign, quote: Quote | None) -> None:
    """Let a campaign be sent at the prices of its quote; None takes them back."""
    versions = price_versions(quote) if quote is not None else [""] * (1 + len(campaign.fallbacks))
    for leg, version in zip(plans.legs(campaign), versions, strict=True):
        leg.price_version = version


def shortfall(work: Work, quote: Quote) -> Decimal:
    """Return by how many units the balance falls short of a counted campaign, 0 where it covers it."""
    balance = work.registry.ledger.balance(work, quote.organisation_id)
    return Decimal(0) if balance is None else max(quote.units - balance, Decimal(0))


def step(work: Work, quote_id: int) -> bool:
    """Count the next page; return whether there is more."""
    quote = records.find(work, Quote, quote_id, lock=True)
    if quote.state != "counting":
        return False
    campaign = records.find(work, Campaign, quote.campaign_id)
    legs = plans.build_all(work, campaign, price_versions=price_versions(quote))
    rows = audience.page(work, legs[0], quote.cursor, PAGE)
    if not rows:
        quote.state, quote.finished_at = "ready", work.clock()
        return False
    quote.cursor = rows[-1][1]
    decisions, later = audience.weigh(work, legs, rows)
    _count(quote, decisions)
    _count_later(quote, later)
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
    quote.most_units += units
    quote.least_units = least
    quote.skipped, quote.missing, quote.unpriced = dict(skipped), dict(missing), dict(unpriced)
    quote.connections = {str(key): value for key, value in parts_by.items()}
    quote.sample = sample
    quote.zones = dict(zones)


def _count_later(quote: Quote, later: Iterable[Later]) -> None:
    """Count who begins at a fallback, who may come to one, and what that would take."""
    counted = {key: dict(found) for key, found in quote.fallbacks.items()}
    reached = dict(quote.connections)
    for each in later:
        found = counted[str(each.fallback)]
        found["begin"] += each.is_beginning
        found["reach"] += not each.is_beginning
        quote.most_units += each.decision.price.units if not each.is_beginning else 0
        reached.setdefault(str(each.decision.order[0]), 0)
    quote.fallbacks, quote.connections = counted, reached
