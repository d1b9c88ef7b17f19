"""Two years of renewals, late and early payments, the ends of months, and what holds when nothing ran."""

import itertools
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from connectpulse_billing.buying import orders, reversals
from connectpulse_billing.buying.order_models import Order
from connectpulse_billing.ledger import checking
from connectpulse_billing.ledger.tables import Lot
from connectpulse_billing.subscriptions import lifecycle, renewing
from connectpulse_billing.subscriptions.tables import Charge
from sqlalchemy import select, text
from subscribing_scene import Scene, begin

from connectpulse.core.api import Refused
from connectpulse.core.services import allowances
from connectpulse.house import House

pytestmark = pytest.mark.metered


@pytest.fixture
def scene(house: House, organisation: int) -> Scene:
    return begin(house, organisation, 2027, 1, 31, 9, 30)


def granted(scene: Scene) -> list[Decimal]:
    with scene.everywhere() as work:
        found = select(Lot.units).where(Lot.organisation_id == scene.organisation, Lot.source == "subscription")
        return list(work.session.scalars(found.order_by(Lot.id)))


def begun(scene: Scene) -> list[tuple[datetime, datetime]]:
    with scene.here() as work:
        found = select(Charge).where(Charge.begun_at.is_not(None)).order_by(Charge.id)
        return [(each.starts_at, each.ends_at) for each in work.session.scalars(found)]


def notices_of(scene: Scene, kind: str) -> list[str]:
    with scene.everywhere() as work:
        found = text("SELECT title FROM pulse_notice WHERE kind = :kind ORDER BY id")
        return list(work.session.scalars(found, {"kind": kind}))


def test_periods_begin_on_the_last_day_of_shorter_months(scene: Scene) -> None:
    scene.subscribe(scene.plan())
    assert scene.of().state == "waiting"
    scene.pay()
    for day in (28, 31, 30, 31):  # of February to May
        ends = scene.of().period_end
        assert (ends.day, ends.hour, ends.minute) == (day, 9, 30)
        scene.wall.now = ends - timedelta(days=2)
        scene.run()
        scene.pay()
        scene.wall.now = ends + timedelta(minutes=5)
        scene.run()
    assert scene.of().period_end == datetime(2027, 6, 30, 9, 30, tzinfo=UTC)
    assert granted(scene) == [Decimal(500)] * 5


@pytest.mark.parametrize("seed", range(1))
def test_two_years_of_doubled_and_skipped_runs_and_late_payments(scene: Scene, seed: int) -> None:
    chance = random.Random(seed)
    scene.subscribe(scene.plan())
    scene.pay()
    first = scene.of()
    paid = Decimal(1000)
    while scene.wall.now < datetime(2029, 1, 31, 9, 30, tzinfo=UTC):
        scene.wall.now += timedelta(hours=chance.choice((13, 29, 55, 70)))
        for _ in range(chance.choice((0, 1, 1, 2))):
            renewing.go(scene.house.work)
        state, owed = scene.standing()
        assert state.state in ("active", "grace")
        assert len(owed) <= 1
        is_pressing = state.unpaid_since is not None and scene.wall.now > state.unpaid_since + timedelta(days=4)
        if owed and (is_pressing or chance.random() < 0.1):
            paid += scene.pay(owed[0])
    for owed_id in scene.unpaid():
        paid += scene.pay(owed_id)
    scene.wall.now = datetime(2029, 2, 1, tzinfo=UTC)
    scene.run()
    spans = begun(scene)
    assert spans[0][0] == first.period_start
    assert all(before[1] == after[0] for before, after in itertools.pairwise(spans))
    assert len(spans) == 25
    assert spans[-1] == (datetime(2029, 1, 31, 9, 30, tzinfo=UTC), datetime(2029, 2, 28, 9, 30, tzinfo=UTC))
    assert paid == Decimal(25_000)
    assert granted(scene) == [Decimal(500)] * 25
    with scene.everywhere() as work:
        assert checking.faults(work) == []
        assert all(each.state == "paid" for each in work.session.scalars(select(Order)))


def test_unpaid_it_is_reminded_of_then_suspended_then_paid(scene: Scene) -> None:
    scene.subscribe(scene.plan(channels=["sms"], users=3))
    scene.pay()
    before = scene.available()
    scene.at(2027, 2, 28, 9, 30)
    assert scene.of().state == "grace"
    assert scene.available() == before - 500, "what was included in the old period has expired"
    for _ in range(7):
        scene.passes(days=1)
        scene.run()
    assert notices_of(scene, "billing.unpaid") == ["Your subscription is unpaid"] * 3 + ["Sending is suspended"]
    order_id = scene.unpaid()[0]
    with scene.here() as work:
        assert allowances.objections(work, scene.organisation, "sms") == [
            f"SMS is not included. Your subscription is unpaid: pay order {order_id}."
        ]
    scene.passes(days=3)
    scene.pay(order_id)
    mine = scene.of()
    assert (mine.state, mine.period_start) == ("active", scene.wall.now), "no days are paid for that were blocked"
    assert mine.anchor_day == scene.wall.now.day
    with scene.here() as work:
        assert allowances.objections(work, scene.organisation, "sms") == []
        assert allowances.of(work, scene.organisation).users == 3
    assert scene.available() == before


def test_what_stays_unpaid_ends_and_late_money_is_told_of(scene: Scene) -> None:
    scene.subscribe(scene.plan())
    scene.pay()
    scene.at(2027, 2, 28, 10)
    scene.passes(days=8)
    order_id = scene.unpaid()[0]
    scene.passes(days=31)
    assert scene.of().state == "ended"
    assert scene.unpaid() == []
    scene.pay(order_id)
    assert scene.of().state == "ended"
    assert notices_of(scene, "billing.misfit") == [f"Order {order_id} was paid too late"] * 2, "both sides"
    assert granted(scene) == [Decimal(500)]
    scene.subscribe(scene.plan(name="Another"))
    assert scene.of().state == "waiting"


def test_nothing_is_asked_for_time_in_which_nothing_ran(scene: Scene) -> None:
    scene.subscribe(scene.plan())
    scene.pay()
    scene.at(2027, 6, 10, 12)
    assert scene.of().state == "grace"
    assert len(scene.unpaid()) == 1
    scene.pay()
    assert begun(scene)[1:] == [(datetime(2027, 5, 31, 9, 30, tzinfo=UTC), datetime(2027, 6, 30, 9, 30, tzinfo=UTC))]
    assert granted(scene) == [Decimal(500)] * 2


def test_a_period_that_was_paid_ahead_is_never_lost(scene: Scene) -> None:
    scene.subscribe(scene.plan())
    scene.pay()
    scene.at(2027, 2, 25)
    scene.pay()
    scene.at(2027, 7, 4)
    assert begun(scene)[1] == (datetime(2027, 7, 4, tzinfo=UTC), datetime(2027, 8, 4, tzinfo=UTC))


def test_a_trial_is_there_once_and_owes_nothing(scene: Scene) -> None:
    plan_id = scene.plan(trial_days=14, trial_units="50")
    before = scene.available()
    scene.subscribe(plan_id)
    assert scene.of().state == "trial"
    assert scene.available() == before + 50
    scene.passes(days=8)
    assert len(scene.unpaid()) == 1
    scene.passes(days=6)
    assert (scene.of().state, scene.available()) == ("grace", before)
    scene.passes(days=7)
    assert scene.of().state == "ended"
    assert scene.unpaid() == []
    scene.subscribe(plan_id)
    assert scene.of().state == "waiting"


def test_a_trial_that_is_paid_goes_on_from_its_end(scene: Scene) -> None:
    scene.subscribe(scene.plan(trial_days=14))
    scene.passes(days=8)
    scene.pay()
    assert scene.of().state == "trial"
    scene.passes(days=7)
    mine = scene.of()
    assert (mine.state, mine.period_start, mine.period_end) == (
        "active", datetime(2027, 2, 14, 9, 30, tzinfo=UTC), datetime(2027, 3, 14, 9, 30, tzinfo=UTC)
    )  # fmt: skip


def test_cancelled_it_lasts_until_its_end_and_may_be_resumed(scene: Scene) -> None:
    scene.subscribe(scene.plan())
    scene.pay()
    scene.at(2027, 2, 25)
    with scene.here() as work:
        lifecycle.cancel(work)
        lifecycle.cancel(work)
    assert scene.unpaid() == []
    with scene.here() as work:
        lifecycle.resume(work)
    assert len(scene.unpaid()) == 1
    with scene.here() as work:
        lifecycle.cancel(work)
    assert scene.of().state == "active"
    scene.at(2027, 2, 28, 9, 30)
    assert scene.of().state == "ended"
    assert scene.unpaid() == []


def test_an_order_that_was_given_up_is_placed_again_when_it_is_to_be_paid(scene: Scene) -> None:
    scene.subscribe(scene.plan())
    first = scene.unpaid()[0]
    with scene.here() as work:
        orders.cancel(work, first)
        second = lifecycle.order_to_pay(work)
        assert second != first
        assert lifecycle.order_to_pay(work) == second
    scene.pay(second)
    assert scene.of().state == "active"
    with scene.here() as work, pytest.raises(Refused, match="nothing to pay"):
        lifecycle.order_to_pay(work)


def test_what_is_free_renews_by_itself(scene: Scene) -> None:
    scene.subscribe(scene.plan(fee="0", units="10"))
    assert scene.of().state == "active"
    for _ in range(3):
        scene.wall.now = scene.of().period_end
        scene.run()
    assert granted(scene) == [Decimal(10)] * 4
    assert scene.orders() == []


def test_money_that_goes_back_takes_units_back_and_ends_it(scene: Scene) -> None:
    before = scene.available()
    scene.subscribe(scene.plan())
    order_id = scene.unpaid()[0]
    scene.pay(order_id)
    for reference, amount in (("a", "250"), ("b", "750")):
        with scene.everywhere() as work:
            reversals.mark_reversed(
                work, order_id, source="refund", reference=reference, amount=Decimal(amount), currency="PKR"
            )
        assert scene.available() == before + (375 if reference == "a" else 0)
        assert scene.of().state == ("active" if reference == "a" else "ended")
