"""Prices of messages that their provider billed as another category than they were reserved as.

Rare, and then whole campaigns at once: one query for the addresses, one for each leg's tariff, one update.
Prices are those the campaign was launched at; where they have none for the category, what was reserved stands.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from psycopg.rows import tuple_row
from sqlalchemy import select

from ..domain.contracts import Measure, Pricer, Purpose, Tariff, Unpriced
from ..domain.pricing import Price
from ..storage import arrays
from ..storage.models import Campaign
from ..storage.session import raw
from . import plans, senders
from .receipt_known import Known
from .work import Work


class _Leg(NamedTuple):
    """What messages have in common whose tariff is the same; `sender` tells apart those of no campaign."""

    organisation_id: int
    campaign_id: int | None
    fallback: int
    channel: str
    category: str
    sender: str


def apply(work: Work, messages: Iterable[Known], causes: str) -> bool:
    """Give messages the price of what their receipts say they are billed as; return False where somebody changed one.

    `causes` are the reasons that are a `Cause`, in SQL.
    """
    turned = [message for message in messages if message.other_category]
    if not turned:
        return True
    found = _read(work, turned)
    legs = {message.id: _leg(message, found[message.id].sender) for message in turned if message.id in found}
    pricers = _pricers(work, set(legs.values()))
    for message in turned:
        if message.id in legs:
            row = found[message.id]
            message.price = _price(pricers[legs[message.id]], row.address, Measure(row.parts, message.quantity))
    return _write(work, turned, causes)


class _Row(NamedTuple):
    address: str
    sender: str
    parts: int


_READ = """
SELECT id, address, sender, parts FROM pulse_message
WHERE id = ANY(%(ids)s::bigint[]) AND id BETWEEN %(low)s AND %(high)s
"""


def _read(work: Work, messages: Sequence[Known]) -> dict[int, _Row]:
    wanted = arrays.span([message.id for message in messages])
    with raw(work.session).cursor(row_factory=tuple_row, binary=True) as rows:
        return {id: _Row(*rest) for id, *rest in rows.execute(_READ, wanted).fetchall()}


def _leg(message: Known, sender: str) -> _Leg:
    return _Leg(
        message.organisation_id, message.campaign_id, message.fallback, message.channel, message.other_category,
        sender if message.campaign_id is None else "",
    )  # fmt: skip


def _pricers(work: Work, legs: set[_Leg]) -> dict[_Leg, Pricer]:
    wanted = {leg.campaign_id for leg in legs if leg.campaign_id is not None}
    rows = work.session.scalars(select(Campaign).where(Campaign.id.in_(wanted))).unique()
    campaigns = {each.id: each for each in rows}
    return {leg: work.registry.ledger.pricer(work, _tariff(work, leg, campaigns)) for leg in legs}


def _tariff(work: Work, leg: _Leg, campaigns: Mapping[int, Campaign]) -> Tariff:
    """Return the tariff of what was billed; messages of no campaign cost what they cost now, whatever they were for."""
    campaign = campaigns.get(leg.campaign_id or 0)
    if campaign is None:
        kind = senders.kind_held(work, leg.organisation_id, leg.channel, leg.sender)
        return Tariff(leg.organisation_id, leg.channel, Purpose.TRANSACTIONAL, leg.sender, leg.category, kind)
    sent = plans.legs(campaign)[leg.fallback]
    sender, kind = (sent.sender.value, sent.sender.kind) if sent.sender is not None else ("", "")
    return Tariff(
        leg.organisation_id, leg.channel, Purpose(campaign.purpose), sender, leg.category, kind, sent.price_version
    )


def _price(price: Pricer, address: str, measure: Measure) -> Price | None:
    try:
        return price(address, measure)
    except Unpriced:
        return None


_WRITE = """
UPDATE pulse_message m SET category = n.category, units = n.units, step = n.step
FROM unnest(%(ids)s::bigint[], %(olds)s::text[], %(categories)s::text[], %(units)s::numeric[], %(steps)s::int[],
            %(states)s::smallint[], %(billed)s::int[], %(causes)s::text[])
     AS n (id, old, category, units, step, state, billed, cause)
WHERE m.id = n.id AND m.id BETWEEN %(low)s AND %(high)s AND m.category = n.old
  AND m.state = n.state AND m.billed IS NOT DISTINCT FROM n.billed
  AND CASE WHEN m.reason = ANY({}) THEN m.reason ELSE '' END = n.cause
"""


def _write(work: Work, messages: Sequence[Known], causes: str) -> bool:
    prices = [message.costs for message in messages]
    facts = arrays.span([message.id for message in messages]) | {
        "olds": arrays.texts([message.category for message in messages]),
        "categories": arrays.texts([message.other_category for message in messages]),
        "units": "{" + ",".join(str(price.units) for price in prices) + "}",
        "steps": arrays.ints(price.step for price in prices),
        "states": arrays.ints(message.before for message in messages),
        "billed": arrays.optional_ints(message.billed for message in messages),
        "causes": arrays.texts([message.cause.value for message in messages]),
    }
    with raw(work.session).cursor() as cursor:
        cursor.execute(_WRITE.format(causes), facts)
        return cursor.rowcount == len(messages)
