"""The policy, notices, support and agreements in a real browser, from an empty site on."""

import pytest
from flask import Flask
from playwright.sync_api import expect

from connectpulse.core.services import connections
from connectpulse.core.services.notices import board
from connectpulse.core.services.work import SYSTEM
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.web.security import roles

from . import browsing, live
from .panel_scene import panel

pytestmark = pytest.mark.slow

FACTS = {
    "Legal entity": "IISOL (Pvt.) Ltd.", "Registered address": "12 Mall Road, Lahore", "E-mail": "help@example.com",
    "Phone": "+92 42 1234567", "Postal address": "P.O. Box 12, Lahore", "Privacy inbox": "privacy@example.com",
}  # fmt: skip


@pytest.fixture
def app(house: House, organisation: int) -> Flask:
    made = panel(house, organisation)
    with house.work(ADMINISTRATOR) as work:
        connections.create(work, "Jazz Lahore", "smpp", {"host": "127.0.0.1", "system_id": "x", "password": "y"})
        connections.create(work, "Sandbox", "simulator", {})
    return made


def publish(operator: browsing.Person) -> None:
    operator.open("/policy/")
    operator.shoot("policy-empty")
    operator.press("New draft")
    operator.shoot("policy-form")
    operator.press("Save")
    operator.sees("It has no revision date: say when this text was revised.")
    operator.shoot("policy-lacking")
    operator.open("/operator/")
    for label, value in FACTS.items():
        operator.fill(label, value)
    operator.press("Save")
    operator.sees("Saved.")
    operator.shoot("operator")
    operator.open("/policy/edit")
    today = operator.page.evaluate("new Date().toISOString().slice(0, 10)")
    operator.fill("Revision date", today)
    operator.fill("Holds from", today)
    operator.press("Save")
    operator.shoot("policy-ready")
    operator.press("Publish")


def test_a_policy_from_the_first_draft_to_the_last_reader(house: House, app: Flask) -> None:
    with live.served(app) as address, browsing.browser() as chromium:
        with browsing.person(chromium, address, browsing.PHONE, "dark") as stranger:
            for name in ("", "history", "processors"):
                stranger.open(f"/privacy/{name}")
                stranger.shoot(f"privacy-{name or 'none'}")
            stranger.open("/login/")
            stranger.follow("Contact us")
            stranger.fill("Your name", "Sana Visitor")
            stranger.fill("Your e-mail address", "sana@example.com")
            stranger.fill("Subject", "Where do you have my number from?")
            stranger.fill("Message", "You wrote to me, and I never gave you my number.")
            stranger.shoot("ask")
            stranger.press("Send")
            stranger.sees("we have your message")
            stranger.shoot("asked")
        with browsing.person(chromium, address, browsing.DESKTOP) as operator:
            operator.sign_in(roles.PLATFORM_ADMINISTRATOR)
            publish(operator)
            operator.sees("Please read and accept our privacy policy")
            operator.shoot("consent")
            operator.open("/connections/list/")
            operator.sees("Please read and accept our privacy policy")
            operator.press("I have read and accept it")
            for path in (
                "policy/",
                "policy/inventory",
                "agreements/",
                "support/list/",
                "notices/",
                "notices/choices",
                "announcements/add",
                "privacy/",
                "privacy/history",
            ):
                operator.open(f"/{path}")
                operator.shoot(path.strip("/").replace("/", "-"))
            answer_and_agree(operator)
        with house.work(SYSTEM) as work:
            board.post(work, "backup.failed", "The backup failed", "The disk is full.", roles=(board.EVERYONE,),
                       level=board.ALARM, link="/help/")  # fmt: skip
        with browsing.person(chromium, address, browsing.PHONE, "dark") as reader:
            reader.give_password(roles.ANALYST)
            reader.sees("Please read and accept our privacy policy")
            reader.shoot("consent")
            reader.press("I have read and accept it")
            expect(reader.page.locator(".bell")).to_contain_text("2")
            reader.open("/notices/")
            reader.shoot("notices")
            reader.press("Look at it")
            reader.sees("Write to us")
            expect(reader.page.locator(".bell")).to_contain_text("1")
            reader.fill("Subject", "A question")
            reader.fill("Message", "How do I import a list?")
            reader.shoot("help")
            reader.press("Send")
            reader.sees("waits for us")
            reader.shoot("help-thread")
            reader.open("/privacy/")
            reader.shoot("privacy")


def answer_and_agree(operator: browsing.Person) -> None:
    operator.open("/support/list/")
    operator.page.get_by_role("link", name="Where do you have").click()
    operator.page.get_by_label("Answer; they read it").fill("From the list of your club.\n\nWe deleted it.")
    operator.press("Send and close")
    operator.sees("Answered.")
    operator.shoot("support")
    operator.open("/connections/list/")
    operator.follow("Jazz Lahore")
    operator.sees("waits for an agreement")
    operator.shoot("connection-waiting")
    operator.press("Use again")
    operator.sees("No agreement with the provider of Jazz Lahore is on record")
    operator.follow("Record an agreement")
    operator.fill("Company", "Pakistan Mobile Communications Ltd.")
    operator.fill("Reference", "DPA-2026-17")
    operator.fill("Agreed on", "2026-01-10")
    operator.fill("Ends on", "2030-01-10")
    operator.shoot("agreement")
    operator.press("Save")
    operator.press("Use again")
    operator.sees("The connection is in use again.")
    operator.shoot("connection-agreed")
    operator.open("/agreements/")
    operator.shoot("register")
    operator.open("/privacy/processors")
    operator.sees("Pakistan Mobile Communications Ltd.")
    operator.shoot("processors")
