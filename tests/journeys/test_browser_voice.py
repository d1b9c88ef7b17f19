"""A template of calls in a real browser: heard beside its form while it is written, and once it is kept."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.web.security import roles
from tests.journeys import browsing, live
from tests.journeys.panel_scene import panel

pytestmark = pytest.mark.peer("chromium")


@pytest.fixture
def address(house: House) -> Iterator[str]:
    with live.served(panel(house, factories.organisation(house))) as address:
        yield address


@pytest.mark.parametrize(("size", "theme"), [(browsing.PHONE, "dark")])
def test_a_call_is_heard_while_it_is_written(address: str, chromium: Browser, size: dict[str, int], theme: str) -> None:
    with browsing.person(chromium, address, size, theme) as somebody:
        somebody.sign_in(roles.CAMPAIGN_MANAGER)
        somebody.open("/templates/add?channel=voice")
        somebody.fill("Name", "Appointment")
        somebody.page.locator("[name=text]").fill("آپ کی ملاقات کل ہے۔ شکریہ۔")
        somebody.page.locator("[name=language]").select_option("ur")
        somebody.page.locator("[name=opt_out_key]").select_option("9")
        heard = somebody.page.frame_locator(".look iframe:only-child")
        expect(heard.get_by_text("as it will be heard")).to_be_visible()
        expect(heard.locator("dd")).to_have_text("is not called again")
        seconds = heard.locator("audio").evaluate(
            "audio => new Promise(done => audio.duration ? done(audio.duration) : "
            "audio.addEventListener('loadedmetadata', () => done(audio.duration)))"
        )
        assert 1 < seconds < 10
        expect(somebody.page.locator("#preview")).to_contain_text("Started minutes")
        somebody.shoot("voice-template-form")
        somebody.press("Save")
        somebody.sees("Version 1")
        expect(somebody.page.frame_locator(".look iframe").locator("audio")).to_be_visible()
        somebody.shoot("voice-template")
