"""Orders, taxes, vouchers and transfers: exact sums, one order per click, limits that hold under races."""

from datetime import date, timedelta
from decimal import Decimal
from threading import Barrier, Thread
from typing import Any

import pytest
from buying_scene import BUYER, deliver, gained, ordered, paid, set_up, state
from connectpulse_billing.buying import (
    money,
    orders,
    packages,
    payments,
    rounds,
    settled,
    states,
    taxes,
    transfers,
    vouchers,
)
from connectpulse_billing.buying.gateways.base import Step
from connectpulse_billing.buying.money import Rate
from connectpulse_billing.buying.order_models import Order, Proof
from connectpulse_billing.buying.orders import Line
from connectpulse_billing.buying.states import OrderState
from connectpulse_billing.ledger import balances
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import LargeBinary, func, select, text, type_coerce

from connectpulse.core.api import Actor, NotFound, Refused, platform_scope
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.testing.factories import ADMINISTRATOR

LINE = Line(title="Thousand", price=Decimal("99.99"), quantity=3, units=Decimal("333.3333"))
BANK = {"bank": "HBL", "account_title": "Pulse", "account_number": "PK1", "more": ""}


def gst(house: House, percent: str, first: date, entity: int | None = None) -> None:
    with house.work(ADMINISTRATOR) as work:
        values = {"name": "GST", "percent": percent, "valid_from": first, "valid_until": None, "currency": "PKR"}
        taxes.save(work, None, values | {"legal_entity_id": entity})


def test_taxes_are_those_of_the_day_and_of_the_entity(house: House) -> None:
    gst(house, "17", date(2020, 1, 1))
    gst(house, "18", date(2023, 2, 14))
    gst(house, "15", date(2024, 1, 1), entity=5)
    with house.work(ADMINISTRATOR) as work:

        def rate(entity: int | None, day: date, currency: str = "PKR") -> list[Decimal]:
            return [each.percent for each in taxes.rates(work, entity, currency, day)]

        assert rate(None, date(2019, 12, 31)) == []
        assert rate(None, date(2023, 2, 13)) == [17]
        assert rate(None, date(2023, 2, 14)) == [18]
        assert rate(5, date(2025, 1, 1)) == [15]
        assert rate(6, date(2025, 1, 1)) == [18]
        assert rate(None, date(2025, 1, 1), "USD") == []


def test_an_order_adds_up_and_keeps_its_taxes(house: House, organisation: int) -> None:
    gst(house, "17.5", date(2020, 1, 1))
    with house.work(BUYER, organisation) as work:
        order = orders.place(work, lines=[LINE, LINE], currency="pkr", reference="a")
        assert (order.net, order.tax, order.total) == (Decimal("599.94"), Decimal("104.98"), Decimal("704.92"))
        assert [tax.amount for line in order.lines for tax in line.taxes] == [Decimal("52.49")] * 2
        assert order.lines[0].units == Decimal("999.9999")
    gst(house, "25", date(2020, 1, 2))
    with house.work(BUYER, organisation) as work:
        assert orders.place(work, lines=[LINE, LINE], currency="PKR", reference="a").total == Decimal("704.92")


@given(
    st.decimals("0.01", "9999999", places=2),
    st.lists(st.decimals("0", "100", places=4), max_size=3),
)
def test_taxes_are_never_off_by_more_than_half_a_hundredth(net: Decimal, percents: list[Decimal]) -> None:
    for each in money.levy(net, [Rate("T", percent) for percent in percents]):
        assert each.amount == each.amount.quantize(money.CENT)
        assert abs(each.amount - net * each.percent / 100) <= Decimal("0.005")


@given(st.decimals("0", "99999", places=4), st.lists(st.integers(1, 99), min_size=1, max_size=8))
def test_shares_of_what_goes_back_add_up_to_the_whole(units: Decimal, parts: list[int]) -> None:
    total, back, taken = Decimal(sum(parts)), Decimal(0), Decimal(0)
    for part in parts:
        taken += money.share(units, back + part, total) - money.share(units, back, total)
        back += part
    assert taken == units


def test_what_cannot_be_sold_is_refused(house: House, organisation: int) -> None:
    bad: list[dict[str, Any]] = [{"price": Decimal("-1")}, {"price": Decimal("1.001")}, {"quantity": 0},
                                 {"price": Decimal("1e11")}]  # fmt: skip
    with house.work(BUYER, organisation) as work:
        for each in bad:
            with pytest.raises(Refused):
                orders.place(work, lines=[Line(**{"title": "x", "price": Decimal(1), **each})], currency="PKR",
                             reference="x")  # fmt: skip
        for currency in ("JPY", "KWD", "", "RUPEES"):
            with pytest.raises(Refused, match="currency"):
                orders.place(work, lines=[LINE], currency=currency, reference="x")
        with pytest.raises(Refused):
            orders.place(work, lines=[], currency="PKR", reference="x")
        assert work.session.scalar(select(func.count()).select_from(Order)) == 0
    for typed in ("1.005", "x", "NaN", "Infinity", "-1", "1e12", None):
        with pytest.raises(Refused):
            money.number(typed, "Price", places=2, low=Decimal(0), high=money.MOST)


def at_once(count: int, act: Any) -> list[Any]:
    """Do something in `count` threads at the same moment; return what each returned or raised."""
    together, found = Barrier(count), []

    def go(number: int) -> None:
        try:
            together.wait(20)
            found.append(act(number))
        except Exception as error:
            found.append(error)

    threads = [Thread(target=go, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return found


def test_a_page_sent_eight_times_at_once_is_one_order(house: House, organisation: int) -> None:
    def place(number: int) -> int:
        with house.work(BUYER, organisation) as work:
            return orders.place(work, lines=[LINE], currency="PKR", reference="a").id

    assert len(set(at_once(8, place))) == 1


def voucher(house: House, **changed: Any) -> str:
    values = {"name": "Spring", "units": "50", "most_uses": 3, "expires_on": None, "units_expire_days": None}
    with house.work(ADMINISTRATOR) as work:
        return vouchers.make(work, values | changed)[1]


@pytest.mark.metered
def test_a_voucher_is_used_so_many_times_and_once_by_each(house: House) -> None:
    code = voucher(house)
    mine = [factories.organisation(house) for _ in range(5)]

    def redeem(number: int) -> Decimal:
        with house.work(BUYER, mine[number % 5]) as work:
            return vouchers.redeem(work, code.lower().replace("-", " "))

    found = at_once(15, redeem)
    assert [each for each in found if not isinstance(each, Exception)] == [Decimal(50)] * 3
    assert all(isinstance(each, Refused | Decimal) for each in found), found
    with house.work(ADMINISTRATOR) as work:
        assert work.session.scalar(text("SELECT uses FROM billing_voucher")) == 3
        assert work.session.scalar(text("SELECT count(*) FROM billing_redemption")) == 3
        assert code.replace("-", "") not in str(work.session.execute(text("SELECT * FROM billing_voucher")).all())


@pytest.mark.metered
def test_a_voucher_that_is_wrong_over_or_closed_grants_nothing(house: House, organisation: int) -> None:
    code = voucher(house)
    with house.work(ADMINISTRATOR) as work:
        work.session.execute(text("UPDATE billing_voucher SET expires_at = now() - interval '1 second'"))
    closed = voucher(house)
    with house.work(ADMINISTRATOR) as work:
        work.session.execute(
            text("UPDATE billing_voucher SET is_open = false WHERE id = (SELECT max(id) FROM billing_voucher)")
        )
    with house.work(ADMINISTRATOR) as work:
        before = balances.of(work, organisation).available
    for typed in (code, closed, "ABCD-EFGH-JKMN-PQRS", "", "' OR 1=1", "x" * 5000):
        with house.work(BUYER, organisation) as work, pytest.raises(Refused, match="not valid"):
            vouchers.redeem(work, typed)
    with house.work(ADMINISTRATOR) as work:
        assert balances.of(work, organisation).available == before


@pytest.mark.metered
def test_whoever_is_told_of_a_payment_is_told_in_its_transaction(
    house: House, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(house)
    told: list[int] = []
    monkeypatch.setattr(settled, "PAID", (lambda work, order: told.append(order.id),))
    begun = ordered(house, organisation)
    deliver(house, paid(begun))
    deliver(house, paid(begun, id="evt_2"))
    assert told == [begun.order_id]

    def refuse(work: Any, order: Order) -> None:
        raise Refused("No invoice can be issued.")

    monkeypatch.setattr(settled, "PAID", (refuse,))
    second = ordered(house, organisation, reference="r-2")
    deliver(house, paid(second, id="evt_3", payment="pi_2"))
    assert gained(house, organisation, second) == 0  # all of it, or nothing
    assert state(house, second) == ("awaiting", "open")
    monkeypatch.setattr(settled, "PAID", ())
    with house.work(ADMINISTRATOR) as work:
        work.session.execute(text("UPDATE billing_payment_event SET due_at = now()"))
    rounds.go(house.work)
    assert gained(house, organisation, second) == second.units


@pytest.mark.metered
def test_orders_end_and_money_that_comes_late_counts(house: House, organisation: int) -> None:
    set_up(house)
    begun = ordered(house, organisation)
    with house.work(ADMINISTRATOR) as work, platform_scope(work.session, "end orders in a test"):
        assert orders.expire(work) == 0
        work.session.execute(text("UPDATE billing_order SET expires_at = now() - interval '1 second'"))
        assert orders.expire(work) == 1
        assert orders.expire(work) == 0
    assert state(house, begun)[0] == "expired"
    deliver(house, paid(begun))
    assert state(house, begun) == ("paid", "paid")
    assert gained(house, organisation, begun) == begun.units


@pytest.mark.metered
def test_orders_that_were_given_up_are_forgotten_those_with_money_are_not(house: House, organisation: int) -> None:
    set_up(house)
    begun, odd = ordered(house, organisation), ordered(house, organisation, reference="r-2")
    deliver(house, paid(odd, amount=1))
    with house.work(BUYER, organisation) as work:
        orders.cancel(work, begun.order_id)
        orders.cancel(work, odd.order_id)
        with pytest.raises(Refused):
            orders.cancel(work, begun.order_id)
    with house.work(ADMINISTRATOR) as work:
        assert orders.forget_abandoned(work) == 0
        work.session.execute(text("UPDATE billing_order SET ended_at = now() - interval '91 days'"))
        assert orders.forget_abandoned(work) == 1
    assert state(house, odd) == ("cancelled", "differs")


def test_every_state_leads_somewhere_that_exists_and_nothing_leads_back_to_unpaid() -> None:
    assert set(states.STEPS) == set(OrderState)
    for before, after in states.STEPS.items():
        assert not (before in states.SETTLED and after & states.OPEN)


@pytest.mark.metered
def test_a_transfer_is_approved_by_somebody_else_for_its_sum_and_once(house: House, organisation: int) -> None:
    set_up(house, "bank", BANK)
    first, second = proved(house, organisation, "r-1"), proved(house, organisation, "r-2")
    other = Actor("user", "Fatima Finance", 8)

    def approve(actor: Actor, begun: Any, reference: str = "HBL 1", received: str = "1000") -> bool:
        with house.work(actor) as work:
            return transfers.approve(work, begun[1], reference, received)

    for actor, reference, received in ((BUYER, "HBL 1", "1000"), (other, " ", "1000"), (other, "HBL 1", "999.99"),
                                       (Actor("task", "A task"), "HBL 1", "1000")):  # fmt: skip
        with pytest.raises(Refused):
            approve(actor, first, reference, received)
    assert gained(house, organisation, first[0]) == 0
    assert sorted(map(str, at_once(4, lambda number: approve(other, first)))).count("True") == 1
    assert gained(house, organisation, first[0]) == first[0].units
    with pytest.raises(Refused, match="another order"):
        approve(other, second)
    with house.work(other) as work:
        transfers.refuse(work, second[1], "It is the receipt of another order.")
    assert gained(house, organisation, first[0]) == first[0].units


def proved(house: House, organisation: int, reference: str) -> tuple[Any, int]:
    begun = ordered(house, organisation, gateway="bank", reference=reference)
    with house.work(BUYER, organisation) as work:
        payments.begun(work, begun.attempt_id, Step(wants_proof=True))
        return begun, transfers.upload(work, begun.order_id, b"%PDF-1.4 " + reference.encode()).id


@pytest.mark.metered
def test_a_proof_is_what_it_is_and_stored_encrypted(house: House, organisation: int) -> None:
    set_up(house, "bank", BANK)
    begun, proof_id = proved(house, organisation, "r-1")
    with house.work(BUYER, organisation) as work:
        for content in (b"", b"<html>", b"MZ\x90", b"GIF89a", b"%PDF-" + b"x" * transfers.LARGEST, b"%PDF-1.4 r-1"):
            with pytest.raises(Refused):
                transfers.upload(work, begun.order_id, content)
        sealed = work.session.scalar(select(type_coerce(Proof.content, LargeBinary)).where(Proof.id == proof_id))
        assert sealed is not None
        assert b"PDF" not in bytes(sealed)
        assert transfers.content(work, proof_id) == (b"%PDF-1.4 r-1", "application/pdf", f"proof-{proof_id}.pdf")
        assert "billing.proof_read" in factories.verbs(work)
    stranger = factories.organisation(house)
    with house.work(BUYER, stranger) as work, pytest.raises((Refused, NotFound)):
        transfers.content(work, proof_id)


def test_packages_are_shown_in_their_time_and_order(house: House) -> None:
    common = {"units": "1000", "price": "10", "currency": "PKR", "expires_days": None}
    with house.work(ADMINISTRATOR) as work:
        today = work.clock().date()
        for name, place, offered, first, last in (
            ("second", 2, True, None, None), ("first", 1, True, today, today), ("hidden", 0, False, None, None),
            ("over", 0, True, None, today - timedelta(days=1)), ("to come", 0, True, today + timedelta(days=1), None),
        ):  # fmt: skip
            packages.save(work, None, common | {"name": name, "place": place, "is_offered": offered,
                                                "valid_from": first, "valid_until": last})  # fmt: skip
        found = packages.offered(work)
        assert [each.name for each in found] == ["first", "second"]
        assert packages.pick(work, found[0].id).name == "first"
        with pytest.raises(NotFound):
            packages.pick(work, 10**9)
