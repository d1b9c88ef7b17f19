"""Prices: whose card holds, which prefix wins, what a measure costs, and what has no price."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

import pytest
from connectpulse_billing.rates import cards, drafting, prices
from connectpulse_billing.rates.models import Rate, RateVersion
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError

from connectpulse.core.api import Measure, Purpose, Refused, Tariff, Unpriced, Work
from connectpulse.house import House
from connectpulse.testing import factories

ONE = Measure(1, 1)


def tariff(work: Work, **changes: str) -> Tariff:
    return Tariff(work.organisation_id, "sms", Purpose.TRANSACTIONAL, "Acme", **changes)


def card(work: Work, rates: str, name: str = "Standard") -> int:
    """Publish a card of lines like `+92 1.5 part` with kind and category after it; return its id."""
    made = cards.create(work, name)
    draft = cards.begin_draft(work, made.id)
    for line in rates.strip().splitlines():
        prefix, units, per, *rest = line.split()
        kind, category = ([each.replace("any", "") for each in rest] + ["", ""])[:2]
        drafting.write(work, draft.id, typed(prefix, units, per, kind, category))
    cards.publish(work, draft.id)
    work.session.flush()
    return made.id


def typed(prefix: str, units: str, per: str = "part", kind: str = "", category: str = "") -> Mapping[str, str]:
    return {
        "channel": "sms", "prefix": prefix, "units": units, "per": per, "sender_kind": kind, "category": category,
    }  # fmt: skip


def test_the_longest_prefix_wins(work: Work) -> None:
    card(work, "+92 1.5 part\n+92300 2 part\n+9230012 3.25 part")
    price = prices.pricer(work, tariff(work))
    assert price("+923001234567", ONE).units == Decimal("3.25")
    assert price("+923009999999", ONE).units == 2
    assert price("+923451234567", Measure(3, 3)).units == Decimal("4.5")


def test_a_destination_without_a_rate_is_refused_with_its_prefix(work: Work) -> None:
    card(work, "+92 1 part")
    price = prices.pricer(work, tariff(work))
    for address, prefix in (
        ("+14155550100", "+1"),
        ("+4915112345678", "+49"),
        ("+971501234567", "+971"),
        ("a@b.example.com", "b.example.com"),
    ):
        with pytest.raises(Unpriced) as caught:
            price(address, ONE)
        assert caught.value.prefix == prefix


def test_nothing_is_free_unless_it_is_written(work: Work) -> None:
    with pytest.raises(Unpriced):
        prices.pricer(work, tariff(work))("+923001234567", ONE)
    card(work, "+92 0 part")
    assert prices.pricer(work, tariff(work))("+923001234567", ONE).units == 0


@pytest.mark.parametrize(
    ("per", "quantity", "units"),
    [("part", 3, 3), ("message", 3, 1), ("minute", 60, 1), ("minute", 61, 2), ("six_seconds", 6, 1),
     ("six_seconds", 7, 2), ("minute", 0, 0)],
)  # fmt: skip
def test_each_measure_is_counted_its_own_way(work: Work, per: str, quantity: int, units: int) -> None:
    card(work, f"+92 1 {per}")
    assert prices.pricer(work, tariff(work))("+923001234567", Measure(1, quantity)).units == units


def test_the_rate_that_names_more_wins_among_equal_prefixes(work: Work) -> None:
    kind = work.registry.channel("sms").sender_kinds[0].name
    card(work, f"+92 1 part\n+92 2 part {kind}\n+92 3 part any promotional\n+92300 9 part")

    def cost(**changes: str) -> Decimal:
        return prices.pricer(work, tariff(work, **changes))("+923331234567", ONE).units

    assert cost() == 1
    assert cost(sender_kind=kind) == 2
    assert cost(sender_kind=kind, category="promotional") == 3
    price = prices.pricer(work, tariff(work, category="promotional"))
    assert price("+923001234567", ONE).units == 9, "a longer prefix goes before a category"


def test_domains_are_matched_from_the_whole_to_any(work: Work) -> None:
    layer = prices._Layer({name: (1, Decimal(units)) for name, units in (("b.org", 2), ("x.b.org", 3), ("", 1))}, ())
    price = prices._compile([layer])
    costs = [price(address, ONE).units for address in ("a@x.b.org", "a@y.b.org", "a@B.ORG", "a@c.org", "a@ab.org")]
    assert costs == [3, 2, 2, 1, 1]


def test_an_organisations_own_card_goes_before_its_plans_and_that_before_the_default(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    card(work, "+92 3 part\n+1 3 part\n+44 3 part")
    plan, own = card(work, "+92 2 part\n+1 2 part", "Plan"), card(work, "+92 1 part", "Own")
    monkeypatch.setattr(prices, "PLAN_OF", [lambda work, organisation_id: 7])
    cards.give_plan(work, 7, plan)
    cards.give(work, work.organisation_id, own)
    price = prices.pricer(work, tariff(work))
    assert [price(address, ONE).units for address in ("+923001234567", "+14155550100", "+442071234567")] == [1, 2, 3]
    cards.give(work, work.organisation_id, None)
    assert prices.pricer(work, tariff(work))("+923001234567", ONE).units == 2


def test_anothers_card_is_not_ones_own(house: House, work: Work) -> None:
    card(work, "+92 3 part")
    own = card(work, "+92 1 part", "Own")
    work.session.commit()
    with house.work(factories.ADMINISTRATOR, factories.organisation(house)) as other:
        cards.give(other, other.organisation_id, own)
        assert prices.pricer(other, tariff(other))("+923001234567", ONE).units == 1
    assert prices.pricer(work, tariff(work))("+923001234567", ONE).units == 3


def test_a_version_once_named_keeps_its_prices(work: Work) -> None:
    card_id = card(work, "+92 1 part")
    frozen = prices.price_version(work, tariff(work))
    draft = cards.begin_draft(work, card_id)
    rate = work.session.scalars(select(Rate).where(Rate.version_id == draft.id)).one()
    drafting.write(work, draft.id, typed("+92", "5"), rate.id)
    assert prices.price_version(work, tariff(work)) == frozen, "a draft holds for nobody"
    cards.publish(work, draft.id)
    assert prices.price_version(work, tariff(work)) != frozen
    assert prices.pricer(work, tariff(work))("+923001234567", ONE).units == 5
    assert prices.pricer(work, tariff(work, version=frozen))("+923001234567", ONE).units == 1


def test_prices_begin_and_end_at_their_times(house: House, work: Work) -> None:
    card_id = card(work, "+92 1 part")
    now = work.clock()
    draft = cards.begin_draft(work, card_id)
    cards.publish(work, draft.id, now + timedelta(days=1), now + timedelta(days=2))
    versions = [prices.price_version(work, tariff(work))]
    for hours in (23, 25, 49):
        moment = now + timedelta(hours=hours)
        work.clock = lambda moment=moment: moment  # type: ignore[misc]
        versions.append(prices.price_version(work, tariff(work)))
    assert versions[0] == versions[1] != versions[2]
    assert versions[2] == str(draft.id)
    assert versions[3] == prices.NONE


def test_overlapping_versions_are_refused(work: Work) -> None:
    card_id = card(work, "+92 1 part")
    later = work.clock() + timedelta(days=9)
    cards.publish(work, cards.begin_draft(work, card_id).id, later)
    draft = cards.begin_draft(work, card_id)
    with pytest.raises(Refused, match="Version 2 begins on"):
        cards.publish(work, draft.id)
    with pytest.raises(Refused, match="in the past"):
        cards.publish(work, draft.id, work.clock() - timedelta(hours=1))
    with pytest.raises(Refused, match="end before they begin"):
        cards.publish(work, draft.id, later + timedelta(days=1), later)
    statement = update(RateVersion).where(RateVersion.id == draft.id)
    with pytest.raises(DBAPIError, match="ex_billing_rate_version_apart"):
        work.session.execute(statement.values(published_at=work.clock(), valid_from=work.clock()))
    work.session.rollback()


def test_the_database_refuses_to_change_what_was_published(work: Work) -> None:
    card_id = card(work, "+92 1 part")
    version = cards.published(work, card_id)[0]
    work.session.commit()
    with pytest.raises(Refused, match="never changed"):
        drafting.write(work, version.id, typed("+93", "1"))
    draft = cards.begin_draft(work, card_id)
    work.session.commit()
    of_version = Rate.version_id == version.id
    for statement in (
        update(Rate).where(of_version).values(units=0),
        update(Rate).where(of_version).values(version_id=draft.id, prefix="+9"),
        delete(Rate).where(of_version),
        update(RateVersion).where(RateVersion.id == version.id).values(published_at=None),
        delete(RateVersion).where(RateVersion.id == version.id),
    ):
        with pytest.raises(DBAPIError, match=r"not changed|not deleted"):
            work.session.execute(statement)
        work.session.rollback()


def test_two_cards_are_never_the_default(work: Work) -> None:
    first, second = cards.create(work, "A"), cards.create(work, "B")
    assert (first.is_default, second.is_default) == (True, False)
    cards.make_default(work, second.id)
    work.session.refresh(first)
    assert (first.is_default, second.is_default) == (False, True)


NUMBERS = st.from_regex(r"\+[1-3]{2,8}", fullmatch=True)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.from_regex(r"(\+[1-3]{0,5})?", fullmatch=True), st.integers(0, 9)), st.lists(NUMBERS))
def test_compiled_prices_are_those_of_the_longest_beginning(rates: dict[str, int], addresses: list[str]) -> None:
    lengths = tuple(sorted({len(each) for each in rates}, reverse=True))
    price = prices._compile([prices._Layer({name: (1, Decimal(units)) for name, units in rates.items()}, lengths)])
    for address in [*addresses, *addresses]:
        fitting = [name for name in rates if address.startswith(name)]
        if fitting:
            assert price(address, ONE).units == rates[max(fitting, key=len)]
        else:
            with pytest.raises(Unpriced):
                price(address, ONE)
