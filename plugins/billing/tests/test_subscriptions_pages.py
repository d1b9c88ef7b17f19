"""The pages of plans, of a subscription and of the alert, in a real browser."""

import dataclasses
from datetime import timedelta

import pytest
from connectpulse_billing.buying import gates
from flask import Flask
from invoicing_scene import sell
from subscribing_scene import Scene, Wall

from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.web.security import roles
from tests.journeys import browsing, live
from tests.journeys.panel_scene import panel, visitor

pytestmark = pytest.mark.metered


@pytest.fixture
def scene(house: House, organisation: int) -> Scene:
    wall = Wall(house.clock())
    return Scene(dataclasses.replace(house, clock=wall), wall, organisation)


@pytest.fixture
def app(scene: Scene) -> Flask:
    return panel(scene.house, scene.organisation)


def test_from_a_plan_to_its_subscription(app: Flask, scene: Scene) -> None:
    sell(scene.house)
    bank = {"bank": "HBL", "account_title": "Pulse", "account_number": "PK1", "more": ""}
    with scene.house.work(ADMINISTRATOR) as work:
        gates.save(work, "bank", bank, is_open=True)
    with live.served(app) as address, browsing.browser() as chromium:
        with browsing.person(chromium, address, browsing.DESKTOP) as operator:
            operator.sign_in(roles.PLATFORM_ADMINISTRATOR)
            operator.open("/billing/plans/list/")
            operator.shoot("plans-empty")
            operator.open("/billing/plans/add")
            operator.fill("Name", "Starter")
            operator.fill("Fee", "5000")
            operator.fill("Included units", "10000")
            operator.fill("Users", "3")
            operator.shoot("plan-form")
            operator.press("Save")
            operator.sees("PKR 5,000.00 a month")
            operator.follow("Starter")
            operator.shoot("plan")
        scene.plan(name="Business", fee="15000", units="40000", api_per_minute=600, channels=["sms"])
        with browsing.person(chromium, address, browsing.DESKTOP) as person:
            person.sign_in(roles.ORGANISATION_ADMINISTRATOR)
            person.open("/billing/subscription/")
            person.shoot("subscription-none")
            person.press("Choose Starter")
            person.sees("PKR 5,900.00")
            person.shoot("subscription-order")
            scene.pay()
            person.open("/billing/subscription/")
            person.sees("10,000 of 10,000 left")
            person.shoot("subscription")
            person.press("Choose Business")
            person.open("/billing/subscription/")
            person.sees("You chose Business")
            person.open("/billing/alerts/")
            person.fill("Units", "500")
            person.press("Save")
            person.sees("The alert is set.")
            person.shoot("alerts")
        scene.wall.now += timedelta(days=32)
        scene.run()
        with browsing.person(chromium, address, browsing.PHONE, "dark") as person:
            person.sign_in(roles.ORGANISATION_ADMINISTRATOR)
            person.open("/billing/subscription/")
            person.sees("The subscription is unpaid")
            person.shoot("phone-subscription-unpaid")
            person.open("/billing/alerts/")
            person.shoot("phone-alerts")
        scene.passes(days=8)
        with browsing.person(chromium, address, browsing.PHONE, "dark") as person:
            person.sign_in(roles.ORGANISATION_ADMINISTRATOR)
            person.open("/billing/subscription/")
            person.sees("Nothing can be sent")
            person.shoot("phone-subscription-suspended")
            person.press("Pay now")
            person.sees("Choose how to pay")


def test_who_may_see_and_change_what(app: Flask, scene: Scene) -> None:
    plan_id = scene.plan()
    analyst = visitor(app, roles.ANALYST)
    assert analyst.get("/billing/subscription/").status_code in (302, 403)
    buyer = visitor(app, "Billing manager")
    assert "Starter" in buyer.get("/billing/subscription/").text
    assert buyer.get("/billing/plans/list/").status_code in (302, 403)
    auditor = visitor(app, "Finance auditor")
    assert "Starter" in auditor.get("/billing/plans/list/").text
    answer = auditor.post(f"/billing/plans/delete/{plan_id}", "/help/")
    assert answer.status_code in (302, 403)
    assert "Starter" in auditor.get("/billing/plans/list/").text
    for path in ("cancel", "resume", "pay", "change/999", "subscribe/999"):
        answer = buyer.post(f"/billing/subscription/{path}", "/billing/subscription/")
        assert answer.status_code == 302
    answer = buyer.post("/billing/alerts/save", "/billing/alerts/", {"percent": "900", "is_on": "yes"})
    assert answer.status_code == 422
