"""Changes of plan, shares of periods, and what plans allow."""

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from connectpulse_billing.rates import cards, prices
from connectpulse_billing.subscriptions import lifecycle, limiting, periods, plans
from connectpulse_billing.subscriptions.tables import Plan
from hypothesis import given, settings
from hypothesis import strategies as st
from subscribing_scene import STARTER, Scene, begin

from connectpulse.core.api import NotFound, Refused
from connectpulse.core.services import allowances
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR as STAFF

pytestmark = pytest.mark.metered
_MONEY = st.decimals("0", "9999999.99", places=2)


@pytest.fixture
def scene(house: House, organisation: int) -> Scene:
    return begin(house, organisation, 2027, 4, 1)


def change(scene: Scene, plan_id: int) -> int | None:
    with scene.here() as work:
        charge = lifecycle.change(work, plan_id)
        return charge.order_id if charge is not None else None


@given(_MONEY, _MONEY, st.integers(0, 31_622_400), st.integers(1, 31_622_400))
@settings(max_examples=300, deadline=None)
def test_the_rest_of_a_period_costs_its_share_of_the_difference(
    before: Decimal, after: Decimal, left: int, whole: int
) -> None:
    left = min(left, whole)
    got = periods.prorated(before, after, left, whole)
    exact = Fraction(max(after - before, Decimal(0))) * left / whole
    assert abs(Fraction(got) - exact) <= Fraction(1, 200)
    assert Decimal(0) <= got <= max(after - before, Decimal(0))
    assert got == got.quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert periods.prorated(before, after, whole, whole) == max(after - before, Decimal(0))
    assert Fraction(periods.prorated_units(before, after, left, whole)) <= exact


@given(st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1)), st.integers(1, 40))  # noqa: DTZ001
@settings(max_examples=200, deadline=None)
def test_months_follow_each_other_and_keep_the_day(moment: datetime, count: int) -> None:
    stepped = moment
    for _ in range(count):
        following = periods.later(stepped, 1, moment.day)
        assert timedelta(days=28) <= following - stepped <= timedelta(days=31)
        stepped = following
    assert stepped == periods.later(moment, count, moment.day)


def test_a_dearer_plan_holds_once_the_difference_is_paid(scene: Scene) -> None:
    small, big = scene.plan(users=2), scene.plan(name="Big", fee="3000", units="1500", users=10)
    scene.subscribe(small)
    scene.pay()
    before = scene.available()
    scene.at(2027, 4, 21)  # ten of thirty days are left
    order_id = change(scene, big)
    assert scene.of().plan_id == small
    assert scene.pay(order_id) == Decimal("666.67")
    assert scene.of().plan_id == big
    assert scene.of().period_end == datetime(2027, 5, 1, tzinfo=UTC)
    assert scene.available() == before + Decimal("333.3333")
    scene.at(2027, 4, 25)
    assert scene.pay() == Decimal(3000)


def test_an_order_for_the_old_plan_is_withdrawn_by_an_upgrade(scene: Scene) -> None:
    small, big = scene.plan(), scene.plan(name="Big", fee="3000")
    scene.subscribe(small)
    scene.pay()
    scene.at(2027, 4, 26)
    assert len(scene.unpaid()) == 1
    scene.pay(change(scene, big))
    assert scene.unpaid() == []
    scene.run()
    assert scene.pay() == Decimal(3000)
    scene.at(2027, 5, 1)
    assert (scene.of().plan_id, scene.of().state) == (big, "active")


def test_an_upgrade_nobody_pays_changes_nothing(scene: Scene) -> None:
    small, big = scene.plan(), scene.plan(name="Big", fee="3000")
    scene.subscribe(small)
    scene.pay()
    order_id = change(scene, big)
    assert order_id != change(scene, big)
    assert len(scene.unpaid()) == 1
    scene.at(2027, 4, 25)
    renewal = max(scene.unpaid())
    scene.pay(renewal)
    assert scene.unpaid() == []
    with scene.here() as work, pytest.raises(Refused, match="The next period is paid on Starter"):
        lifecycle.change(work, big)
    scene.at(2027, 5, 1)
    assert scene.of().plan_id == small


def test_a_cheaper_plan_or_a_yearly_one_holds_from_the_next_period(scene: Scene) -> None:
    big, small = scene.plan(fee="3000"), scene.plan(name="Small", fee="500", units="100")
    yearly = scene.plan(name="Yearly", fee="9000", months="12")
    scene.subscribe(big)
    scene.pay()
    scene.at(2027, 4, 25)
    for wanted in (yearly, small):
        assert change(scene, wanted) is None
        assert (scene.of().plan_id, scene.of().next_plan_id) == (big, wanted)
    scene.run()
    assert scene.pay() == Decimal(500)
    scene.at(2027, 5, 1)
    assert (scene.of().plan_id, scene.of().next_plan_id) == (small, None)
    assert change(scene, yearly) is None
    scene.at(2027, 5, 25)
    scene.pay()
    scene.at(2027, 6, 1)
    assert scene.of().period_end == datetime(2028, 6, 1, tzinfo=UTC)


def test_a_suspended_one_may_go_on_with_a_cheaper_plan(scene: Scene) -> None:
    big, small = scene.plan(fee="3000"), scene.plan(name="Small", fee="500")
    scene.subscribe(big)
    scene.pay()
    scene.at(2027, 5, 1)
    scene.passes(days=8)
    assert scene.of().state == "suspended"
    order_id = change(scene, small)
    assert scene.unpaid() == [order_id]
    assert scene.pay(order_id) == Decimal(500)
    assert (scene.of().plan_id, scene.of().state) == (small, "active")


def test_plans_limit_those_who_are_on_them(scene: Scene) -> None:
    with scene.here() as work:
        assert allowances.of(work, scene.organisation).channels is None
    scene.subscribe(scene.plan(channels=["sms"], users=4, api_per_minute=90, fee="0"))
    with scene.here() as work:
        found = limiting.allowed(work, scene.organisation)
    assert (found.channels, found.users, found.api_per_minute) == (frozenset({"sms"}), 4, 90)
    assert found.because == "Your plan is Starter."


def test_a_plan_brings_its_prices(scene: Scene) -> None:
    with scene.house.work(STAFF) as work:
        cards.create(work, "Everybody")
        card_id = cards.create(work, "Wholesale").id
    plan_id = scene.plan(fee="0", card_id=card_id)
    scene.subscribe(plan_id)
    with scene.here() as work:
        assert [ask(work, scene.organisation) for ask in prices.PLAN_OF] == [plan_id]
    with scene.house.work(STAFF) as work:
        assert plans.card_of(work, plan_id) == card_id


def test_a_plan_somebody_is_on_keeps_its_figures(scene: Scene) -> None:
    plan_id = scene.plan()
    with scene.house.work(STAFF) as work:
        row = work.session.get_one(Plan, plan_id)
        plans.save(work, row, STARTER | {"fee": "1200"})
    scene.subscribe(plan_id)
    with scene.house.work(STAFF) as work:
        row = work.session.get_one(Plan, plan_id)
        for more in ({"fee": "1"}, {"users": 1}, {"units": "1"}, {"channels": ["sms"]}):
            with pytest.raises(Refused, match="stay"):
                plans.save(work, row, STARTER | {"fee": "1200"} | more)
        plans.save(work, row, STARTER | {"fee": "1200", "name": "Begin", "is_offered": False})
        with pytest.raises(Refused, match="is kept"):
            plans.remove(work, row)
    with scene.here() as work, pytest.raises(NotFound):
        plans.pick(work, plan_id)


@pytest.mark.parametrize(
    "wrong", [{"fee": "-1"}, {"fee": "1.001"}, {"fee": "x"}, {"currency": "JPY"}, {"months": "3"}, {"name": " "},
              {"users": 0}, {"channels": ["fax"]}, {"trial_days": 400}, {"units": "NaN"}],
)  # fmt: skip
def test_wrong_figures_are_refused(scene: Scene, wrong: dict[str, object]) -> None:
    with pytest.raises(Refused):
        scene.plan(**wrong)
