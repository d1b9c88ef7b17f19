"""Buying in three clicks, the operator's pages, and the page one comes back to, which grants nothing."""

from contextlib import ExitStack
from datetime import date
from decimal import Decimal
from io import BytesIO

import pytest
from buying_scene import STRIPE, Begun, apply_all, deliver, knock, ordered, paid, set_up, signed
from connectpulse_billing.buying import packages, taxes
from connectpulse_billing.buying.order_models import Attempt, Order
from connectpulse_billing.ledger import balances
from payment_peers import gateway
from sqlalchemy import select, text

from connectpulse.core.api import platform_scope
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.web.security import roles
from tests.journeys.browsing import DESKTOP, PHONE, Person, browser
from tests.journeys.browsing import person as opened
from tests.journeys.live import served
from tests.journeys.panel_scene import panel, visitor

pytestmark = [pytest.mark.metered, pytest.mark.slow]
BANK = {
    "bank": "HBL",
    "account_title": "Pulse (Private) Limited",
    "account_number": "PK36SCBL0000001123456702",
    "more": "",
}
JAZZ = {"merchant_id": "MC1", "password": "pw", "salt": "salt-of-tests", "base_url": "https://sandbox.jazzcash.com.pk"}


def shop(house: House) -> None:
    """Offer three packages, with GST."""
    with house.work(ADMINISTRATOR) as work:
        taxes.save(work, None, {"name": "GST", "percent": "18", "valid_from": date(2020, 1, 1), "valid_until": None,
                                "currency": "PKR", "legal_entity_id": None})  # fmt: skip
        for place, (name, units, price) in enumerate([("Starter", 1000, "1500"), ("Business", 10000, "13500.50"),
                                                      ("Enterprise", 100000, "120000")]):  # fmt: skip
            packages.save(work, None, {"name": name, "units": units, "price": price, "currency": "PKR", "place": place,
                                       "is_offered": True, "valid_from": None, "valid_until": None,
                                       "expires_days": 365 if place else None})  # fmt: skip


def newest(house: House) -> tuple[Order, Attempt]:
    with house.work(ADMINISTRATOR) as work, platform_scope(work.session, "look in a test"):
        order = work.session.scalars(select(Order).order_by(Order.id.desc()).limit(1)).one()
        attempt = work.session.scalars(select(Attempt).order_by(Attempt.id.desc()).limit(1)).one()
        work.session.expunge_all()
        return order, attempt


def units(house: House, organisation: int) -> Decimal:
    with house.work(ADMINISTRATOR) as work:
        return balances.of(work, organisation).available


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_units_are_bought_in_three_clicks(house: House, organisation: int, size: dict[str, int]) -> None:
    app = panel(house, organisation)
    shop(house)
    before = units(house, organisation)
    with gateway() as peer, served(app) as address, browser() as chromium, ExitStack() as visiting:
        set_up(house, "stripe", {**STRIPE, "base_url": peer.address})
        set_up(house, "bank", BANK)
        set_up(house, "jazzcash", JAZZ)
        person = visiting.enter_context(opened(chromium, address, size))
        person.sign_in(roles.ORGANISATION_ADMINISTRATOR)
        person.open("/billing/buy/list/")
        look(person, "buy")
        person.page.get_by_role("link", name="Buy Business").click()
        look(person, "choose")
        person.page.get_by_role("button", name="Order and pay by card").click()
        look(person, "order")
        assert "15,930.59" in person.page.content()  # 13,500.50 and 18 % of it, 2,430.09
        link = person.page.get_by_role("link", name="Pay PKR 15,930.59")
        assert link.get_attribute("href") == f"{peer.address}/pay/1"
        order, attempt = newest(house)
        person.open(f"/billing/orders/show/{order.id}?back=1")
        look(person, "waiting")
        assert "We are waiting for your payment" in person.page.content()
        assert units(house, organisation) == before
        begun = Begun(order.id, attempt.id, attempt.reference, Decimal(10000), before)
        knock(house, signed(paid(begun, amount=1_593_059)))
        apply_all(house)
        person.open(f"/billing/orders/show/{order.id}")
        look(person, "paid")
        assert units(house, organisation) == before + 10000
        person.open("/billing/orders/list/")
        look(person, "orders")


def test_the_operator_sets_up_the_shop(house: House, organisation: int) -> None:
    app = panel(house, organisation)
    shop(house)
    with gateway() as peer, served(app) as address, browser() as chromium, ExitStack() as visiting:
        person = visiting.enter_context(opened(chromium, address, DESKTOP))
        person.sign_in(roles.PLATFORM_ADMINISTRATOR)
        for page in ("packages/list/", "packages/add", "taxes/list/", "taxes/add", "vouchers/list/", "gateways/list/",
                     "transfers/list/"):  # fmt: skip
            person.open(f"/billing/{page}")
            look(person, page)
        look_at_a_sale(house, organisation, person)
        person.open("/billing/gateways/add?gateway=stripe")
        person.fill("Secret key", "sk_test_1")
        person.fill("Signing secret", "whsec_x")
        person.fill("Address", peer.address)
        person.press("Save")
        person.press("Test it")
        assert "test mode: no real money moves" in person.page.content()
        assert "sk_test_1" not in person.page.content()
        look(person, "gateway")
        person.open("/billing/vouchers/add")
        person.fill("Name", "Spring")
        person.fill("Units", "50")
        person.press("Save")
        code = person.page.locator("code").inner_text()
        look(person, "voucher")
        person.open("/billing/buy/list/")
        person.fill("Voucher", code.lower())
        before = units(house, organisation)
        person.press("Redeem")
        assert "50 units were added" in person.page.content()
        assert units(house, organisation) == before + 50


def look_at_a_sale(house: House, organisation: int, person: Person) -> None:
    """Look at the operator's pages of an order that was paid, and ask for money to be paid back."""
    set_up(house)
    begun = ordered(house, organisation)
    deliver(house, paid(begun, amount=118_000))  # with 18 % GST
    person.open("/billing/sales/list/")
    look(person, "sales")
    for size in (PHONE, DESKTOP):
        person.page.set_viewport_size(size)  # type: ignore[arg-type]
        person.open(f"/billing/sales/show/{begun.order_id}")
        look(person, "sale")
    person.fill("Why", "Ordered twice")
    person.press("Ask a second person")
    person.sees("waits for a second person")
    with house.work(ADMINISTRATOR) as work:
        work.session.execute(text("DELETE FROM billing_gateway"))


def look(person: Person, name: str) -> None:
    """Check that a page fits its window; keep a picture where one is wanted."""
    person.page.wait_for_load_state("load")
    person.shoot("billing-" + name.strip("/").replace("/", "-"))


def test_a_transfer_is_proved_and_approved_by_a_second_person(house: House, organisation: int) -> None:
    app = panel(house, organisation)
    shop(house)
    set_up(house, "bank", BANK)
    buyer, operator = visitor(app, roles.ORGANISATION_ADMINISTRATOR), visitor(app, roles.PLATFORM_ADMINISTRATOR)
    with house.work(ADMINISTRATOR) as work:
        package = packages.offered(work)[0].id
    page = f"/billing/buy/choose/{package}"
    buyer.post(f"/billing/buy/order/{package}", page, {"gateway": "bank", "token": "t1"})
    buyer.post(f"/billing/buy/order/{package}", page, {"gateway": "bank", "token": "t1"})
    order, _ = newest(house)
    here = f"/billing/orders/show/{order.id}"
    assert "PK36SCBL0000001123456702" in buyer.get(here).text
    refused = buyer.post(f"/billing/orders/prove/{order.id}", here, {"file": (BytesIO(b"<script>"), "x.pdf")},
                         follow_redirects=True)  # fmt: skip
    assert "PDF, JPEG or PNG" in refused.text
    buyer.post(f"/billing/orders/prove/{order.id}", here, {"file": (BytesIO(b"%PDF-1.7 proof"), "proof.exe")})
    before = units(house, organisation)
    shown = operator.get("/billing/transfers/show/1")
    assert shown.status_code == 200, shown.text
    file = operator.get("/billing/transfers/file/1")
    assert file.data == b"%PDF-1.7 proof"
    assert "attachment" in file.headers["Content-Disposition"]
    assert buyer.get("/billing/transfers/file/1").status_code in (302, 403, 404)
    where = "/billing/transfers/show/1"
    wrong = operator.post("/billing/transfers/approve/1", where, {"reference": "HBL 77", "received": "1"},
                          follow_redirects=True)  # fmt: skip
    assert "The order is for PKR 1,770.00" in wrong.text
    operator.post("/billing/transfers/approve/1", where, {"reference": "HBL 77", "received": "1770"})
    assert units(house, organisation) == before + 1000
