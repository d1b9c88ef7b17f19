"""Odd payments: each told to both sides, once, and listed among the differences, where it stays."""

from decimal import Decimal
from typing import Any

import pytest
from buying_scene import BUYER, deliver, gained, ordered, paid, set_up
from connectpulse_billing.buying import orders, payments
from connectpulse_billing.ledger import reconciling
from sqlalchemy import text

from connectpulse.core.api import platform_scope
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.web.security import roles
from tests.journeys.panel_scene import panel, visitor

pytestmark = pytest.mark.metered


def _rows(house: House, sql: str) -> list[Any]:
    with house.work(ADMINISTRATOR) as work:
        return [tuple(row) for row in work.session.execute(text(sql))]


def _differences(house: House) -> list[Any]:
    return _rows(house, "SELECT kind, order_id, expected, found, currency FROM billing_difference ORDER BY id")


def _told(house: House) -> list[Any]:
    return _rows(
        house,
        "SELECT organisation_id, title FROM pulse_notice WHERE kind = 'billing.misfit' AND is_binding ORDER BY id",
    )


@pytest.mark.parametrize(
    ("amount", "currency", "kind", "said"),
    [(90_000, "pkr", "paid_little", "was paid too little"), (110_000, "pkr", "paid_much", "was paid too much"),
     (100_000, "usd", "paid_otherwise", "was paid in another currency")],
)  # fmt: skip
def test_another_sum(house: House, organisation: int, amount: int, currency: str, kind: str, said: str) -> None:
    set_up(house)
    begun = ordered(house, organisation)
    for _ in range(2):
        deliver(house, paid(begun, amount=amount, currency=currency))
    assert gained(house, organisation, begun) == 0
    found = (kind, begun.order_id, Decimal(1000), Decimal(amount) / 100, currency.upper())
    assert _differences(house) == [found]
    assert _told(house) == [(organisation, f"Order {begun.order_id} {said}"), (None, f"Order {begun.order_id} {said}")]
    with house.work(ADMINISTRATOR) as work:
        reconciling.reconcile(work)
    assert _differences(house) == [found]
    app = panel(house, organisation)
    page = visitor(app, roles.PLATFORM_ADMINISTRATOR).get("/billing/differences/list/").text
    assert f"{currency.upper()} {Decimal(amount) / 100:,.2f}" in page
    assert f"/billing/sales/show/{begun.order_id}" in page
    assert begun.reference in visitor(app, "Billing manager").get(f"/billing/orders/show/{begun.order_id}").text


def test_paid_twice(house: House, organisation: int) -> None:
    set_up(house)
    begun = ordered(house, organisation)
    deliver(house, paid(begun))
    with house.work(ADMINISTRATOR) as work, platform_scope(work.session, "test"):
        for _ in range(2):
            assert not orders.mark_paid(work, begun.order_id, gateway="bank", payment_reference="again",
                                        amount=Decimal("1000.00"), currency="PKR")  # fmt: skip
    assert gained(house, organisation, begun) == begun.units
    assert _differences(house) == [("paid_twice", begun.order_id, 0, 1000, "PKR")]
    assert len(_told(house)) == 2


@pytest.mark.parametrize(("state", "kind"), [("cancelled", "paid_cancelled"), ("expired", "paid_late")])
def test_paid_when_nobody_waited_any_more(house: House, organisation: int, state: str, kind: str) -> None:
    set_up(house)
    begun = ordered(house, organisation)
    if state == "cancelled":
        with house.work(BUYER, organisation) as work:
            orders.cancel(work, begun.order_id)
    else:
        with house.work(ADMINISTRATOR) as work, platform_scope(work.session, "test"):
            work.session.execute(text("UPDATE billing_order SET expires_at = now() - interval '1 hour'"))
            assert orders.expire(work) == 1
    deliver(house, paid(begun))
    assert gained(house, organisation, begun) == begun.units
    assert _differences(house) == [(kind, begun.order_id, 1000, 1000, "PKR")]
    assert [each[0] for each in _told(house)] == [organisation, None]


def test_a_payment_that_fits_is_told_to_nobody(house: House, organisation: int) -> None:
    set_up(house)
    begun = ordered(house, organisation)
    deliver(house, paid(begun))
    with house.work(BUYER, organisation) as work:
        assert payments.misfits(work, orders.locked(work, begun.order_id)) == []
    assert _differences(house) == _told(house) == []
