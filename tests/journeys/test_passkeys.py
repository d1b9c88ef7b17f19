"""Second factors in a real browser: an app's code, recovery codes, and passkeys by a virtual authenticator."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pyotp
import pytest
from playwright.sync_api import Browser, expect

from connectpulse.app import create_app
from connectpulse.core.errors import Refused, Wait
from connectpulse.core.services.access import signing_in
from connectpulse.core.services.access.devices import Visit
from connectpulse.core.storage.embedded import free_port
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.web.security import roles

from . import browsing, live
from .browsing import Person
from .panel_scene import NAMES, PASSWORD, people

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.slow]


@pytest.fixture
def address(house: House, organisation: int) -> Iterator[str]:
    port = free_port()
    house.settings = replace(house.settings, public_url=f"http://localhost:{port}")
    people(house, organisation)
    with live.served(create_app(house), port):
        yield f"http://localhost:{port}"


def give_authenticator(person: Person) -> None:
    """Give the browser an authenticator that keeps passkeys and verifies its person."""
    devtools = person.page.context.new_cdp_session(person.page)
    devtools.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    devtools.send(
        "WebAuthn.addVirtualAuthenticator",
        {"options": {**options, "isUserVerified": True, "automaticPresenceSimulation": True}},
    )


def type_password(person: Person, role: str) -> None:
    person.open("/login/")
    person.fill("Name or e-mail address", NAMES[role])
    person.fill("Password", PASSWORD)
    person.press("Sign in")


@pytest.mark.parametrize("size", [browsing.DESKTOP, browsing.PHONE], ids=["desktop", "phone"])
def test_passkey_is_made_and_signs_in_alone_and_after_the_password(
    chromium: Browser, address: str, size: dict[str, int]
) -> None:
    with browsing.person(chromium, address, size, "dark" if size is browsing.PHONE else "light") as person:
        give_authenticator(person)
        person.sign_in(roles.PLATFORM_ADMINISTRATOR)
        person.open("/profile/factors/")
        person.page.get_by_label("Name of the passkey").fill("My laptop")
        person.press("Add a passkey")
        person.sees("My laptop")
        person.shoot("factors-passkey")
        person.sign_out()
        person.sees("Sign in with a passkey")
        person.shoot("sign-in")
        person.press("Sign in with a passkey")
        expect(person.page.locator("#side")).to_be_attached()
        person.open("/profile/")
        person.shoot("profile")
        person.sign_out()
        type_password(person, roles.PLATFORM_ADMINISTRATOR)
        person.sees("One more step")
        person.shoot("second")
        person.press("Use a passkey")
        expect(person.page.locator("#side")).to_be_attached()
        person.open("/sign-ins/list/")
        person.sees("password and passkey")
        person.shoot("sign-ins")


def test_app_is_set_up_by_its_picture_and_asked_for(chromium: Browser, address: str) -> None:
    with browsing.person(chromium, address, browsing.PHONE) as person:
        person.sign_in(roles.ANALYST)
        person.open("/profile/")
        person.follow("Set up a second factor")
        person.press("Set up an app")
        expect(person.page.get_by_alt_text(re.compile("QR code"))).to_be_visible()
        secret = person.page.locator("code").first.inner_text().replace(" ", "")
        person.shoot("totp")
        person.page.get_by_label("Code the app shows").fill(pyotp.TOTP(secret).now())
        person.press("Confirm")
        person.sees("They are shown only now")
        codes = person.page.locator(".codes code").all_inner_texts()
        assert len(codes) == 10
        person.shoot("recovery-codes")
        person.follow("I have kept them")
        person.shoot("factors-app")
        person.sign_out()
        type_password(person, roles.ANALYST)
        person.fill("Code of your authenticator app", codes[0].upper())
        person.press("Go on")
        expect(person.page.locator("#side")).to_be_attached()


def test_a_passkey_gets_in_while_strangers_lock_the_password_and_its_answer_works_once(
    chromium: Browser, house: House, address: str
) -> None:
    answers: list[str] = []
    with browsing.person(chromium, address, browsing.DESKTOP) as person:
        give_authenticator(person)
        person.page.on("request", lambda sent: sent.url.endswith("next=") and answers.append(sent.post_data or ""))
        person.sign_in(roles.ANALYST)
        person.open("/profile/factors/")
        person.press("Add a passkey")
        person.page.get_by_role("button", name="Remove Passkey").wait_for()
        person.sign_out()
        person.sees("Sign in with a passkey")
        lock_out(house, NAMES[roles.ANALYST])
        person.page.context.clear_cookies(name="pulse-device")
        person.open("/login/")
        person.press("Sign in with a passkey")
        expect(person.page.locator("#side")).to_be_attached()
    with browsing.person(chromium, address, browsing.DESKTOP) as thief:
        thief.open("/login/")
        assert len(answers) == 1
        status = thief.page.evaluate(
            """async (body) => (await fetch("/login/passkey", {method: "POST", body, headers: {
                "Content-Type": "application/json",
                "X-CSRFToken": document.querySelector("[name=csrf_token]").value}})).status""",
            answers[0],
        )
        assert status == 401
        thief.open("/profile/")
        thief.sees("Sign in to")
        assert len(thief.complaints) == 1  # the browser's own word on the refusal
        thief.complaints.clear()


def lock_out(house: House, name: str) -> None:
    """Try ten wrong passwords from elsewhere."""
    at, clock = [house.clock()], house.clock
    house.clock = lambda: at[0]
    for number in range(10):
        with pytest.raises(Refused):
            signing_in.by_password(lambda: house.work(ADMINISTRATOR), Visit(f"203.0.113.{number}"), name, "wrong")
        at[0] += timedelta(seconds=16)
    with pytest.raises(Wait):
        signing_in.by_password(lambda: house.work(ADMINISTRATOR), Visit("203.0.113.99"), name, PASSWORD)
    house.clock = clock
