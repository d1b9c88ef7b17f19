"""From an address to a price: the card that holds, compiled once into dictionaries, longest prefix first.

An organisation's own card goes first, then its plan's, then the default. Within a card the longest prefix
wins; among equal prefixes the rate that names the category, then the one that names the kind of sender.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, literal, or_, select, union_all

from connectpulse.core.api import Measure, Price, Pricer, Tariff, Unpriced, Work

from .measures import STEPS, times
from .models import PlanRates, Rate, RateCard, RateHolding, RateVersion

NONE = "none"
"""The price version of an organisation for which no card holds: everything is refused."""
_REMEMBERED = 50_000
_COMPILED = 64
_CODES_OF_ONE = frozenset("17")
_CODES_OF_TWO = frozenset(map(str, (
    20, 27, *range(30, 35), 36, 39, 40, 41, *range(43, 50), *range(51, 59), *range(60, 67), 81, 82, 84, 86,
    *range(90, 96), 98,
)))  # fmt: skip
"""Country codes of one and of two digits; all others have three."""

PlanOf = Callable[[Work, int], int | None]
PLAN_OF: list[PlanOf] = []
"""Who knows which plan an organisation is on: asked in order until one returns an id."""

_Found = tuple[int, Decimal]
_compiled: WeakKeyDictionary[object, dict[tuple[str, str, str, str], Pricer]] = WeakKeyDictionary()
"""Per database: versions never change, so neither does what was made of them."""


@dataclass(frozen=True, slots=True)
class _Layer:
    """The rates of one version by prefix or domain, and the lengths of the prefixes, the longest first."""

    rates: dict[str, _Found]
    lengths: tuple[int, ...]


def price_version(work: Work, tariff: Tariff) -> str:
    """Return the name of the prices that hold for `tariff` now: the ids of their versions, the first asked first."""
    versions = _versions_now(work, tariff.organisation_id)
    return "-".join(map(str, versions)) or NONE


def pricer(work: Work, tariff: Tariff) -> Pricer:
    """Return the prices of `tariff.version`, or of now where it is empty.

    The prices raise `Unpriced` with the prefix a card would need a rate for. They read nothing: what they need
    was read and compiled here, once for each version, channel, kind of sender and category.
    """
    version = tariff.version or price_version(work, tariff)
    key = (version, tariff.channel, tariff.sender_kind, category_of(tariff))
    known = _compiled.setdefault(work.session.get_bind(), {})
    if key not in known:
        if len(known) >= _COMPILED:
            known.clear()
        known[key] = _compile([_layer(work, each, *key[1:]) for each in _ids(version)])
    return known[key]


def category_of(tariff: Tariff) -> str:
    """Return what a rate's category is compared with: the provider's, or the purpose where a channel has none."""
    return tariff.category or tariff.purpose.value


def find(work: Work, tariff: Tariff, address: str) -> tuple[Rate, RateVersion] | None:
    """Return the rate that prices `address`, for the page that explains a price; None where none does.

    Reads at most one rate for each prefix the address begins with and each version.
    """
    prefixes = _domains(address) if "@" in address else [address[:end] for end in range(len(address), -1, -1)]
    for version_id in _ids(tariff.version or price_version(work, tariff)):
        statement = select(Rate).where(_matching(version_id, tariff.channel, tariff.sender_kind, category_of(tariff)))
        rows = work.session.scalars(statement.where(Rate.prefix.in_(prefixes))).all()
        if rows:
            version = work.session.get(RateVersion, version_id)
            assert version is not None
            return max(rows, key=lambda row: (len(row.prefix), row.category != "", row.sender_kind != "")), version
    return None


def _ids(version: str) -> list[int]:
    return [] if version == NONE else [int(each) for each in version.split("-")]


def _versions_now(work: Work, organisation_id: int) -> Sequence[int]:
    plan = next((found for ask in PLAN_OF if (found := ask(work, organisation_id)) is not None), None)
    own = select(RateHolding.card_id, literal(0).label("rank")).where(RateHolding.organisation_id == organisation_id)
    default = select(RateCard.id, literal(2).label("rank")).where(RateCard.is_default)
    choices = [own, default]
    if plan is not None:
        choices.append(select(PlanRates.card_id, literal(1).label("rank")).where(PlanRates.plan_id == plan))
    cards = union_all(*choices).subquery()
    now = work.clock()
    statement = (
        select(RateVersion.id, cards.c.rank)
        .join(cards, cards.c.card_id == RateVersion.card_id)
        .where(
            RateVersion.published_at.is_not(None),
            RateVersion.valid_from <= now,
            or_(RateVersion.valid_to.is_(None), RateVersion.valid_to > now),
        )
        .order_by(cards.c.rank)
    )
    return list(dict.fromkeys(row.id for row in work.session.execute(statement)))


def _matching(version_id: int, channel: str, sender_kind: str, category: str) -> ColumnElement[bool]:
    return (
        (Rate.version_id == version_id)
        & (Rate.channel == channel)
        & Rate.sender_kind.in_(("", sender_kind))
        & Rate.category.in_(("", category))
    )


def _layer(work: Work, version_id: int, channel: str, sender_kind: str, category: str) -> _Layer:
    rows = work.session.execute(
        select(Rate.prefix, Rate.per, Rate.units)
        .where(_matching(version_id, channel, sender_kind, category))
        .order_by(Rate.category, Rate.sender_kind)  # the empty ones first: what names more replaces them
    )
    rates = {prefix: (STEPS[per], units) for prefix, per, units in rows}
    return _Layer(rates, tuple(sorted({len(prefix) for prefix in rates}, reverse=True)))


def _compile(layers: Sequence[_Layer]) -> Pricer:
    """Return the prices of these layers. A place and measure once priced is a single look-up."""
    longest = max((layer.lengths[0] for layer in layers if layer.lengths), default=0)
    known: dict[tuple[str, Measure], Price] = {}

    def price(address: str, measure: Measure) -> Price:
        place = address.rpartition("@")[2] if "@" in address else address[:longest]
        found = known.get((place, measure))
        if found is None:
            step, rate = _rate(layers, address, place)
            found = Price(rate * times(measure.quantity, step), step)
            if len(known) >= _REMEMBERED:
                known.clear()
            known[place, measure] = found
        return found

    return price


def _rate(layers: Sequence[_Layer], address: str, place: str) -> _Found:
    for layer in layers:
        if "@" in address:
            names = _domains(address)
        else:
            names = [place[:length] for length in layer.lengths if length <= len(place)]
        for name in names:
            if (found := layer.rates.get(name)) is not None:
                return found
    raise Unpriced(missing_prefix(address))


def _domains(address: str) -> list[str]:
    """Return the domain of an e-mail address, those above it, and the empty one that stands for any."""
    domain = address.rpartition("@")[2].lower()
    labels = domain.split(".")
    return [*(".".join(labels[start:]) for start in range(len(labels))), ""]


def missing_prefix(address: str) -> str:
    """Return what a card would need a rate for: the country code of a number, the domain of an e-mail address."""
    if "@" in address:
        return address.rpartition("@")[2].lower()
    digits = address.removeprefix("+")
    if digits == address:
        return address[:3]
    length = 1 if digits[:1] in _CODES_OF_ONE else 2 if digits[:2] in _CODES_OF_TWO else 3
    return "+" + digits[:length]
