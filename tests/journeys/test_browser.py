"""An administrator's first campaign, by clicking: from the connection to what happened to each recipient."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from connectpulse.core.services import records
from connectpulse.core.storage.models import Organisation
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.web.security import roles

from . import browsing, live
from .browsing import Person

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.slow]

RECIPIENTS = 40


@pytest.fixture
def contacts_file(tmp_path: Path) -> Path:
    lines = ["Name;Mobile;City", *(f"Person {n};0300{n:07};Lahore" for n in range(RECIPIENTS)), "Nobody;12;Multan"]
    path = tmp_path / "contacts.csv"
    path.write_text("\n".join(lines))
    return path


def set_up_line(person: Person, port: int) -> None:
    """As the operator: connect to the SMSC, test it, route over it."""
    person.sign_in(roles.PLATFORM_ADMINISTRATOR)
    person.open("/connections/choose")
    person.shoot("providers")
    person.open("/connections/add?provider=smpp")
    person.fill("Name", "Simulated SMSC")
    person.fill("Host", "127.0.0.1")
    person.fill("Port", str(port))
    person.fill("System id", "pulse")
    person.fill("Password", "pulse")
    person.page.get_by_label("It leads to a simulator").check()
    person.shoot("connection-form")
    person.press("Save")
    person.press("Test this connection")
    person.sees("It works")
    person.shoot("connection")
    person.follow("New route")
    person.shoot("route-form")
    person.press("Save")
    person.sees("The route was added.")
    person.open("/system/")
    person.shoot("system")
    person.sign_out()


def add_sender(person: Person) -> None:
    """As the organisation's administrator: allow a mask."""
    person.sign_in(roles.ORGANISATION_ADMINISTRATOR)
    person.shoot("home-empty")
    person.open("/senders/add")
    person.page.locator("[name=kind]").select_option("sms:alphanumeric")
    person.fill("Sender", "Pulse")
    person.page.get_by_label("Promotional").check()
    person.page.get_by_label("Transactional").check()
    person.shoot("sender-form")
    person.press("Save")
    person.sees("The sender was added.")
    person.sign_out()


def import_contacts(person: Person, file: Path) -> None:
    person.open("/imports/add")
    person.page.get_by_label("CSV file").set_input_files(file)
    person.shoot("import-upload")
    person.press("Upload and look at it")
    person.page.get_by_label("City is").select_option("new")
    person.fill("Put them on a new list", "Customers")
    person.shoot("import-mapping")
    person.press("Import")
    person.sees("Finished.", 30_000)
    person.page.reload()
    person.sees("Not taken")
    person.shoot("import-done")


def write_template(person: Person) -> None:
    person.open("/templates/add?channel=sms")
    person.fill("Name", "Greeting")
    person.fill("Text", 'Dear {{ name | default("friend") }}, greetings to ')
    person.press("city")
    expect(person.page.locator("#preview")).to_contain_text("29")
    person.shoot("template-form")
    person.press("Save")
    person.sees("Version 1")
    person.shoot("template")


def make_campaign(person: Person) -> None:
    person.open("/campaigns/add")
    person.fill("Name", "First campaign")
    person.page.locator("[name=channel]").select_option("sms")
    person.page.get_by_label("Purpose").select_option("transactional")
    person.choose("Template", "Greeting")
    person.choose("Sender", "Pulse")
    person.choose("To these lists", "Customers")
    person.shoot("campaign-form")
    person.press("Save")
    person.press("Count and price it")
    person.sees(f"Launch to {RECIPIENTS} recipients", 30_000)
    person.shoot("quote")


def watch(person: Person) -> None:
    person.press(f"Launch to {RECIPIENTS} recipients")
    person.sees("How far they came")
    expect(person.page.locator("#messages tbody tr").first).to_be_visible(timeout=30_000)
    expect(person.page.locator(".head .badge")).to_have_text("finished", timeout=30_000)
    expect(person.page.locator("#progress .kpi").nth(2)).to_contain_text("100 %", timeout=30_000)
    person.page.reload()
    person.shoot("campaign")


def read_messages(person: Person) -> None:
    person.page.get_by_placeholder("Phone number or e-mail address").fill("03000000007")
    person.page.get_by_placeholder("Phone number or e-mail address").press("Enter")
    person.sees("+923000000007")
    person.follow("+923000000007")
    person.sees("Receipt: delivered")
    person.shoot("message")


@pytest.mark.parametrize(("size", "theme"), [(browsing.DESKTOP, "light"), (browsing.PHONE, "dark")])
def test_first_campaign(
    house: House, address: str, chromium: Browser, contacts_file: Path, size: dict[str, int], theme: str
) -> None:
    with (
        live.smsc() as ports,
        live.working(house),
        browsing.person(chromium, address, size, theme) as person,
    ):
        set_up_line(person, ports["smpp_port"])
        add_sender(person)
        person.sign_in(roles.CAMPAIGN_MANAGER)
        import_contacts(person, contacts_file)
        write_template(person)
        make_campaign(person)
        watch(person)
        read_messages(person)
        person.open("/")
        person.shoot("home")
        person.page.evaluate("document.documentElement.dir = 'rtl'")
        person.shoot("home-rtl")
        for path in ("campaigns", "templates", "contacts", "lists", "imports", "fields", "suppressions", "messages"):
            person.open(f"/{path}/list/")
            person.shoot(path)


@pytest.mark.parametrize(("size", "theme"), [(browsing.DESKTOP, "light"), (browsing.PHONE, "dark")])
def test_switching_among_many_organisations(
    house: House, address: str, chromium: Browser, size: dict[str, int], theme: str
) -> None:
    with house.work(ADMINISTRATOR) as work:
        for number in range(30):
            row = Organisation(name=f"Bank of Multan {number:02}", country="PK", timezone="Asia/Karachi")
            records.create(work, row, "organisation.created")
    with browsing.person(chromium, address, size, theme) as person:
        person.sign_in(roles.PLATFORM_ADMINISTRATOR)
        if size is browsing.PHONE:
            person.press("Menu")
        box = person.page.get_by_role("combobox", name="Organisation")
        before = person.page.locator(".switcher .item").text_content() or ""
        box.focus()
        person.page.keyboard.press("Backspace")
        expect(person.page.locator(".switcher .item")).to_have_text(before)
        person.page.keyboard.type("bank of multan 27")
        expect(person.page.locator(".ts-dropdown:visible .option")).to_have_text(["Bank of Multan 27"])
        person.shoot("switcher")
        person.page.keyboard.press("Enter")
        expect(person.page.get_by_role("heading", level=1)).to_contain_text("Bank of Multan 27")


@pytest.mark.parametrize("size", [browsing.DESKTOP, browsing.PHONE])
def test_the_menu_shows_where_one_is(address: str, chromium: Browser, size: dict[str, int]) -> None:
    with browsing.person(chromium, address, size) as person:
        person.sign_in(roles.PLATFORM_ADMINISTRATOR)
        person.open("/system/")
        if size is browsing.PHONE:
            person.press("Menu")
        expect(person.page.locator("#side [aria-current]")).to_be_in_viewport()
        person.shoot("menu-far-down")


@pytest.mark.parametrize("size", [browsing.DESKTOP, browsing.PHONE])
def test_a_long_menu_folds_and_is_searched(address: str, chromium: Browser, size: dict[str, int]) -> None:
    with browsing.person(chromium, address, size) as person:
        person.sign_in(roles.PLATFORM_ADMINISTRATOR)
        side, keys = person.page.locator("#side"), person.page.keyboard
        if size is browsing.PHONE:
            person.press("Menu")
        expect(side.get_by_text("Campaigns", exact=True)).to_be_visible()
        expect(side.get_by_text("Backups", exact=True)).not_to_be_visible()
        person.shoot("menu-folded")
        keys.press("Control+k")
        keys.type("back")
        expect(side.locator("li:visible")).to_have_text(["Backups"])
        person.shoot("menu-searched")
        person.page.get_by_label("Find a page").fill("nothing like it")
        expect(side.get_by_text("Nothing is called that.")).to_be_visible()
        person.page.get_by_label("Find a page").fill("privacy")
        expect(side.locator("li:visible")).to_have_text(["Requests", "Decisions", "Privacy policy"])
        if size is browsing.PHONE:
            keys.press("Escape")
            person.press("Menu")
            expect(side.get_by_role("link").first).to_be_focused()
            expect(side.get_by_text("Campaigns", exact=True)).to_be_visible()
            keys.press("Control+k")
        person.page.get_by_label("Find a page").fill("back")
        keys.press("Enter")
        expect(person.page.get_by_role("heading", level=1)).to_have_text("Backups")
        if size is browsing.PHONE:
            person.press("Menu")
        expect(side.get_by_text("Backups", exact=True)).to_be_visible()
        side.get_by_text("Audience", exact=True).click()
        expect(side.get_by_text("Contacts", exact=True)).not_to_be_visible()
        person.open("/")
        if size is browsing.PHONE:
            person.press("Menu")
        expect(side.get_by_text("Campaigns", exact=True)).to_be_visible()
        expect(side.get_by_text("Contacts", exact=True)).not_to_be_visible()
        person.page.evaluate("localStorage.setItem('menu', 'no JSON')")
        person.open("/")
        expect(side.get_by_text("Contacts", exact=True)).to_be_visible(visible=size is browsing.DESKTOP)


@pytest.mark.parametrize(("size", "theme"), [(browsing.DESKTOP, "light"), (browsing.PHONE, "dark")])
def test_guides_are_read_beside_the_work(address: str, chromium: Browser, size: dict[str, int], theme: str) -> None:
    with browsing.person(chromium, address, size, theme) as person:
        person.sign_in(roles.ANALYST)
        person.open("/help/")
        person.shoot("help")
        person.follow("Prices")
        expect(person.page.get_by_role("heading", level=1)).to_have_text("Prices")
        person.shoot("guide-prices")
        person.follow("Units")
        person.shoot("guide-units")
        person.open("/guides/sending")
        person.shoot("guide-sending")


def test_wrong_password_and_keyboard(address: str, chromium: Browser) -> None:
    with browsing.person(chromium, address, browsing.PHONE) as person:
        person.open("/login/")
        person.shoot("login")
        person.fill("Name or e-mail address", "manager")
        person.fill("Password", "not the password")
        person.press("Sign in")
        person.sees("The name or the password is not right.")
        person.complaints.clear()  # the browser logs the 401 itself
        person.sign_in(roles.CAMPAIGN_MANAGER)
        person.press("Menu")
        side = person.page.locator("#side")
        expect(side.get_by_role("link", name="Campaigns", exact=True)).to_be_visible()
        person.shoot("menu")
        person.page.keyboard.press("Escape")
        expect(side.get_by_role("link", name="Contacts", exact=True)).not_to_be_visible()
        expect(person.page).to_have_title(re.compile("Home"))
