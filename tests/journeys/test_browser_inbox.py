"""An agent's day in a browser: a text arrives, is answered by keyboard, and its receipt is seen."""

import json
import urllib.request
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from connectpulse.core.services import connections, contacts, senders
from connectpulse.core.services.conversations import canned
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.web.security import roles

from . import browsing, live
from .browsing import Person
from .panel_scene import NAMES, name_of

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.slow]

ZARA = "+923001234567"


@pytest.fixture
def number(house: House, organisation: int) -> Iterator[int]:
    """A line to the simulated SMSC, the number 8811, a contact and two canned answers; yields where people write."""
    with live.smsc() as ports, live.working(house):
        with house.work(ADMINISTRATOR) as work:
            settings = {"host": "127.0.0.1", "port": ports["smpp_port"], "system_id": "pulse", "password": "pulse"}
            made = connections.create(work, "Simulated SMSC", "smpp", settings, is_trial=True)
            connections.create_route(work, made.id)
        with house.work(ADMINISTRATOR, organisation) as work:
            senders.create(work, "sms", "shortcode", "8811", purposes=["transactional"])
            contacts.create(work, contacts.Person("Zara Khan", [("phone", ZARA)], {}))
            canned.create(work, "Opening hours", "", "Dear {{ first_name }}, we open at nine.")
            canned.create(work, "Prices", "sms", "Our prices are on the website.")
        yield ports["control_port"]


def text(port: int, said: str, sender: str = ZARA) -> None:
    """Let somebody write to 8811."""
    sent = json.dumps({"from": sender, "to": "8811", "text": said}).encode()
    asked = urllib.request.Request(f"http://127.0.0.1:{port}/inbound", sent, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        assert answer.status == 200


def answer_by_keyboard(person: Person) -> None:
    """Find a canned answer by typing a slash, add to it, and send it with Ctrl+Enter."""
    page, box = person.page, person.page.get_by_label("Answer", exact=True)
    box.press_sequentially("/")
    expect(page.locator("#canned").get_by_role("option")).to_have_count(2)
    box.press_sequentially("hours")
    expect(page.locator("#canned").get_by_role("option")).to_have_count(1)
    person.shoot("canned")
    box.press("Enter")
    expect(box).to_have_value("Dear Zara, we open at nine.")
    box.press_sequentially(" Welcome!")
    expect(page.locator("#preview")).to_contain_text("36")
    box.press("Control+Enter")


@pytest.mark.parametrize(("size", "theme"), [(browsing.DESKTOP, "light")])
def test_a_text_is_answered(
    address: str, number: int, chromium: Browser, size: dict[str, int], theme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(NAMES, roles.AGENT, name_of(roles.AGENT))
    with browsing.person(chromium, address, size, theme) as person:
        page = person.page
        person.sign_in(roles.AGENT)
        person.open("/inbox/")
        person.sees("Nobody waits for an answer.")
        person.shoot("inbox-empty")
        text(number, "Salaam, when do you open?")
        person.sees("Salaam, when do you open?")
        page.reload()
        expect(page.locator("#side .count")).to_have_text("1 unread")
        text(number, "stop", "+923007654321")
        person.shoot("inbox")
        page.get_by_role("link", name="Zara Khan").click()
        person.sees("Salaam, when do you open?")
        expect(page.locator("form[action*='/see/']")).to_have_count(0)
        person.shoot("conversation")
        answer_by_keyboard(person)
        person.sees("The answer is on its way.")
        expect(page.locator(".talk .answer .badge")).to_have_text("delivered", timeout=20_000)
        text(number, "شکریہ")
        person.sees("شکریہ")
        expect(page.locator("#talk li")).to_have_count(3)
        person.shoot("answered")
        page.evaluate("document.documentElement.dir = 'rtl'")
        person.shoot("answered-rtl")
        page.evaluate("document.documentElement.dir = 'ltr'")
        person.press("Done")
        person.sees("Done.")
        person.open("/inbox/?view=done")
        expect(page.locator(".inbox li")).to_have_count(2)
        expect(page.locator(".inbox .badge", has_text="opt-out")).to_be_visible()
        person.shoot("inbox-done")


def test_a_name_says_that_it_cannot_be_answered(
    address: str, number: int, chromium: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(NAMES, roles.AGENT, name_of(roles.AGENT))
    with browsing.person(chromium, address, browsing.PHONE) as person:
        person.sign_in(roles.AGENT)
        person.open("/inbox/")
        text(number, "Your parcel waits", "BankAlert")
        person.page.get_by_role("link", name="BankAlert").click()
        person.sees("BankAlert is a name and no address: it can write to you, and nobody can answer it.")
        expect(person.page.get_by_role("button", name="Send")).to_have_count(0)
        person.shoot("no-answer")
        person.open("/canned-answers/list/")
        person.shoot("canned-answers")
