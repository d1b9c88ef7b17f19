"""A fresh key is copied by a button: with the keyboard alone, and it says so."""

import pytest
from playwright.sync_api import Browser, expect

from connectpulse.house import House
from connectpulse.web.security import roles

from . import browsing, live
from .panel_scene import panel

pytestmark = pytest.mark.peer("chromium")


@pytest.mark.parametrize("size", [browsing.DESKTOP, browsing.PHONE], ids=["desktop", "phone"])
def test_a_fresh_key_is_copied_with_the_keyboard(
    house: House, organisation: int, chromium: Browser, size: dict[str, int]
) -> None:
    theme = "dark" if size is browsing.PHONE else "light"
    with (
        live.served(panel(house, organisation)) as address,
        browsing.person(chromium, address, size, theme) as person,
    ):
        person.page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
        person.sign_in(roles.ORGANISATION_ADMINISTRATOR)
        person.open("/api-keys/add")
        person.fill("Name", "Nightly sync")
        person.page.get_by_role("checkbox").first.check()
        person.press("Save")
        shown = person.page.get_by_label("API key")
        shown.focus()
        person.page.keyboard.press("Tab")
        expect(person.page.get_by_role("button", name="Copy", exact=True)).to_be_focused()
        person.page.keyboard.press("Enter")
        person.sees("Copied")
        assert person.page.evaluate("navigator.clipboard.readText()") == shown.input_value()
        person.shoot("api-key-copied")


def test_where_the_browser_keeps_the_clipboard_to_itself_the_key_is_selected(
    house: House, organisation: int, chromium: Browser
) -> None:
    with (
        live.served(panel(house, organisation)) as address,
        browsing.person(chromium, address, browsing.DESKTOP) as person,
    ):
        person.sign_in(roles.ORGANISATION_ADMINISTRATOR)
        person.open("/api-keys/add")
        person.fill("Name", "Nightly sync")
        person.page.get_by_role("checkbox").first.check()
        person.press("Save")
        refuse = "() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }"
        person.page.evaluate(refuse)
        person.press("Copy")
        person.sees("Press Ctrl+C to copy")
        assert person.page.evaluate("getSelection().toString()") == person.page.get_by_label("API key").input_value()
