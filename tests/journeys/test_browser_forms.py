"""Forms in a real browser: fields come and go with the answers they belong to, and what is new is not called wrong."""

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from connectpulse.core.services import templates
from connectpulse.core.storage.models import TemplateVersion
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.web.security import roles
from tests.journeys import browsing
from tests.journeys.browsing import Person

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.slow]
OF_TEMPLATES = ("category", "language", "examples")
FOLDED = "A template that WhatsApp has already"


def shows(person: Person, *names: str, is_shown: bool = True) -> None:
    for name in names:
        expect(person.page.locator(f"[name={name}]")).to_be_visible(visible=is_shown)


def hides(person: Person, *names: str) -> None:
    shows(person, *names, is_shown=False)


def choose(person: Person, name: str, value: str) -> None:
    person.page.locator(f"[name={name}]").select_option(value)


def look_at_new_ones(person: Person) -> None:
    for channel in ("sms", "whatsapp", "voice", "email"):
        with person.page.expect_response("**/templates/preview/*"):
            person.open(f"/templates/add?channel={channel}")
        expect(person.page.locator("#preview")).to_contain_text("Begin to write")
        expect(person.page.locator("#preview .alert")).to_have_count(0)
        expect(person.page.locator(".look")).to_be_hidden()
        person.shoot(f"new-{channel}")


def let_fields_come_and_go(person: Person) -> None:
    person.open("/templates/add?channel=whatsapp")
    shows(person, "kind", *OF_TEMPLATES, "header", "footer", "buttons")
    hides(person, "header_text", "expiry", "template_name")
    expect(person.page.get_by_text(FOLDED)).to_be_visible()
    choose(person, "header", "text")
    shows(person, "header_text")
    choose(person, "category", "authentication")
    shows(person, "expiry")
    hides(person, "header", "header_text", "footer", "buttons")
    person.shoot("whatsapp-code")
    choose(person, "kind", "text")
    hides(person, *OF_TEMPLATES, "expiry")
    expect(person.page.get_by_text(FOLDED)).to_be_hidden()
    shows(person, "header", "header_text", "footer", "buttons")
    choose(person, "header", "none")
    hides(person, "header_text")
    expect(person.page.locator("#preview .alert")).to_have_count(0)
    person.shoot("whatsapp-text")
    choose(person, "kind", "template")
    shows(person, *OF_TEMPLATES, "expiry")


def fill_in_by_keyboard(person: Person) -> None:
    """Put placeholders into two texts without a mouse; the row of them stands below the text that was written in."""
    page = person.page
    choose(person, "kind", "text")
    person.fill("Name", "Answer")
    page.locator("[name=body]").focus()
    page.keyboard.type("Dear ")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="first_name", exact=True)).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("[name=body]")).to_be_focused()
    expect(page.locator("[name=body]")).to_have_value('Dear {{ name | default("…") }}')
    page.locator("[name=buttons]").focus()
    expect(page.locator(".field:has([name=buttons]) + [data-inserts]")).to_be_visible()
    page.locator("[name=body]").focus()
    expect(page.locator(".field:has([name=body]) + [data-inserts]")).to_be_visible()
    expect(page.locator("#preview")).to_contain_text("Goes only to people who wrote to us")
    expect(page.frame_locator(".look iframe:only-child").locator(".bubble")).to_contain_text("Dear")
    person.shoot("whatsapp-filled-in")


def keep(person: Person, house: House, organisation: int) -> None:
    """Save what was typed under two kinds: what does not belong to the last one is not kept."""
    choose(person, "kind", "template")
    person.page.locator("[name=examples]").fill("name = Amina")
    choose(person, "kind", "text")
    person.press("Save")
    person.sees("Version 1")
    with house.work(ADMINISTRATOR, organisation) as work:
        content = work.session.scalars(select(TemplateVersion.content)).one()
    assert (content["kind"], content["examples"]) == ("text", None)
    person.follow("Change")
    hides(person, *OF_TEMPLATES)
    person.sign_out()


def look_at_connections(person: Person) -> None:
    page = person.page
    person.open("/connections/add?provider=gateway")
    login = page.get_by_role("heading", name="Login")
    expect(login).to_be_hidden()
    hides(person, "login_path", "auth_header", "body_kind", "lookup_path")
    person.shoot("gateway")
    choose(person, "auth", "login")
    expect(login).to_be_visible()
    shows(person, "login_path")
    hides(person, "login_body")
    choose(person, "login_body_kind", "form")
    shows(person, "login_body")
    choose(person, "auth", "header")
    hides(person, "login_path", "login_body")
    shows(person, "auth_header")
    person.open("/connections/add?provider=whatsapp_cloud")
    hides(person, "product_policy", "shares_activity")
    page.get_by_label("Send marketing over Marketing Messages").check()
    shows(person, "product_policy", "shares_activity")
    person.shoot("cloud")


def choose_people(person: Person, house: House, organisation: int) -> None:
    """Lists stay chosen though the channel changes, and each is taken out by its own button."""
    with house.work(ADMINISTRATOR, organisation) as work:
        for name in ("Everybody", "Friends", "Not these"):
            factories.contact_list(work, name)
        templates.create(work, "By text", "sms", {"body": "Hello"})
    page = person.page
    person.open("/campaigns/add")
    choose(person, "channel", "sms")
    person.choose("To these lists", "Everybody")
    person.choose("To these lists", "Friends")
    person.choose("But not to anybody on", "Not these")
    person.choose("Template", "By text")
    choose(person, "channel", "whatsapp")
    expect(page.locator("[name=template_id] option:checked")).to_have_text([""])
    choose(person, "channel", "sms")
    page.get_by_role("combobox", name="Template").first.click()
    page.locator(".ts-dropdown:visible .option", has_text="By text").click()
    page.get_by_role("button", name="Take out Friends").click()
    expect(page.locator("[name=list_ids] option:checked")).to_have_text(["Everybody (0)"])
    expect(page.locator("[name=excluded_ids] option:checked")).to_have_text(["Not these (0)"])
    person.shoot("campaign-lists")


def be_led_to_the_fault(person: Person) -> None:
    person.open("/connections/add?provider=smpp")
    for label, value in (("Name", "Far below"), ("Host", "127.0.0.1"), ("System id", "a"), ("Password", "secret")):
        person.fill(label, value)
    person.fill("Window", "0")
    person.press("Save")
    expect(person.page.get_by_label("Window")).to_be_focused()
    expect(person.page.locator(".field.secret .fault")).to_have_text("Nothing was saved. Type this again if you had.")
    assert all("422" in each for each in person.complaints)
    person.complaints.clear()


@pytest.mark.parametrize(
    ("size", "theme"), [(browsing.DESKTOP, "light"), (browsing.PHONE, "dark")], ids=["desktop", "phone"]
)
def test_a_form_asks_what_applies(
    house: House, organisation: int, address: str, chromium: Browser, size: dict[str, int], theme: str
) -> None:
    with browsing.person(chromium, address, size, theme) as person:
        person.sign_in(roles.CAMPAIGN_MANAGER)
        look_at_new_ones(person)
        let_fields_come_and_go(person)
        fill_in_by_keyboard(person)
        keep(person, house, organisation)
        person.sign_in(roles.CAMPAIGN_MANAGER)
        choose_people(person, house, organisation)
        person.sign_out()
        person.sign_in(roles.PLATFORM_ADMINISTRATOR)
        look_at_connections(person)
        be_led_to_the_fault(person)


def test_without_scripts_everything_is_asked(address: str, chromium: Browser, house: House) -> None:
    context = chromium.new_context(java_script_enabled=False)
    person = Person(context.new_page(), address)
    person.sign_in(roles.CAMPAIGN_MANAGER)
    person.open("/templates/add?channel=whatsapp")
    shows(person, "kind", *OF_TEMPLATES, "header_text", "expiry")
    context.close()
