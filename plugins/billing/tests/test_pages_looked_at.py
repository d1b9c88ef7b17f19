"""Every page of billing in a browser: wide and bright, narrow, dark and from right to left; each keeps to its room."""

from decimal import Decimal

import pytest
from buying_scene import BUYER, deliver, ordered, paid, set_up
from connectpulse_billing.buying import packages, reversals
from connectpulse_billing.invoicing import entities
from flask import Flask
from invoicing_scene import DETAILS, bought, sell

from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.web.security import roles
from tests.journeys import browsing, live
from tests.journeys.browsing import Person
from tests.journeys.panel_scene import panel

pytestmark = [pytest.mark.metered, pytest.mark.slow]
HERE = (
    "overview/", "units/list/", "lots/list/", "owed/list/", "buy/list/", "orders/list/", "orders/show/1",
    "orders/show/2", "invoices/list/", "invoices/show/1", "statements/", "details/", "subscription/", "alerts/",
    "price/",
)  # fmt: skip
PLATFORM = (
    "accounts/list/", "policies/list/", "differences/list/", "owing/list/", "sales/list/", "sales/show/1",
    "transfers/list/", "packages/list/", "taxes/list/", "vouchers/list/", "gateways/list/", "cards/list/",
    "plans/list/", "issued/list/", "issued/show/1", "entities/list/", "entities/add",
)  # fmt: skip


@pytest.fixture
def app(house: House, organisation: int) -> Flask:
    sell(house, labels="en+ur")
    set_up(house)
    package = {"name": "Starter", "units": "1000", "price": "10", "currency": "PKR", "place": 1, "is_offered": True,
               "valid_from": None, "valid_until": None, "expires_days": None}  # fmt: skip
    with house.work(ADMINISTRATOR) as work:
        packages.save(work, None, package)
    with house.work(BUYER, organisation) as work:
        entities.save_buyer(work, DETAILS | {"name": "کراچی ٹریڈرز"})
    order = bought(house, organisation, "r-1")
    with house.work(ADMINISTRATOR) as work:
        reversals.mark_reversed(
            work, order, source="refund", reference="re", amount=Decimal("100.00"), currency="PKR", reason="Too many"
        )
    deliver(house, paid(ordered(house, organisation, reference="r-2"), amount=90_000))
    return panel(house, organisation)


def _look(person: Person, role: str, paths: tuple[str, ...], *, is_mirrored: bool) -> None:
    person.sign_in(role)
    for path in paths:
        person.open(f"/billing/{path}")
        assert person.page.locator("main h1").count() == 1, path
        if is_mirrored:
            person.page.evaluate("document.documentElement.dir = 'rtl'")
        person.shoot(path.replace("/", "-").strip("-"))


@pytest.mark.parametrize("is_mirrored", [False, True])
def test_every_page_keeps_to_its_room(app: Flask, *, is_mirrored: bool) -> None:
    size, theme = (browsing.PHONE, "dark") if is_mirrored else (browsing.DESKTOP, "light")
    with live.served(app) as address, browsing.browser() as chromium:
        for role, paths in ((roles.ORGANISATION_ADMINISTRATOR, HERE), (roles.PLATFORM_ADMINISTRATOR, PLATFORM)):
            with browsing.person(chromium, address, size, theme) as person:
                _look(person, role, paths, is_mirrored=is_mirrored)


def test_no_page_is_left_out(app: Flask) -> None:
    listed = {
        str(rule).removeprefix("/billing/")
        for rule in app.url_map.iter_rules()
        if str(rule).startswith("/billing/") and rule.endpoint.endswith((".list", ".show")) and not rule.arguments
    }
    assert sorted(listed - set(HERE) - set(PLATFORM)) == ["rates/list/"], "rates are shown by version"
