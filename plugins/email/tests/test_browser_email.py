"""The pages of letters in a real browser: written in blocks with the keyboard, a domain put in order, figures."""

from collections.abc import Iterator

import pytest
from connectpulse_email.models import EmailEvent, SenderDomain
from dns_scene import Zone, published
from playwright.sync_api import Browser, expect

from connectpulse.core.services import campaigns, senders, templates
from connectpulse.core.services.campaigns import Draft
from connectpulse.core.storage.models import Template
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.web.security import roles
from tests.journeys import browsing, live
from tests.journeys.browsing import Person
from tests.journeys.panel_scene import panel

pytestmark = pytest.mark.peer("chromium")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browsing.browser() as started:
        yield started


@pytest.fixture
def address(house: House) -> Iterator[str]:
    app = panel(house, factories.organisation(house))
    with live.served(app) as address:
        yield address


def write_a_letter(person: Person) -> None:
    page = person.page
    person.open("/templates/add?channel=email")
    person.fill("Name", "Spring")
    person.fill("Subject", "Hello")
    add = page.get_by_role("button", name="Heading", exact=True)
    add.focus()
    page.keyboard.press("Enter")
    page.keyboard.type("Salaam {{ name | default('friend') }}")
    seen = page.frame_locator(".look iframe:only-child")
    expect(seen.get_by_role("heading")).to_have_text("Salaam friend")
    page.get_by_role("button", name="Text", exact=True).focus()
    page.keyboard.press("Enter")
    page.keyboard.type("Our **shop** is open.")
    page.get_by_role("button", name="Up: Text").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-piece-said]")).to_have_text("Text is number 1 now.")
    expect(seen.locator("td.edge").first).to_have_text("Our shop is open.")
    page.get_by_role("button", name="Line", exact=True).click()
    page.get_by_role("button", name="Take out: Line").click()
    expect(page.locator("[data-piece]")).to_have_count(2)
    page.get_by_role("button", name="Button", exact=True).click()
    person.page.get_by_label("Leads to").fill("https://shop.example/")
    person.shoot("letter")
    person.press("Save")
    person.sees("Button): Words: please fill this in.")
    person.complaints[:] = [each for each in person.complaints if "422" not in each]
    person.page.locator("[data-piece]").nth(2).get_by_label("Words").fill("Buy")
    person.press("Save")
    person.sees("Version 1")
    expect(page.frame_locator(".look iframe").get_by_role("link", name="Buy")).to_be_visible()
    person.shoot("letter-shown")
    person.follow("Change")
    expect(page.locator("[data-piece]")).to_have_count(3)
    person.shoot("letter-again")


def put_a_domain_in_order(person: Person, zone: Zone) -> None:
    page = person.page
    person.open("/email/domains/list/")
    person.shoot("domains-none")
    person.open("/email/domains/add")
    person.fill("Domain", "acme.example")
    person.fill("Bounces go to", "bounce.acme.example")
    person.shoot("domain-new")
    person.press("Save")
    person.sees("The first record")
    name, value = (page.get_by_label(label).input_value() for label in ("Name (TXT)", "Value"))
    person.press("Check now")
    person.sees("To be done: 4")
    person.shoot("domain-to-do")
    zone.texts |= {
        name: [value], "acme.example": ["v=spf1 mx ~all"], "_dmarc.acme.example": ["v=DMARC1; p=none"],
    }  # fmt: skip
    zone.mail["bounce.acme.example"] = ["mx.acme.example"]
    person.press("Check now")
    person.sees("Nothing is left to be done.")
    person.sees("signs letters")
    person.press("Make the next key")
    person.press("Check now")
    person.sees("until then the one before signs")
    person.shoot("domain")
    person.open("/email/domains/list/")
    person.sees("in order")
    person.shoot("domains")


def choose(person: Person) -> None:
    person.open("/email/figures/list/")
    person.shoot("figures-none")
    person.follow("Look at the choices")
    person.page.get_by_label("Count clicks").check()
    person.press("Save")
    person.sees("Your choices are kept.")
    expect(person.page.get_by_label("Count clicks")).to_be_checked()
    person.shoot("choices")


def look_at_figures(person: Person, campaign_id: int) -> None:
    person.open("/email/figures/list/")
    person.shoot("figures")
    person.follow("Spring")
    assert person.page.url.endswith(f"/show/{campaign_id}")
    person.sees("https://shop.example/")
    person.shoot("links")


@pytest.mark.parametrize(("size", "theme"), [(browsing.PHONE, "dark")])
def test_letters_from_the_first_block_to_the_domain(
    house: House, address: str, chromium: Browser, size: dict[str, int], theme: str
) -> None:
    with published(Zone()) as zone, browsing.person(chromium, address, size, theme) as somebody:
        somebody.sign_in(roles.ORGANISATION_ADMINISTRATOR)
        write_a_letter(somebody)
        put_a_domain_in_order(somebody, zone)
        choose(somebody)
        campaign_id = clicked(house)
        look_at_figures(somebody, campaign_id)
        somebody.open(f"/campaigns/show/{campaign_id}")
        expect(somebody.page.frame_locator(".look iframe").get_by_role("link", name="Buy")).to_be_visible()
        somebody.shoot("campaign")


def clicked(house: House) -> int:
    """Let a campaign send the letter that was written, and somebody follow its button; return its id."""
    with house.work(factories.ADMINISTRATOR, 1) as work:
        template = work.session.query(Template).one()
        blocks = templates.current(work, template.id).content["blocks"]
        assert [each["shape"] for each in blocks] == ["text", "heading", "button"]
        assert work.session.query(SenderDomain).one().is_verified
        sender = senders.create(work, "email", "address", "news@acme.example", purposes=["promotional"])
        people = factories.contact_list(work)
        made = campaigns.create(work, Draft("Spring", "email", "promotional", template.id, sender.id, [people.id]))
        work.session.add(EmailEvent(campaign_id=made.id, message_id=1, kind="click", link=1, is_bot=False))
        return made.id
