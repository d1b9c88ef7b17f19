"""The pages of units in a real browser, and the statement as a file."""

import csv
import io
from decimal import Decimal

import pytest
from connectpulse_billing.ledger import balances, grants, policies
from connectpulse_billing.ledger.policies import Charges
from flask import Flask
from sqlalchemy import text

from connectpulse.core.api import MessageState, Movement, Refused
from connectpulse.core.domain.contracts import Purpose, Tariff
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.web.security import roles
from tests.journeys import browsing, live
from tests.journeys.panel_scene import panel, visitor

pytestmark = pytest.mark.metered


@pytest.fixture
def app(house: House, organisation: int) -> Flask:
    made = panel(house, organisation)
    with house.work(ADMINISTRATOR, organisation) as work:
        grants.grant(work, organisation, Decimal("12.5"), "order", "41", reason="=1+1")
        tariff = Tariff(organisation, "sms", Purpose.PROMOTIONAL, "MEHR")
        work.registry.ledger.reserve(work, tariff, None, Decimal(9))
        moved = (MessageState.QUEUED, MessageState.DELIVERED, 5, Decimal(5), 5)
        work.registry.ledger.settle(work, [Movement(organisation, None, "sms", *moved)])
        work.session.execute(
            text(
                "INSERT INTO billing_difference (organisation_id, kind, campaign_id, expected, found) "
                "VALUES (:id, 'spent', 7, 4, 5)"
            ),
            {"id": organisation},
        )
    return made


def test_what_there_is_and_where_it_went(app: Flask, house: House, organisation: int) -> None:
    with live.served(app) as address, browsing.browser() as chromium:
        with browsing.person(chromium, address, browsing.DESKTOP) as person:
            person.sign_in(roles.ANALYST)
            person.open("/billing/units/list/")
            person.sees("10,000,003.5")
            person.sees("5 sms: delivered")
            person.shoot("units")
            person.follow("Lots")
            person.sees("order 41")
            person.shoot("lots")
        with browsing.person(chromium, address, browsing.PHONE, "dark") as person:
            person.sign_in(roles.ANALYST)
            person.open("/billing/units/list/")
            person.shoot("phone-units")
            person.open("/billing/lots/list/")
            person.shoot("phone-lots")
        with browsing.person(chromium, address, browsing.DESKTOP) as operator:
            operator.sign_in(roles.PLATFORM_ADMINISTRATOR)
            operator.open("/billing/differences/list/")
            operator.sees("1 difference")
            operator.shoot("differences")
            operator.open(f"/billing/accounts/edit/{organisation}")
            operator.fill("Units to give", "-2.5")
            operator.fill("Why", "Counted twice.")
            operator.shoot("adjust")
            operator.press("Save")
            operator.sees("nothing is changed until then")
            operator.shoot("accounts")
            operator.open("/billing/policies/list/")
            operator.sees("Only delivered messages are charged.")
            operator.open("/billing/policies/add")
            operator.page.get_by_label("Charge undeliverable messages").check()
            operator.shoot("policy")
            operator.press("Save")
            operator.sees("All without one of their own")
            operator.shoot("policies")
    with house.work(ADMINISTRATOR) as work:
        assert policies.in_force(work, organisation).undeliverable
        asked = work.session.scalars(text("SELECT title FROM pulse_decision WHERE act = 'billing.adjust'")).all()
    assert asked == [f"Take 2.5 units, organisation {organisation}"]


def test_a_policy_is_made_for_one_organisation(app: Flask, house: House, organisation: int) -> None:
    operator = visitor(app, roles.PLATFORM_ADMINISTRATOR)
    found = operator.get("/billing/accounts/lookup?q=organisation").json
    assert found is not None
    assert organisation in {each["value"] for each in found["results"]}
    with house.work(ADMINISTRATOR) as work:
        other = factories.organisation(house)
        policies.change(work, organisation, Charges(expired=True))
        with pytest.raises(Refused, match="policy already"):
            policies.change(work, organisation, Charges(expired=True))
        assert policies.in_force(work, organisation).expired
        assert not policies.in_force(work, other).expired


def test_the_statement_adds_up_to_the_balance(app: Flask, house: House, organisation: int) -> None:
    answer = visitor(app, roles.ANALYST).get("/billing/units/statement.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    with house.work(ADMINISTRATOR, organisation) as work:
        balance = balances.of(work, organisation)
    assert sum(Decimal(row["available"]) for row in rows) == balance.available
    assert sum(Decimal(row["spent"]) for row in rows) == balance.spent == 5
    assert "'=1+1" in {row["of"] for row in rows}
