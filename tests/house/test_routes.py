"""Every route of the application: who gets in, what strangers see, and what a foreign id is worth."""

from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.routing import Rule

from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.web.security import roles
from tests.journeys.panel_scene import Visitor, panel, visitor

pytestmark = pytest.mark.slow

OPEN = {
    "HomeView.index", "HomeView.live", "SignInView.login", "SignInView.logout", "LocaleView.index", "UtilView.back",
    "appbuilder.static", "static", "callbacks.receive", "health.healthz", "health.readyz", "health.metrics",
    "health.details", "api.openapi", "icon", "hooks.knock", "plugin_files",
    "SignInView.second", "SignInView.forgotten", "SignInView.passkey", "SignInView.passkey_options",
    "InvitationView.show", "InvitationView.accept", "InvitationView.decline",
    "NewPasswordView.show", "NewPasswordView.choose",
    "PrivacyView.show", "PrivacyView.history", "PrivacyView.version", "PrivacyView.changes",
    "PrivacyView.processors", "AskView.ask", "AskView.thread",
    "mail_choices.leave", "mail_choices.stop",
    "privacy_requests.ask", "privacy_requests.confirm", "privacy_requests.status", "privacy_requests.package",
}  # fmt: skip
"""Routes that answer strangers: with the sign-in page, a file, or their own kind of proof."""

PAGES_OF_ROLES = {
    roles.ANALYST: {"/campaigns/list/", "/templates/list/", "/files/list/", "/messages/list/", "/replies/list/",
                    "/lists/list/"},
    roles.APPROVER: {"/campaigns/list/", "/templates/list/", "/files/list/", "/messages/list/", "/replies/list/",
                     "/lists/list/",
                     "/senders/list/", "/requests/list/", "/decisions/list/"},
}  # fmt: skip
EVERY_LIST = {
    "/campaigns/list/", "/templates/list/", "/files/list/", "/senders/list/", "/contacts/list/", "/lists/list/",
    "/imports/list/", "/fields/list/", "/suppressions/list/", "/messages/list/", "/replies/list/", "/audit/list/",
    "/members/list/", "/settings/", "/organisations/list/", "/connections/list/", "/routes/list/", "/system/",
    "/api-keys/list/", "/api-requests/list/", "/support/list/",
    "/agreements/", "/policy/", "/policy/inventory", "/operator/", "/requests/list/", "/decisions/list/",
    "/backups/list/",
}  # fmt: skip


@pytest.fixture
def app(house: House, organisation: int) -> Flask:
    return panel(house, organisation)


@pytest.fixture(scope="module")
def standing_app(standing_house: House) -> Flask:
    """A panel for questions that change nothing."""
    return panel(standing_house, factories.organisation(standing_house))


@pytest.fixture(scope="module")
def administrator(standing_app: Flask) -> Visitor:
    return visitor(standing_app, roles.PLATFORM_ADMINISTRATOR)


def rules(app: Flask) -> Iterator[tuple[Rule, str, str]]:
    """Yield every closed route as (rule, a URL on it, a method)."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint in OPEN:
            continue
        url = str(rule)
        for argument in rule.arguments:
            url = url.replace(f"<{argument}>", "1").replace(f"<int:{argument}>", "1")
        assert "<" not in url, rule
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            yield rule, url, method


def test_no_post_without_a_token(app: Flask) -> None:
    person = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    for _, url, method in rules(app):
        if method == "POST" and not url.startswith("/api/"):  # there no cookie counts, and so no token is needed
            answer = person.client.post(url)
            assert answer.status_code == 400, (url, answer.status_code)
            assert "grown old" in answer.text


def test_changes_are_never_made_by_get(app: Flask) -> None:
    reading = {"list", "show", "lookup", "progress", "quote_progress", "faults", "choose", "add", "edit", "download"}
    reading |= {
        "choices",
        "inventory",
        "certificate",
        "report",
        "search",
        "export",
        "drill",
        "evidence",
        "enrol",
        "shown",
        "contact",
        "live",
        "talk",
    }
    for rule, url, method in rules(app):
        if method == "GET" and not url.startswith("/api/"):
            assert rule.endpoint.partition(".")[2] in reading, rule.endpoint


@pytest.mark.parametrize("role", [roles.ANALYST, roles.APPROVER])
def test_readers_read_their_pages_and_no_others(standing_app: Flask, role: str) -> None:
    person = visitor(standing_app, role)
    for page in EVERY_LIST:
        wanted = 200 if page in PAGES_OF_ROLES[role] else 403
        assert person.get(page).status_code == wanted, page


@pytest.mark.parametrize(
    "query",
    ["q=%00", "q=%25_", "before=abc", "before=-1", "before=99999999999999999999999", "state=%F0%9F%92%A5", "page_X=abc",
     "_oc_X=password", "psize_X=100000", "list=x", "list=99999999999999999999", "of=platform", "channel=none",
     "_l_=xx", "provider=none", "preset=none&provider=smpp"],
)  # fmt: skip
def test_no_query_string_breaks_a_page(administrator: Visitor, query: str) -> None:
    for page in (*EVERY_LIST, "/", "/connections/add", "/templates/add", "/campaigns/add", "/contacts/lookup"):
        answer = administrator.get(f"{page}?{query}", follow_redirects=True)
        assert answer.status_code in (200, 400, 404), (page, query, answer.status_code)


@pytest.mark.parametrize("pk", ["0", "-1", "abc", "99999999999999999999", "1%00", "' OR 1=1"])
def test_no_id_breaks_a_page(administrator: Visitor, pk: str) -> None:
    for noun in (
        "campaigns",
        "templates",
        "files",
        "senders",
        "contacts",
        "lists",
        "imports",
        "messages",
        "replies",
        "audit",
        "requests",
        "decisions",
    ):
        assert administrator.get(f"/{noun}/show/{pk}").status_code == 404, (noun, pk)


def test_rows_of_another_organisation_are_not_there(house: House, app: Flask) -> None:
    other = factories.organisation(house)
    with house.work(factories.ADMINISTRATOR, other) as work:
        hers = factories.contact(work, "+923001234567", "Hers")
        her_list = factories.contact_list(work, "Her list", [hers])
        contact_id, list_id = hers.id, her_list.id
    person = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    assert person.get(f"/contacts/show/{contact_id}").status_code == 404
    assert person.get(f"/lists/show/{list_id}").status_code == 404
    assert person.post(f"/lists/delete/{list_id}", "/profile/").status_code == 404
    assert "Hers" not in person.get("/contacts/list/").text
    assert "Her list" not in person.get("/lists/lookup").text
    form = {"name": "Mine", "channel": "sms", "purpose": "transactional", "list_ids": [str(list_id)]}
    answer = person.post("/campaigns/add", "/campaigns/add", form)
    assert answer.status_code in (404, 422)


def test_headers_of_every_answer(app: Flask) -> None:
    answer = visitor(app, roles.ANALYST).get("/campaigns/list/")
    assert "script-src 'self' 'nonce-" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"


def test_sign_in_is_limited(app: Flask) -> None:
    person = Visitor(app.test_client())
    answers = [person.post("/login/", "/login/", {"username": "x", "password": "y"}).status_code for _ in range(12)]
    assert answers[0] == 401
    assert answers[-1] == 429
