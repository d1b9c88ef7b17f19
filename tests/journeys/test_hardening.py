"""What a browser is told and asks: every page in Chromium without a complaint, and requests from elsewhere refused."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Error, Response

from connectpulse import house as houses
from connectpulse.app import create_app
from connectpulse.core.domain.settings import fresh_secrets, from_mapping
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.testing.plugin import fresh_database
from connectpulse.web import current, origin
from connectpulse.web.security import roles
from tests.house.matrix import ARGUMENTS, DOORS, OPEN, SENT

from . import browsing, live, panel_scene, specimens
from .browsing import Person
from .panel_scene import Visitor

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from connectpulse.core.storage.embedded import EmbeddedServer

_WATCH = """addEventListener("securitypolicyviolation", (event) => {
  console.error(`CSP ${event.effectiveDirective}: ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
});"""
_READERS = (roles.PLATFORM_ADMINISTRATOR, roles.ORGANISATION_ADMINISTRATOR)
_NOWHERE = "/no/such/page"
_FOR_STRANGERS = (
    "/login/", "/forgotten/", "/contact/", "/privacy/", "/privacy/history", "/privacy/processors", "/privacy/request",
    _NOWHERE,
)  # fmt: skip
_FOR_EVERYBODY = (
    "/", "/back", "/api/v1/openapi.json", "/privacy/", "/contact/", _NOWHERE,
    *(f"/{page}/list/?of=platform" for page in ("audit", "requests", "api-requests")),
)  # fmt: skip
_FORBIDDEN = re.compile(r"<[^>]+\s(?:style|on[a-z]+)\s*=", re.I)


@pytest.fixture(scope="module")
def _filled(database_server: "EmbeddedServer", database_template: str) -> Iterator[tuple[House, Flask, dict[str, int]]]:
    with fresh_database(database_server, database_template) as url:
        house = houses.build(from_mapping(fresh_secrets() | {"DATABASE_URL": url}), pool_size=8)
        organisation = factories.organisation(house)
        app = panel_scene.panel(house, organisation)
        specimens.report(house)
        specimens.policy(house)
        yield house, app, {noun: specimens.fresh(house, organisation, noun) for noun in specimens.NOUNS}
        house.close()


@pytest.fixture
def filled(_filled: tuple[House, Flask, dict[str, int]]) -> tuple[Flask, dict[str, int]]:
    """The panel of an organisation that has one of everything; and the ids."""
    specimens.at_home(_filled[0])
    return _filled[1:]


def addresses(app: Flask, ids: dict[str, int], role: str) -> list[str]:
    """Return the address of every page that `role` may open and nobody before it in `_READERS` may."""
    found = []
    with app.app_context():
        given = roles.rights(current.the_house().registry)
    for rule in sorted(app.url_map.iter_rules(), key=str):
        door = DOORS.get(rule.endpoint)
        if door is None or "GET" not in (rule.methods or ()):
            continue
        readers = [each for each in _READERS if door.opens(each, given=given)]
        if readers[:1] == [role]:
            url = str(rule)
            for name in rule.arguments:
                url = re.sub(rf"<(\w+:)?{name}>", str(ARGUMENTS.get(name, ids.get(door.of, 1))), url)
            sent = SENT.get(rule.endpoint)
            found.append(f"{url}?{urlencode(sent)}" if sent else url)
    return found


def _look(person: Person, path: str) -> list[str]:
    """Open a page; return what is wrong with it. What is no page but a part of one has no icon and no frame."""
    person.complaints.clear()
    try:
        answer = person.page.goto(person.address + path, wait_until="load")
    except Error as error:
        return [] if "Download is starting" in str(error) else [str(error)]
    assert isinstance(answer, Response)
    is_page = "text/html" in answer.headers.get("content-type", "") and answer.text().startswith("<!doctype html>")
    faults = [each for each in person.complaints if is_page or "CSP" in each]
    if is_page and _FORBIDDEN.search(answer.text()):
        faults.append("an attribute that a strict policy forbids")
    if path == _NOWHERE:
        return [fault for fault in faults if "404" not in fault]  # the browser logs the answer itself
    return faults + ([f"answered {answer.status}"] if answer.status >= 400 else [])


@pytest.mark.peer("chromium")
def test_every_page_keeps_the_strict_policy(filled: tuple[Flask, dict[str, int]]) -> None:
    app, ids = filled
    wrong: dict[str, list[str]] = {}
    seen = 0
    with live.served(app) as address, browsing.browser() as chromium:
        for role in ("", *_READERS):
            with browsing.person(chromium, address, browsing.DESKTOP) as person:
                person.page.add_init_script(_WATCH)
                if role:
                    person.sign_in(role)
                for path in [*addresses(app, ids, role), *_FOR_EVERYBODY] if role else _FOR_STRANGERS:
                    faults = _look(person, path)
                    seen += 1
                    if faults:
                        wrong[path] = faults
                person.complaints.clear()
    assert not wrong, "\n".join(f"{path}: {faults}" for path, faults in wrong.items())
    assert seen > 130


def test_every_get_route_is_looked_at(filled: tuple[Flask, dict[str, int]]) -> None:
    app, ids = filled
    looked_at = {path for role in _READERS for path in addresses(app, ids, role)}
    closed = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and rule.endpoint in DOORS and rule.endpoint not in OPEN
    }
    assert len(looked_at) == len(closed)


# --- headers and cookies


@pytest.fixture
def https(house: House, organisation: int) -> Visitor:
    """Somebody before the site as it runs in production: https, behind one proxy."""
    house.settings = replace(house.settings, public_url="https://pulse.example.org", trusted_proxies=1)
    made = Visitor(panel_scene.panel(house, organisation).test_client())
    made.client.environ_base |= {
        "HTTP_HOST": "pulse.example.org", "HTTP_X_FORWARDED_PROTO": "https", "HTTP_X_FORWARDED_FOR": "203.0.113.7",
        "HTTP_X_FORWARDED_HOST": "pulse.example.org", "HTTP_REFERER": "https://pulse.example.org/",
    }  # fmt: skip
    return made


def test_answers_of_a_site_with_https(https: Visitor) -> None:
    answer = https.sign_in("admin")
    cookies = answer.headers.getlist("Set-Cookie")
    assert cookies
    for cookie in cookies:
        parts = {part.strip() for part in cookie.split(";")}
        assert cookie.startswith("__Host-"), cookie
        assert {"Secure", "HttpOnly", "Path=/"} <= parts
        assert parts & {"SameSite=Lax", "SameSite=Strict"}
        assert not any(part.startswith("Domain=") for part in parts)
    page = https.get("/contacts/list/")
    assert page.status_code == 200
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    for name, value in {
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains", "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cache-Control": "no-store",
        "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
    }.items():  # fmt: skip
        assert page.headers[name] == value
    assert "camera=()" in page.headers["Permissions-Policy"]


def test_no_two_answers_share_a_nonce(https: Visitor) -> None:
    policies = {https.get("/login/").headers["Content-Security-Policy"] for _ in range(5)}
    assert len(policies) == 5


def test_a_page_that_was_asked_for_over_http_is_led_to_https(https: Visitor) -> None:
    plain = {"X-Forwarded-Proto": "http"}
    answer = https.get("/contacts/list/?q=a", headers=plain)
    assert (answer.status_code, answer.location) == (308, "https://pulse.example.org/contacts/list/?q=a")
    assert https.client.post("/login/", headers=plain).status_code == 403
    assert https.get("/healthz", headers=plain).status_code == 200


# --- requests from elsewhere


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"},
        {"Origin": "null"}, {"Origin": "https://localhost.evil.example"}, {"Origin": "http://sub.localhost"},
    ],
)  # fmt: skip
def test_a_page_of_another_site_changes_nothing(house: House, organisation: int, headers: dict[str, str]) -> None:
    person = Visitor(panel_scene.panel(house, organisation).test_client())
    person.sign_in("admin")
    form = {"name": "Mine now", "country": "PK", "timezone": "Asia/Karachi"}
    assert person.post("/settings/", "/settings/", form, headers=headers).status_code == 403
    assert person.client.post("/settings/", data=form).status_code == 400  # without a token
    answer = person.client.post("/api/v1/subject-requests", json={}, headers=headers)
    assert answer.status_code in (401, 403)
    with house.engine.connect() as connection:
        assert (
            connection.exec_driver_sql("SELECT count(*) FROM pulse_organisation WHERE name = 'Mine now'").scalar() == 0
        )
    own = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}
    assert person.post("/settings/", "/settings/", form, headers=own).status_code == 302


@pytest.mark.parametrize(
    ("host", "public", "is_ours"),
    [
        ("pulse.example.org", "pulse.example.org", True), ("127.0.0.1", "pulse.example.org", True),
        ("evil.example", "pulse.example.org", False), ("pulse.example.org.evil.example", "pulse.example.org", False),
        ("192.168.0.9", "pulse.example.org", False), ("192.168.0.9", "127.0.0.1", True),
        ("evil.example", "127.0.0.1", False), ("", "127.0.0.1", False), ("::1", "127.0.0.1", True),
    ],
)  # fmt: skip
def test_the_site_answers_to_its_own_names_only(host: str, public: str, is_ours: bool) -> None:
    assert origin.is_our_host(host, public) is is_ours


def test_another_host_gets_no_page(https: Visitor) -> None:
    for headers in (
        {"Host": "evil.example"},
        {"X-Forwarded-Host": "evil.example"},
        {"Host": "pulse.example.org@evil.example"},
    ):
        answer = https.get("/login/", headers={"X-Forwarded-Host": headers.get("Host", "")} | headers)
        assert answer.status_code == 400, headers
        assert "evil" not in answer.text


_AWAY = (
    "https://evil.example", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example",
    "http:evil.example", "javascript:alert(1)", "\x01//evil.example", "/\t/evil.example", "https:evil.example",
    "//evil.example@localhost", "http://localhost@evil.example/", " //evil.example", "%2F%2Fevil.example",
    "/%09/evil.example", "////evil.example",
)  # fmt: skip


@pytest.mark.parametrize("number", range(len(_AWAY)))
def test_nobody_is_led_away_from_the_site(filled: tuple[Flask, dict[str, int]], number: int) -> None:
    person = Visitor(filled[0].test_client())
    person.client.environ_base["REMOTE_ADDR"] = f"198.51.100.{number // 4}"
    target = {"next": _AWAY[number]}
    token = panel_scene._TOKEN.search(person.get("/login/", query_string=target).text)
    assert token
    fields = {"csrf_token": token[1], "username": list(panel_scene.NAMES.values())[number % 6]}
    fields["password"] = panel_scene.PASSWORD
    answer = person.client.post("/login/", query_string=target, data=fields)
    assert answer.status_code == 302
    assert _stays(answer.location), answer.location
    for path in ("/lang/en", "/back"):
        answer = person.get(path, headers={"Referer": "https://evil.example/"})
        assert answer.status_code in (302, 404)
        assert answer.status_code == 404 or _stays(answer.location), answer.location


def _stays(location: str) -> bool:
    """Return whether a browser that is told to go there stays; it reads backslashes as slashes and drops tabs."""
    seen = location.replace("\\", "/").translate({9: None, 10: None, 13: None}).lstrip("".join(map(chr, range(33))))
    return urlsplit(seen).hostname in (None, "localhost") and not seen.startswith(
        ("//", "javascript:", "http:e", "https:e")
    )


def test_one_application_asserts_that_the_api_reads_no_cookie(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(current, "WITHOUT_PEOPLE", current.WITHOUT_PEOPLE - {"api"})
    with pytest.raises(AssertionError):
        create_app(house)
