"""Units that are owed: where they come from, how they are settled, waived and won back, and their pages."""

from decimal import Decimal

import pytest
from buying_scene import BUYER, deliver, disputed, ordered, paid, set_up
from connectpulse_billing.ledger import balances, checking, grants, owing
from flask import Flask
from sqlalchemy import text

from connectpulse.core.api import Actor, Refused, four_eyes
from connectpulse.core.domain.contracts import Purpose, Tariff
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.web.security import roles
from tests.journeys import browsing, live
from tests.journeys.panel_scene import panel, visitor

pytestmark = pytest.mark.metered
ASKER, SECOND = Actor("user", "Asma Asker", 11), Actor("user", "Sana Second", 12)


@pytest.fixture
def app(house: House, organisation: int) -> Flask:
    return panel(house, organisation)


def _indebt(house: House, organisation: int, number: int = 0) -> None:
    """Buy 1000 units, spend all there is, and let the buyer's bank take the money back."""
    set_up(house)
    with house.work(ADMINISTRATOR) as work:
        left = balances.of(work, organisation).available
        if left:
            grants.withdraw(work, organisation, left, "test", f"away-{number}", "Nothing else is there")
    begun = ordered(house, organisation, reference=f"r-{number}")
    deliver(house, paid(begun, id=f"evt_{number}", payment=f"pi_{number}"))
    with house.work(ADMINISTRATOR, organisation) as work:
        tariff = Tariff(organisation, "sms", Purpose.PROMOTIONAL, "MEHR")
        work.registry.ledger.reserve(work, tariff, None, Decimal(1000))
    _dispute(house, number, "created", "needs_response")


def _dispute(house: House, number: int, kind: str, status: str) -> None:
    deliver(house, disputed(kind, status, id=f"dp_{number}", payment=f"pi_{number}"))


def _stands(house: House, organisation: int) -> tuple[Decimal, Decimal]:
    with house.work(ADMINISTRATOR) as work:
        assert checking.faults(work) == []
        return owing.total(work, organisation), balances.of(work, organisation).available


def _give(house: House, organisation: int, units: int) -> None:
    with house.work(ADMINISTRATOR) as work:
        grants.grant(work, organisation, Decimal(units), "test", f"gift-{units}")


def test_what_is_owed_is_settled_with_units_as_far_as_they_go(house: House, organisation: int) -> None:
    _indebt(house, organisation)
    assert _stands(house, organisation) == (1000, 0)
    with house.work(BUYER, organisation) as work, pytest.raises(Refused, match="Buy units first"):
        owing.settle(work)
    _give(house, organisation, 300)
    with house.work(BUYER, organisation) as work:
        assert owing.settle(work) == 300
    assert _stands(house, organisation) == (700, 0)
    _give(house, organisation, 900)
    with house.work(BUYER, organisation) as work:
        assert owing.settle(work) == 700
        with pytest.raises(Refused, match="Nothing is owed"):
            owing.settle(work)
    assert _stands(house, organisation) == (0, 200)


def test_a_dispute_that_is_won_ends_it_and_returns_what_was_given(house: House, organisation: int) -> None:
    _indebt(house, organisation)
    _give(house, organisation, 300)
    with house.work(BUYER, organisation) as work:
        owing.settle(work)
    _dispute(house, 0, "closed", "won")
    assert _stands(house, organisation) == (0, 300)


def test_it_is_waived_by_two_people_and_no_units_are_given(house: House, organisation: int) -> None:
    _indebt(house, organisation)
    with house.work(ASKER) as work:
        [item] = owing.items(work, organisation)
        owing.ask_to_waive(work, organisation, item.entry_id, "The message went out by our fault.")
        decision = four_eyes.waiting(work, owing.WAIVE, item.entry_id)
        assert decision is not None
        with pytest.raises(Refused, match="second person"):
            four_eyes.approve(work, decision.id)
        number = decision.id
    assert _stands(house, organisation) == (1000, 0)
    with house.work(SECOND) as work:
        four_eyes.approve(work, number)
    assert _stands(house, organisation) == (0, 0)
    _dispute(house, 0, "closed", "won")
    assert _stands(house, organisation) == (0, 0), "they were spent, and are paid"


def test_the_organisation_is_told(house: House, organisation: int) -> None:
    _indebt(house, organisation)
    with house.work(ADMINISTRATOR) as work:
        found = work.session.execute(
            text("SELECT organisation_id, title, is_binding FROM pulse_notice WHERE kind = 'billing.owed'")
        ).all()
    assert found == [(organisation, "1,000 units are owed", True)]


def test_the_pages_of_what_is_owed(house: House, organisation: int, app: Flask) -> None:
    with live.served(app) as address, browsing.browser() as chromium:
        with browsing.person(chromium, address, browsing.PHONE, "dark") as person:
            person.sign_in("Organisation administrator")
            person.open("/billing/owed/list/")
            person.sees("Nothing is owed.")
            person.shoot("owed-empty")
            _indebt(house, organisation)
            person.open("/billing/owed/list/")
            person.sees("there are none at present")
            _give(house, organisation, 300)
            person.open("/billing/owed/list/")
            person.shoot("owed")
            person.press("Settle with units")
            person.sees("Settled, as far as the units went.")
            person.sees("700")
        with browsing.person(chromium, address, browsing.DESKTOP) as operator:
            operator.sign_in(roles.PLATFORM_ADMINISTRATOR)
            operator.open("/billing/owing/list/")
            operator.shoot("owing")
            operator.page.locator("main table a").first.click()
            operator.sees("Waive it")
            operator.fill("Why", "Our fault.")
            operator.shoot("owing-one")
            operator.press("Ask a second person")
            operator.sees("a second person decides")
            operator.page.evaluate("document.documentElement.dir = 'rtl'")
            operator.shoot("owing-one-rtl")
    assert _stands(house, organisation) == (700, 0)


def test_nobody_reads_what_another_organisation_owes(house: House, organisation: int, app: Flask) -> None:
    _indebt(house, organisation)
    assert "dispute" in visitor(app, roles.ANALYST).get("/billing/owed/list/").text
    assert visitor(app, roles.ANALYST).post("/billing/owed/settle", "/help/").status_code in (302, 403)
    assert visitor(app, "Billing manager").get("/billing/owing/list/").status_code in (302, 403)
    assert _stands(house, organisation) == (1000, 0)
