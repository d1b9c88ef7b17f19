"""Two who do the same at the same moment: one of them waits, and nobody reads of a fault in the database."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from buying_scene import BUYER, STRIPE, set_up
from connectpulse_billing.buying import orders, payments, vouchers
from connectpulse_billing.buying.order_models import Attempt
from connectpulse_billing.buying.orders import Line
from connectpulse_billing.buying.payments import Site
from connectpulse_billing.invoicing import entities
from connectpulse_billing.invoicing.tables import Buyer
from connectpulse_billing.ledger import balances, checking
from connectpulse_billing.ledger.tables import Lot
from connectpulse_billing.subscriptions import alerts, lifecycle
from connectpulse_billing.subscriptions.tables import Alert, Subscription
from payment_peers import Peer, gateway
from sqlalchemy import func, select
from subscribing_scene import Scene, Wall

from connectpulse.core.api import Refused, Work
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.testing.factories import ADMINISTRATOR

pytestmark = pytest.mark.metered
DETAILS = {"address": "Karachi", "ntn": "", "strn": "", "email": ""}
THREADS = 8


def beside(house: House, organisation: int, *acts: Callable[[Work], Any]) -> Any:
    """Do the first act; begin the second while the first is not committed; return what the second returned or raised.

    The second has to wait for the first: it must see what that one made.
    """

    def second() -> Any:
        try:
            with house.work(BUYER, organisation) as work:
                return acts[1](work)
        except Exception as error:
            return error

    with ThreadPoolExecutor(1) as other:
        with house.work(BUYER, organisation) as work:
            acts[0](work)
            later = other.submit(second)
            assert wait([later], 0.4).not_done
        return later.result(30)


def at_once(act: Callable[[int], Any], count: int = THREADS) -> list[Any]:
    """Do something in so many threads at the same moment; return what each returned or raised."""
    together = Barrier(count, timeout=30)

    def go(number: int) -> Any:
        together.wait()
        try:
            return act(number)
        except Exception as error:
            return error

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(go, range(count)))


def count(house: House, organisation: int, model: type[Any]) -> int:
    with house.work(BUYER, organisation) as work:
        wanted = select(func.count()).select_from(model).where(model.organisation_id == organisation)
        return work.session.scalar(wanted) or 0


def test_of_two_first_savings_of_billing_details_the_last_holds(house: House, organisation: int) -> None:
    found = beside(
        house, organisation,
        lambda work: entities.save_buyer(work, DETAILS | {"name": "First Traders"}),
        lambda work: entities.save_buyer(work, DETAILS | {"name": "Second Traders"}).name,
    )  # fmt: skip
    assert found == "Second Traders"
    assert count(house, organisation, Buyer) == 1
    with house.work(BUYER, organisation) as work:
        assert entities.buyer(work, organisation).name == "Second Traders"  # type: ignore[union-attr]


def test_of_two_first_settings_of_an_alert_the_last_holds(house: House, organisation: int) -> None:
    found = beside(
        house, organisation,
        lambda work: alerts.save(work, {"is_on": True, "percent": 10}),
        lambda work: alerts.save(work, {"is_on": True, "percent": 30}).percent,
    )  # fmt: skip
    assert found == 30
    assert count(house, organisation, Alert) == 1


def test_a_trial_that_is_begun_twice_is_one_and_brings_its_units_once(house: House, organisation: int) -> None:
    plan_id = Scene(house, Wall(house.clock()), organisation).plan(trial_days=14, trial_units="70")
    found = beside(
        house, organisation,
        lambda work: lifecycle.subscribe(work, plan_id),
        lambda work: lifecycle.subscribe(work, plan_id),
    )  # fmt: skip
    assert isinstance(found, Refused)
    assert str(found) == "You have a subscription already. Change its plan instead."
    assert trials(house, organisation) == [Decimal(70)]


def test_a_trial_that_is_begun_eight_times_at_once_is_one(house: House, organisation: int) -> None:
    plan_id = Scene(house, Wall(house.clock()), organisation).plan(trial_days=14, trial_units="70")

    def subscribe(_: int) -> str:
        with house.work(BUYER, organisation) as work:
            return lifecycle.subscribe(work, plan_id).state

    found = at_once(subscribe)
    assert found.count("trial") == 1
    assert sum(isinstance(each, Refused) for each in found) == THREADS - 1, found
    assert trials(house, organisation) == [Decimal(70)]
    assert count(house, organisation, Subscription) == 1


def trials(house: House, organisation: int) -> list[Decimal]:
    """Return the units of each lot that a subscription brought; the books must agree."""
    with house.work(ADMINISTRATOR) as work:
        assert checking.faults(work) == []
    with house.work(BUYER, organisation) as work:
        wanted = select(Lot.units).where(Lot.organisation_id == organisation, Lot.source == "subscription")
        return list(work.session.scalars(wanted))


def test_the_last_use_of_a_voucher_goes_to_one_of_eight(house: House) -> None:
    values = {"name": "One", "units": "50", "most_uses": 1, "expires_on": None, "units_expire_days": None}
    with house.work(ADMINISTRATOR) as work:
        code = vouchers.make(work, values)[1]
    owners = [factories.organisation(house) for _ in range(THREADS)]
    before = units(house, owners)

    def redeem(number: int) -> Decimal:
        with house.work(BUYER, owners[number]) as work:
            return vouchers.redeem(work, code)

    found = at_once(redeem)
    assert found.count(Decimal(50)) == 1
    assert [str(each) for each in found if isinstance(each, Exception)] == [vouchers.WRONG] * (THREADS - 1)
    assert units(house, owners) == before + 50


def test_one_organisation_uses_a_voucher_once_whoever_clicks(house: House, organisation: int) -> None:
    values = {"name": "Many", "units": "50", "most_uses": 99, "expires_on": None, "units_expire_days": None}
    with house.work(ADMINISTRATOR) as work:
        code = vouchers.make(work, values)[1]
    before = units(house, [organisation])
    found = beside(
        house, organisation, lambda work: vouchers.redeem(work, code), lambda work: vouchers.redeem(work, code)
    )  # fmt: skip
    assert str(found) == "Your organisation has used this code already."
    assert units(house, [organisation]) == before + 50


def units(house: House, owners: list[int]) -> Decimal:
    """Return what organisations have together; the books must agree."""
    with house.work(ADMINISTRATOR) as work:
        assert checking.faults(work) == []
        return sum((balances.of(work, each).available for each in owners), Decimal(0))


def order(house: House, organisation: int, peer: Peer) -> int:
    """Place an order to be paid at the peer; return its id."""
    set_up(house, "stripe", {**STRIPE, "base_url": peer.address})
    line = Line(title="Thousand", price=Decimal("1000.00"), units=Decimal(1000))
    with house.work(BUYER, organisation) as work:
        return orders.place(work, lines=[line], currency="PKR", reference="r-1").id


def pay(house: House, organisation: int, order_id: int) -> int:
    return payments.pay(lambda: house.work(BUYER, organisation), order_id, "stripe", Site("https://x.example"))


def test_however_often_pay_is_clicked_the_gateway_is_asked_once(house: House, organisation: int) -> None:
    with gateway() as peer:
        order_id, peer.delay = order(house, organisation, peer), 0.5
        found = at_once(lambda _: pay(house, organisation, order_id))
        assert len(set(found)) == 1
        assert [path for path, _, _ in peer.asked] == ["/v1/checkout/sessions"]
    with house.work(BUYER, organisation) as work:
        attempt = work.session.scalars(select(Attempt)).one()
        assert (attempt.id, attempt.foreign_reference, attempt.asking_until) == (found[0], "cs_1", None)


def test_whoever_waits_for_a_gateway_that_does_not_answer_is_told(house: House, organisation: int) -> None:
    with gateway() as peer:
        order_id, peer.delay, peer.unwell = order(house, organisation, peer), 0.5, 1
        found = at_once(lambda _: pay(house, organisation, order_id), 3)
        assert len(peer.asked) == 1
        assert ["did not answer. Nothing was paid" in str(each) for each in found] == [True] * 3
        assert pay(house, organisation, order_id)  # and tries again at once


def test_a_payment_is_begun_again_in_the_same_words(house: House, organisation: int) -> None:
    with gateway() as peer:
        order_id, peer.unwell = order(house, organisation, peer), 1
        with pytest.raises(Refused, match="did not answer"):
            pay(house, organisation, order_id)
        later = replace(house, clock=lambda: house.clock() + timedelta(hours=1))
        assert pay(later, organisation, order_id)
        first, second = (sent for _, sent, _ in peer.asked)
        assert first == second


def test_a_click_after_a_killed_one_asks_again(house: House, organisation: int) -> None:
    with gateway() as peer:
        order_id = order(house, organisation, peer)
        with house.work(BUYER, organisation) as work:
            attempt = payments.start(work, order_id, "stripe")
            attempt.asking_until = work.clock() - timedelta(seconds=1)
        assert pay(house, organisation, order_id) == attempt.id
        assert len(peer.asked) == 1
