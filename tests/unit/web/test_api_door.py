"""The API's door: keys and no cookies, scopes, networks, limits, answers that can be asked for again."""

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from connectpulse.app import create_app
from connectpulse.core.domain.scopes import ANY_KEY, AUDIT_READ, NO_KEY, SCOPES
from connectpulse.core.services import records
from connectpulse.core.services.api import keys
from connectpulse.core.services.work import SYSTEM
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import AuditEntry, ContactList
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.web.api import door
from connectpulse.web.api.v1 import routing
from connectpulse.web.security import roles
from tests.journeys.panel_scene import panel, visitor
from tests.unit.web.api_scene import PEER, Machine, machine, said, written


def test_a_key_says_whose_it_is(house: House, app: Flask, organisation: int) -> None:
    answer = machine(house, app, organisation, networks=["203.0.113.0/24"]).call("/me")
    assert answer.status_code == 200
    told = answer.get_json()
    assert told["organisation"]["id"] == organisation
    assert told["key"]["scopes"] == [AUDIT_READ]
    assert told["key"]["networks"] == ["203.0.113.0/24"]
    assert (answer.headers["RateLimit-Limit"], answer.headers["RateLimit-Remaining"]) == ("600", "599")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer pulse_abcdefgh_" + "A" * 43, "pulse_x", "Bearer \u00e9"]
)
def test_without_a_good_key_there_is_nothing(standing: Machine, header: str) -> None:
    answer = replace(standing, token="").call("/me", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert "key" in said(answer)["detail"]


def test_a_key_is_not_read_from_the_address(standing: Machine) -> None:
    token, app = standing.token, standing.app
    for query in (f"access_token={token}", f"key={token}"):
        assert app.test_client().get(f"/api/v1/me?{query}").status_code == 401


def test_the_cookie_of_a_signed_in_administrator_opens_nothing(house: House, organisation: int) -> None:
    person = visitor(panel(house, organisation), roles.ORGANISATION_ADMINISTRATOR)
    for method in ("GET", "POST", "PUT", "DELETE"):
        answer = person.client.open("/api/v1/subject-requests", method=method, json={})
        assert answer.status_code in (401, 404, 405), (method, answer.status_code)
        assert "Set-Cookie" not in answer.headers
    assert person.get("/api/v1/me").status_code == 401


def test_a_key_opens_no_page_of_the_panel(house: House, app: Flask, organisation: int) -> None:
    key = machine(house, app, organisation, *SCOPES)
    answer = app.test_client().get("/contacts/list/", headers={"Authorization": f"Bearer {key.token}"})
    assert answer.status_code == 302
    assert "/login/" in answer.location


def test_every_route_names_its_scope(standing: Machine) -> None:
    served = {rule.endpoint for rule in standing.app.url_map.iter_rules() if str(rule).startswith("/api/")}
    assert served == set(routing.ROUTES)
    assert {route.scope for route in routing.ROUTES.values()} <= {*SCOPES, ANY_KEY, NO_KEY}


def test_a_route_that_names_none_answers_nobody(house: House, organisation: int) -> None:
    app = create_app(house)
    app.add_url_rule("/api/v1/forgotten", "api.forgotten", lambda: "open")
    key = machine(house, app, organisation, *SCOPES)
    assert "not open" in said(key.call("/forgotten"))["detail"]
    assert key.call("/forgotten").status_code == 403


def test_a_key_without_the_scope_is_refused_everywhere_and_that_is_written_down(
    house: House, app: Flask, organisation: int
) -> None:
    for route in routing.ROUTES.values():
        if route.scope in (ANY_KEY, NO_KEY):
            continue
        others = [scope for scope in SCOPES if scope != route.scope]
        answer = machine(house, app, organisation, *others).call(route.rule.replace("<int:id>", "1"), route.method)
        assert answer.status_code == 403, route
        assert route.scope in said(answer)["detail"]
    with house.work(SYSTEM) as work, guard.platform_scope(work.session, "test"):
        told = work.session.scalars(select(AuditEntry).where(AuditEntry.verb == "api_key.refused")).all()
    assert {entry.organisation_id for entry in told} == {organisation}
    assert f"scope {AUDIT_READ}" in {entry.detail["why"] for entry in told}


def test_an_attempt_from_elsewhere_is_refused_and_seen(house: House, app: Flask, organisation: int) -> None:
    key = machine(house, app, organisation, networks=["198.51.100.0/24"])
    for _ in range(5):
        assert "network" in said(key.call("/me"))["detail"]
    assert replace(key, address="198.51.100.9").call("/me").status_code == 200
    written(app)
    with house.work(SYSTEM, organisation) as work:
        entries = work.session.scalars(select(AuditEntry).where(AuditEntry.verb == "api_key.refused")).all()
        refused = work.session.scalar(text("SELECT count(*) FROM pulse_api_request WHERE status = 403"))
    told = {(entry.actor_kind, entry.actor_address, entry.detail["why"]) for entry in entries}
    assert told == {("key", PEER, "network")}
    assert refused == 5


@pytest.mark.parametrize(
    ("proxies", "header", "is_let_in"),
    [
        (0, "198.51.100.9", False), (0, "198.51.100.9, 198.51.100.9", False),
        (1, "198.51.100.9", True), (1, "198.51.100.9, 203.0.113.50", False), (1, "203.0.113.50, 198.51.100.9", True),
        (1, "", False), (2, "198.51.100.9, 192.0.2.1", True), (2, "198.51.100.9, 203.0.113.50, 192.0.2.1", False),
    ],
)  # fmt: skip
def test_only_what_trusted_proxies_say_counts(
    house: House, organisation: int, proxies: int, header: str, is_let_in: bool
) -> None:
    house.settings = replace(house.settings, trusted_proxies=proxies)
    app = create_app(house)
    key = machine(house, app, organisation, networks=["198.51.100.0/24"])
    claims = {"X-Forwarded-For": header, "X-Real-IP": "198.51.100.9", "Forwarded": "for=198.51.100.9"}
    answer = key.call("/me", headers=claims)
    assert answer.status_code == (200 if is_let_in else 403)


def test_a_revoked_key_is_refused_by_the_next_request(house: House, app: Flask, organisation: int) -> None:
    key = machine(house, app, organisation)
    assert key.call("/me").status_code == 200
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        keys.revoke(work, work.session.scalar(text("SELECT id FROM pulse_api_key")) or 0)
    assert "revoked" in said(key.call("/me"))["detail"]


def test_a_key_has_a_limit_of_its_own(house: House, app: Flask, organisation: int) -> None:
    slow, other = (machine(house, app, organisation, rate=3) for _ in range(2))
    answers = [slow.call("/me") for _ in range(8)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert 3 <= len(refused) <= 5  # a minute may have begun in between
    assert [answer.status_code for answer in answers[:3]] == [200] * 3
    assert 1 <= int(refused[0].headers["Retry-After"]) <= 120
    assert "At most 3" in said(refused[0])["detail"]
    assert other.call("/me").status_code == 200


def test_a_network_is_limited_before_any_key_is_looked_at(
    house: House, app: Flask, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "NETWORK_LIMIT", 5)
    strangers = [Machine(app, "", f"2001:db8:1:2::{number}").call("/me").status_code for number in range(12)]
    assert strangers[:5] == [401] * 5
    assert 429 in strangers
    assert machine(house, app, organisation).call("/me").status_code == 200


def test_where_limits_cannot_be_counted_nobody_is_let_in(house: House, organisation: int) -> None:
    house.settings = replace(house.settings, ratelimit_storage_uri="redis://127.0.0.1:1/0")
    app = create_app(house)
    key = machine(house, app, organisation)
    for _ in range(3):
        answer = key.call("/me")
        assert answer.status_code == 503
        assert "cannot be counted" in said(answer)["detail"]
        assert answer.headers["Retry-After"]


def test_http_is_refused_where_the_site_has_https(house: House, organisation: int) -> None:
    house.settings = replace(house.settings, public_url="https://pulse.example.org", trusted_proxies=1)
    app = create_app(house)
    key = machine(house, app, organisation)
    plain, tls = ({"Host": "pulse.example.org", "X-Forwarded-Proto": scheme} for scheme in ("http", "https"))
    assert "https" in said(key.call("/me", headers=plain))["detail"]
    answer = key.call("/me", headers=tls)
    assert answer.status_code == 200
    assert answer.headers["Strict-Transport-Security"]


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/nothing", "GET", 404), ("/me", "POST", 405), ("/me", "DELETE", 405), ("/audit?before=x", "GET", 422),
     ("/audit?limit=0", "GET", 422), ("/audit?limit=999", "GET", 422), ("/audit?hidden=1", "GET", 422),
     ("/audit?verb=%00", "GET", 422), ("/audit?before=9223372036854775808", "GET", 422)],
)  # fmt: skip
def test_what_makes_no_sense_is_told_in_json(standing: Machine, path: str, method: str, status: int) -> None:
    answer = standing.call(path, method)
    assert answer.status_code == status, answer.text
    said(answer)


def test_an_error_of_ours_is_told_in_json_and_gives_nothing_away(house: House, app: Flask, organisation: int) -> None:
    key = machine(house, app, organisation)
    with house.engine.begin() as connection:
        connection.execute(text("ALTER TABLE pulse_audit RENAME TO pulse_secret_name"))
    answer = key.call("/audit")
    assert answer.status_code == 500
    said(answer)
    assert "pulse_secret_name" not in answer.text
    assert "SELECT" not in answer.text


def test_the_action_log_is_paged_by_key_and_ends_at_the_wall(house: House, app: Flask, organisation: int) -> None:
    other = factories.organisation(house)
    for owner, names in ((organisation, "abcde"), (other, "xyz")):
        with house.work(factories.ADMINISTRATOR, owner) as work:
            for name in names:
                records.create(work, ContactList(name=f"List {name}"), "list.created")
    key = machine(house, app, organisation)
    seen: list[dict[str, Any]] = []
    path: str | None = "/api/v1/audit?limit=2&verb=list.created"
    while path:
        page = key.call(path.removeprefix("/api/v1")).get_json()
        assert len(page["entries"]) <= 2
        seen += page["entries"]
        path = page["next"]
    assert [entry["object"]["name"] for entry in seen] == [f"List {name}" for name in "edcba"]
    assert seen[0]["sentence"] == "Amina Administrator created the list List e."
    with house.work(SYSTEM, organisation) as work:
        reads = work.session.scalar(select(func.count()).where(AuditEntry.verb == "audit.read_by_key"))
    assert reads == 3


def test_a_verb_there_is_not_is_told_and_not_passed_over(house: House, app: Flask, organisation: int) -> None:
    answer = machine(house, app, organisation).call("/audit?verb=list.eaten")
    assert answer.status_code == 422
    assert "There is no verb “list.eaten”." in answer.get_json()["faults"]["verb"]


def test_the_document_tells_of_every_route_and_of_no_other(standing: Machine) -> None:
    app = standing.app
    answer = app.test_client().get("/api/v1/openapi.json")
    document = answer.get_json()
    told = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    served = {
        (str(rule).replace("<int:id>", "{id}"), method)
        for rule in app.url_map.iter_rules()
        if str(rule).startswith("/api/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert told == served
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            scope = routing.ROUTES[f"api.{operation['operationId']}"].scope
            assert ("security" in operation) == (scope != NO_KEY), path
            assert "requestBody" in operation or method != "post"
            assert operation["responses"]["403"]
