"""Invoices and statements in a real browser, from the company that sells to the file somebody takes away."""

from datetime import date
from decimal import Decimal

import pytest
from connectpulse_billing import months
from connectpulse_billing.invoicing import statements
from connectpulse_billing.ledger import grants
from flask import Flask
from invoicing_scene import bought, sell

from connectpulse.core.api import Refused
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.web.security import roles
from tests.journeys import browsing, live
from tests.journeys.panel_scene import panel, visitor

pytestmark = pytest.mark.metered


@pytest.fixture
def app(house: House, organisation: int) -> Flask:
    return panel(house, organisation)


def test_from_the_company_that_sells_to_an_invoice(house: House, organisation: int, app: Flask) -> None:
    with live.served(app) as address, browsing.browser() as chromium:
        with browsing.person(chromium, address, browsing.DESKTOP) as operator:
            operator.sign_in(roles.PLATFORM_ADMINISTRATOR)
            operator.open("/billing/entities/list/")
            operator.sees("Nobody sells yet.")
            operator.shoot("entities-empty")
            operator.open("/billing/entities/add")
            operator.fill("Name", "Connect Pulse (Private) Limited")
            operator.press("Save")
            operator.sees("INV-")
            operator.shoot("entities")
        bought(house, organisation, "r-1", quantity=2)
        with browsing.person(chromium, address, browsing.PHONE, "dark") as buyer:
            buyer.sign_in(roles.ORGANISATION_ADMINISTRATOR)
            buyer.open("/billing/details/")
            buyer.fill("Name", "کراچی ٹریڈرز")
            buyer.press("Save")
            buyer.sees("Coming invoices say this.")
            buyer.shoot("details")
            buyer.open("/billing/invoices/list/")
            buyer.shoot("invoices")
            buyer.follow("INV-000001")
            buyer.sees("PKR 2,000.00")
            buyer.shoot("invoice")
            with buyer.page.expect_download() as taken:
                buyer.page.get_by_role("link", name="PDF").click()
            assert taken.value.suggested_filename == "INV-000001.pdf"
            buyer.open("/billing/statements/")
            buyer.sees("Units that came in")
            buyer.shoot("statement")


def test_a_statement_says_what_came_and_went(house: House, organisation: int, app: Flask) -> None:
    sell(house)
    bought(house, organisation, "r-1")
    with house.work(ADMINISTRATOR, organisation) as work:
        grants.reverse(work, organisation, "order", "1/1", Decimal(250), "A mistake")
        today = work.clock().date()
        items = statements.of(work, today.replace(day=1))
        assert statements.of(work, date(2020, 1, 1)) == []
    together = statements.total(items)
    assert together.lost == 250
    assert together.came >= 1000
    browser = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    told = browser.get(f"/billing/statements/download?month={today:%Y-%m}")
    assert told.headers["Content-Disposition"] == f'attachment; filename="statement-{today:%Y-%m}.csv"'
    assert "Units taken back" in told.text
    for nonsense in ("2026-13", "x", "1999-01", "9999-12"):
        assert browser.get(f"/billing/statements/?month={nonsense}").status_code == 200
        assert browser.get(f"/billing/statements/download?month={nonsense}").status_code == 302


@pytest.mark.parametrize("typed", ["2026-13", "nonsense", "1999-12", "9999-01", "2026-1-1"])
def test_a_month_that_makes_no_sense_is_refused(typed: str) -> None:
    with pytest.raises(Refused):
        months.month_of(typed, date(2026, 11, 25))


def test_a_month_ends_where_the_next_begins() -> None:
    assert [each.isoformat()[:10] for each in months.span(date(2026, 12, 1))] == ["2026-12-01", "2027-01-01"]
    assert [each.isoformat()[:10] for each in months.span(date(2028, 2, 1))] == ["2028-02-01", "2028-03-01"]
