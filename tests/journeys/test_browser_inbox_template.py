"""An agent in a browser sends a template to somebody whom free words may not reach, and writes once they answered."""

import json
import time
from collections.abc import Iterator
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from connectpulse.core.services import connections, consents, contacts, senders, templates
from connectpulse.core.services.conversations import threads
from connectpulse.core.storage.models import TemplateVersion
from connectpulse.core.wire import egress
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.web.security import roles
from tests.journeys import browsing, live
from tests.journeys.browsing import Person
from tests.journeys.panel_scene import NAMES, name_of

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.slow]
ZARA, NUMBER = "+923217654302", "+923001234567"
PARCEL = {"category": "utility", "body": "Dear {{ first_name }}, your parcel is here. *Come by until six.*"}


@pytest.fixture
def phone(house: House, organisation: int, address: str) -> Iterator[int]:
    """A line to the simulated Cloud API, two templates, and a contact; yields where people write."""
    from connectpulse_whatsapp.simulator.options import Options, settings

    egress.allow("127.0.0.0/8")
    with live.simulator("connectpulse_whatsapp.simulator", "--strict") as ports:
        given = settings(Options(), f"http://127.0.0.1:{ports['port']}")
        with house.work(ADMINISTRATOR) as work:
            made = connections.create(work, "Cloud API", "whatsapp_cloud", given, is_trial=True)
            connections.create_route(work, made.id)
            path = connections.callback_path(made)
        tell(ports["control_port"], "callbacks", url=address + path)
        with house.work(ADMINISTRATOR, organisation) as work:
            senders.create(work, "whatsapp", "number", NUMBER, purposes=["transactional"])
            person = contacts.create(work, contacts.Person("Zara Khan", [("whatsapp", ZARA)], {}))
            threads.begin(work, person.id)
            contacts.create_field(work, "Town")
            templates.create(work, "Parcel", "whatsapp", PARCEL)
            templates.create(work, "Visit", "whatsapp", PARCEL | {"body": "We come to {{ town }} tomorrow, all day."})
        with live.working(house):
            yield ports["control_port"]
    egress.allow()


def tell(port: int, place: str, **asked: str) -> None:
    """Ask the simulator itself for something."""
    with urlopen(Request(f"http://127.0.0.1:{port}/{place}", json.dumps(asked).encode(), method="POST")) as answer:
        assert answer.status == 200


def wait_for_approval(house: House, organisation: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        with house.work(ADMINISTRATOR, organisation) as work:
            states = set(work.session.scalars(select(TemplateVersion.approval)))
        if states == {"approved"}:
            return
        assert time.monotonic() < deadline, states
        time.sleep(0.1)


def choose(person: Person, name: str) -> None:
    person.choose("Template", name)
    expect(person.page.frame_locator("#template-look iframe").locator(".bubble")).to_be_visible()


def write(person: Person, port: int) -> None:
    """Let the person answer, and write to them with free words; the template is one choice away."""
    page = person.page
    tell(port, "inbound", **{"from": ZARA, "text": "I come at five"})
    person.sees("I come at five")
    page.reload()
    expect(page.get_by_label("Answer", exact=True)).to_be_visible()
    expect(page.locator("#send-template")).to_be_hidden()
    page.get_by_label("Answer", exact=True).fill("Until then!")
    person.shoot("template-or-words")
    page.get_by_text("Send a template", exact=True).click()
    expect(page.get_by_label("Answer", exact=True)).to_be_hidden()
    choose(person, "Visit")
    person.sees("{{ town }} is not known of this person: fill it in on the contact's page, or choose another template.")
    expect(page.locator("#send-template").get_by_role("button", name="Send", exact=True)).to_be_disabled()
    person.shoot("template-lacks")
    page.get_by_text("Write", exact=True).click()
    expect(page.get_by_label("Answer", exact=True)).to_have_value("Until then!")


@pytest.mark.parametrize(("size", "theme"), [(browsing.DESKTOP, "light")])
def test_a_template_reaches_whom_words_may_not(
    house: House, organisation: int, address: str, phone: int, chromium: Browser, size: dict[str, int], theme: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setitem(NAMES, roles.AGENT, name_of(roles.AGENT))
    with browsing.person(chromium, address, size, theme) as person:
        page = person.page
        person.sign_in(roles.AGENT)
        person.open("/inbox/?view=open")
        page.get_by_role("link", name="Zara Khan").click()
        person.sees("in the last 24 hours")
        expect(page.get_by_label("Answer", exact=True)).to_have_count(0)
        person.shoot("template-only")
        choose(person, "Par")
        person.sees("has not agreed to transactional messages")
        person.shoot("template-no-consent")
        with house.work(ADMINISTRATOR, organisation) as work:
            consents.give(work, "whatsapp", ZARA, "whatsapp", "transactional", "form of 2026-11-01")
        wait_for_approval(house, organisation)
        page.reload()
        choose(person, "Par")
        expect(page.frame_locator("#template-look iframe").locator(".bubble")).to_contain_text("Dear Zara, your parcel")
        person.shoot("template-look")
        page.locator("#send-template").get_by_role("button", name="Send", exact=True).click()
        person.sees("The template is on its way.")
        expect(page.locator(".talk .answer .badge")).to_have_text("read", timeout=20_000)
        person.shoot("template-sent")
        write(person, phone)
