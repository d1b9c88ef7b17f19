"""The list of invoices as a file: whole, guarded, written down, and nobody else's."""

import csv
import io
from decimal import Decimal

import pytest
from connectpulse_billing.buying import reversals
from connectpulse_billing.invoicing import entities, exporting
from flask import Flask
from invoicing_scene import BUYER, DETAILS, bought, sell
from sqlalchemy import text

from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.web.security import roles
from tests.journeys.panel_scene import Visitor, panel, visitor

pytestmark = pytest.mark.metered
HOSTILE = "=HYPERLINK(1)"


@pytest.fixture
def app(house: House, organisation: int) -> Flask:
    sell(house)
    with house.work(BUYER, organisation) as work:
        entities.save_buyer(work, DETAILS | {"name": HOSTILE, "ntn": "1234567-8"})
    order = bought(house, organisation, "r-1")
    bought(house, organisation, "r-2", quantity=2)
    with house.work(ADMINISTRATOR) as work:
        reversals.mark_reversed(
            work, order, source="refund", reference="re", amount=Decimal("100.00"), currency="PKR", reason="Too many"
        )
    bought(house, factories.organisation(house, "Other"), "r-3")
    return panel(house, organisation)


def _read(person: Visitor, path: str) -> list[dict[str, str]]:
    answer = person.get(path)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    return list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))


def test_a_list_is_whole_guarded_and_its_own(house: House, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "AT_ONCE", 2)
    found = _read(visitor(app, "Billing manager"), "/billing/invoices/export.csv")
    assert [each["number"] for each in found] == ["CP-C000001", "CP-000002", "CP-000001"]
    assert [each["total"] for each in found] == ["100.00", "2360.00", "1180.00"]
    assert [each["corrects"] for each in found] == ["CP-000001", "", ""]
    assert {each["to"] for each in found} == {f"'{HOSTILE}"}
    assert {each["ntn"] for each in found} == {"1234567-8"}
    assert "organisation" not in found[0]
    with house.work(ADMINISTRATOR) as work:
        told = work.session.execute(
            text("SELECT object_name FROM pulse_audit WHERE verb = 'billing.invoices_exported'")
        ).all()
    assert told == [("of all time",)]


def test_the_platform_takes_all_of_them(app: Flask) -> None:
    found = _read(visitor(app, "Finance auditor"), "/billing/issued/export.csv")
    assert [each["number"] for each in found] == ["CP-000003", "CP-C000001", "CP-000002", "CP-000001"]
    assert found[0]["organisation"] == "Other"
    person = visitor(app, roles.PLATFORM_ADMINISTRATOR)
    assert "CP-000003" in person.get("/billing/issued/list/").text
    shown = person.get("/billing/issued/show/4").text
    assert "Other" in shown
    assert "E-mail it" not in shown, "the organisation has its own documents mailed"
    assert person.get("/billing/issued/download/4").data.startswith(b"%PDF-")
    assert visitor(app, "Billing manager").get("/billing/issued/export.csv").status_code in (302, 403)


def test_a_list_is_narrowed_to_a_month_and_a_kind(house: House, app: Flask) -> None:
    person = visitor(app, "Billing manager")
    with house.work(ADMINISTRATOR) as work:
        month = f"{work.clock():%Y-%m}"
    assert len(_read(person, f"/billing/invoices/export.csv?month={month}")) == 3
    assert _read(person, "/billing/invoices/export.csv?month=2020-01") == []
    found = _read(person, "/billing/invoices/export.csv?kind=correction")
    assert [each["number"] for each in found] == ["CP-C000001"]
    refused = person.get("/billing/invoices/export.csv?month=2020-13")
    assert refused.status_code == 302
