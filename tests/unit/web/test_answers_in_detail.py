"""Small things every answer keeps to: methods, character sets, folders, what is left behind, and no debugging."""

import pytest
from flask import Flask

from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.web.security import roles
from tests.journeys.panel_scene import panel, visitor


@pytest.fixture
def site(house: House) -> Flask:
    return panel(house, factories.organisation(house))


def test_methods_nobody_asked_for_are_refused(site: Flask) -> None:
    for method in ("TRACE", "TRACK", "CONNECT", "PROPFIND"):
        for address in ("/login/", "/healthz", "/campaigns/list/", "/api/v1/me"):
            assert site.test_client().open(address, method=method).status_code in {401, 405}, (method, address)


def test_a_text_says_its_character_set(site: Flask) -> None:
    person = visitor(site, roles.ANALYST)
    for address in ("/login/", "/campaigns/list/", "/static/pulse.css", "/static/pulse.js", "/nowhere"):
        kind = person.get(address).headers["Content-Type"]
        assert not kind.startswith("text/") or "charset=utf-8" in kind, address


def test_no_folder_is_listed_and_none_is_left(site: Flask) -> None:
    for address in ("/static/", "/static/vendor/", "/static/../app.py", "/static/..%2f..%2fapp.py", "/.git/config"):
        assert site.test_client().get(address).status_code in {302, 308, 404}, address


def test_nothing_is_debugged(site: Flask) -> None:
    assert not site.debug
    assert not site.config.get("PROPAGATE_EXCEPTIONS")


def test_signing_out_leaves_nothing_in_the_browser(site: Flask) -> None:
    person = visitor(site, roles.ANALYST)
    assert person.get("/campaigns/list/").headers["Cache-Control"] == "no-store"
    assert person.post("/logout/", "/campaigns/list/").headers["Clear-Site-Data"] == '"cache"'


def test_a_page_for_the_signed_in_offers_to_sign_out(site: Flask) -> None:
    person = visitor(site, roles.ANALYST)
    for address in ("/", "/campaigns/list/", "/profile/"):
        answer = person.get(address, follow_redirects=True)
        assert (answer.status_code, 'action="/logout/"' in answer.text) == (200, True), address
