"""A template of WhatsApp in a real browser: seen as a bubble, submitted, approved by webhook, and sent to a list."""

import json
import time
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from connectpulse.core.services import connections, consents, contacts, records, senders
from connectpulse.core.storage.models import ContactList, TemplateReview
from connectpulse.core.wire import egress
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.web.security import roles
from tests.journeys import browsing, live
from tests.journeys.browsing import Person

pytestmark = pytest.mark.peer("chromium")
ZARA, NUMBER = "+923217654302", "+923001234567"


def tell(port: int, place: str, **asked: str) -> None:
    """Ask the simulator itself for something."""
    with urlopen(Request(f"http://127.0.0.1:{port}/{place}", json.dumps(asked).encode(), method="POST")) as answer:
        assert answer.status == 200


def set_up(house: House, organisation: int, ports: dict[str, int], address: str) -> None:
    """Connect to the simulated Cloud API, which calls back, with somebody who agreed to hear from us."""
    from connectpulse_whatsapp.simulator.options import Options, settings

    given = settings(Options(), f"http://127.0.0.1:{ports['port']}")
    with house.work(ADMINISTRATOR) as work:
        made = connections.create(work, "Cloud API", "whatsapp_cloud", given, is_trial=True)
        connections.create_route(work, made.id)
        path = connections.callback_path(made)
    with house.work(ADMINISTRATOR, organisation) as work:
        everybody = records.create(work, ContactList(name="Customers"), "list.created")
        contacts.create(work, contacts.Person("Zara Khan", [("whatsapp", ZARA)], {}), [everybody.id])
        consents.give(work, "whatsapp", ZARA, "whatsapp", "promotional", "form of 2026-11-01")
        senders.create(work, "whatsapp", "number", NUMBER, purposes=["promotional"])
    tell(ports["control_port"], "callbacks", url=address + path)


def write(person: Person) -> None:
    person.open("/templates/add?channel=whatsapp")
    person.fill("Name", "Sale")
    person.page.locator("[name=body]").fill("*خوشخبری* {{ first_name }}، ہماری _نئی_ کلیکشن دکان میں آ گئی ہے۔")
    person.page.locator("[name=language]").select_option("ur")
    person.page.locator("[name=header]").select_option("text")
    person.page.locator("[name=header_text]").fill("سیل")
    person.page.locator("[name=footer]").fill("شکریہ")
    person.page.locator("[name=buttons]").fill("stop: روک دیں\nlink: دکان دیکھیں | https://example.com/")
    person.page.locator("[name=examples]").fill("first_name = آمنہ")
    bubble = person.page.frame_locator(".look iframe:only-child")
    expect(bubble.locator(".bubble strong")).to_have_text("خوشخبری")
    expect(bubble.locator(".bubble em")).to_have_text("نئی")
    expect(bubble.locator(".bubble")).to_contain_text("آمنہ")
    expect(bubble.locator("li")).to_have_count(2)
    assert bubble.locator("html").get_attribute("dir") == "rtl"
    expect(person.page.locator("#preview")).to_contain_text("Left")
    person.shoot("whatsapp-template-form")
    person.press("Save")
    person.sees("Version 1")


def word(house: House, organisation: int) -> TemplateReview | None:
    with house.work(ADMINISTRATOR, organisation) as work:
        return work.session.scalars(select(TemplateReview)).one_or_none()


def watch(person: Person, words: str) -> None:
    """Look at the template until its mark says `words`."""

    mark = person.page.locator("td .badge").first
    deadline = time.monotonic() + 20
    while not (mark.count() and mark.text_content() == words):
        assert time.monotonic() < deadline, f"the mark never said {words}"
        person.page.reload()


def launch(person: Person) -> None:
    person.open("/campaigns/add")
    person.fill("Name", "Spring")
    person.page.locator("[name=channel]").select_option("whatsapp")
    person.page.get_by_label("Purpose").select_option("promotional")
    person.choose("Template", "Sale")
    person.choose("Sender", NUMBER)
    person.choose("To these lists", "Customers")
    person.press("Save")
    person.press("Count and price it")
    person.sees("Launch to 1 recipient", 30_000)
    person.shoot("whatsapp-quote")
    person.page.get_by_role("button", name="Launch to 1 recipient").first.click()
    expect(person.page.locator(".head .badge")).to_have_text("finished", timeout=30_000)


@pytest.mark.parametrize(("size", "theme"), [(browsing.DESKTOP, "light")])
def test_a_template_is_approved_and_sent(
    house: House, organisation: int, address: str, chromium: Browser, size: dict[str, int], theme: str
) -> None:
    with (
        live.simulator("connectpulse_whatsapp.simulator", "--review-after", "3600", "--strict") as ports,
        live.working(house),
        browsing.person(chromium, address, size, theme) as person,
    ):
        egress.allow("127.0.0.0/8")
        set_up(house, organisation, ports, address)
        person.sign_in(roles.CAMPAIGN_MANAGER)
        write(person)
        watch(person, "waits for approval")
        person.shoot("whatsapp-waits")
        review = word(house, organisation)
        assert review is not None
        tell(ports["control_port"], "template", id=review.reference, event="REJECTED", reason="INVALID_FORMAT")
        watch(person, "not approved")
        person.sees("Invalid format.")
        person.shoot("whatsapp-refused")
        person.press("Submit again")
        person.sees("The provider is asked to look at it again.")
        watch(person, "waits for approval")
        tell(ports["control_port"], "template", id=review.reference, event="APPROVED")
        watch(person, "approved")
        person.shoot("whatsapp-approved")
        launch(person)
    egress.allow()
