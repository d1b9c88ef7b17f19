"""What launching a campaign would mean: counted over the whole audience by the same decisions as sending."""

from collections import Counter as Tally
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import select

from ..domain.contracts import Measure, Pricer, Unpriced
from ..errors import Refused
from ..storage.models import Campaign, Quote
from . import audience, audit, jobs, plans, records
from .audience import Decision
from .work import Work

PAGE = 5_000
GOOD_FOR = timedelta(hours=24)
_SAMPLES = 3
_PROBES = 200
"""Prices remembered with a quote: by place and measure, so that a change of any is noticed."""


def request(work: Work, campaign_id: int) -> Quote:
    """Begin counting, or return the quote that is being counted or still holds."""
    campaign = records.find(work, Campaign, campaign_id)
    if not campaign.state.startswith(("draft", "missed", "awaiting")):
        raise Refused("This campaign has been launched already.")
    plans.build(work, campaign)
    standing = latest(work, campaign_id)
    fingerprint = plans.fingerprint(campaign)
    if standing is not None and (
        (standing.state == "counting" and standing.fingerprint == fingerprint) or holds(work, standing, campaign)
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
    price = work.registry.ledger.pricer(work, tariff)
    return all(_asked(price, place, parts, quantity) == units for place, parts, quantity, units in quote.probes)


def least_price(quote: Quote) -> Decimal:
    """Return the units that the cheapest message of a counted campaign takes, 0 if it has none."""
    return min((Decimal(units) for *_, units in quote.probes if units is not None), default=Decimal(0))


def shortfall(work: Work, quote: Quote) -> Decimal:
    """Return by how many units the balance falls short of a counted campaign, 0 where it covers it."""
    balance = work.registry.ledger.balance(work, quote.organisation_id)
    return Decimal(0) if balance is None else max(quote.units - balance, Decimal(0))


def _asked(price: Pricer, place: str, parts: int, quantity: int) -> str | None:
    try:
        return f"{price(place, Measure(parts, quantity)).normalize():f}"
    except Unpriced:
        return None


def _place(address: str) -> str:
    """Return what a price may depend on of an address, without the person: its first digits, or its domain."""
    if "@" in address:
        return f"x@{address.rpartition('@')[2]}"
    return address[:7] + "0" * max(0, len(address) - 7)


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
    _count(quote, audience.decide(plan, rows), plan.price)
    return True


def give_up(work: Work, quote_id: int, reason: str) -> None:
    """Say why a quote cannot be made."""
    quote = records.find(work, Quote, quote_id, lock=True)
    quote.state, quote.reason, quote.finished_at = "failed", reason, work.clock()


def _count(quote: Quote, decisions: Iterable[Decision], price: Pricer) -> None:
    probes = {(place, parts, quantity) for place, parts, quantity, _ in quote.probes}
    zones = Tally(quote.zones)
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
        if decision.zone is not None:
            zones[decision.zone] += 1
        if len(probes) < _PROBES:
            probes.add((_place(decision.address), *decision.rendered.measure))
        if len(sample) < _SAMPLES:
            sample.append(decision.rendered.body)
    quote.audience += total
    quote.recipients += recipients
    quote.parts += parts
    quote.units += units
    quote.skipped, quote.missing, quote.unpriced = dict(skipped), dict(missing), dict(unpriced)
    quote.connections = {str(key): value for key, value in parts_by.items()}
    quote.sample = sample
    known = len(quote.probes)
    fresh = probes - {(place, count, quantity) for place, count, quantity, _ in quote.probes}
    quote.probes = [*quote.probes, *([*probe, _asked(price, *probe)] for probe in sorted(fresh))][: max(_PROBES, known)]
    quote.zones = dict(zones)
