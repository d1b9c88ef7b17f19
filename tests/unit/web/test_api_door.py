"""The API's door: keys and no cookies, scopes, networks, limits, answers that can be asked for again."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings, strategies
from sqlalchemy import func, select, text
from werkzeug.test import TestResponse

from connectpulse.app import create_app
from connectpulse.core.domain.scopes import ANY_KEY, AUDIT_READ, NO_KEY, SCOPES, SUBJECTS_READ, SUBJECTS_WRITE
from connectpulse.core.services import records
from connectpulse.core.services.action_log import denials
from connectpulse.core.services.api import keys
from connectpulse.core.services.work import SYSTEM
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import AuditEntry, ContactList, Mail
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.testing.plugin import build, fresh_database
from connectpulse.web import request_log
from connectpulse.web.api import door
from connectpulse.web.api.v1 import routing
from connectpulse.web.security import roles
from tests.journeys import specimens
from tests.journeys.panel_scene import panel, visitor

if TYPE_CHECKING:
    from connectpulse.core.storage.embedded import EmbeddedServer

PEER = "203.0.113.7"


@dataclass(frozen=True)
class Machine:
    """A program of a customer with a key."""

    app: Flask
    token: str
    address: str = PEER

    def call(self, path: str, method: str = "GET", **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token}"} | options.pop("headers", {})
        return self.app.test_client().open(
            f"/api/v1{path}", method=method, headers=headers, environ_base={"REMOTE_ADDR": self.address}, **options
        )


@pytest.fixture(autouse=True)
def _nobody_was_refused_before() -> None:
    denials._counts.clear()


@pytest.fixture
def app(house: House) -> Flask:
    return create_app(house)


def machine(house: House, app: Flask, organisation: int, *scopes: str, **changed: Any) -> Machine:
    draft = keys.Draft("Shop", scopes or (AUDIT_READ,), changed.pop("rate", 600), **changed)
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        return Machine(app, keys.create(work, draft)[1])


@pytest.fixture(scope="module")
def _standing(database_server: "EmbeddedServer", database_template: str) -> Iterator[tuple[House, Machine]]:
    with fresh_database(database_server, database_template) as url:
        house = build(url)
        made = machine(house, create_app(house), factories.organisation(house), *SCOPES, rate=6000)
        yield house, made
        house.close()


@pytest.fixture
def standing(_standing: tuple[House, Machine]) -> Machine:
    """A program that may everything, at a site of this module, for what leaves nothing behind."""
    specimens.at_home(_standing[0])
    return _standing[1]


def said(answer: TestResponse) -> dict[str, Any]:
    assert answer.mimetype == "application/problem+json", answer.text
    found: dict[str, Any] = answer.get_json()
    assert found["status"] == answer.status_code
    assert found["request_id"] == answer.headers["X-Request-ID"]
    assert found["title"]
    assert found["detail"]
    return found


def written(app: Flask) -> None:
    """Let the log write what waits."""
    with app.app_context():
        request_log.the_log().stop()


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


WISH = {"kind": "access", "scheme": "phone", "address": "0300 1234567", "name": "Amina"}
_BOTH = (SUBJECTS_READ, SUBJECTS_WRITE)


def _requests(house: House) -> int:
    with house.work(SYSTEM) as work:
        return work.session.scalar(text("SELECT count(*) FROM pulse_subject_request")) or 0


def test_a_request_of_a_person_is_taken_in_and_seen(house: House, app: Flask, organisation: int) -> None:
    key = machine(house, app, organisation, *_BOTH)
    made = key.call("/subject-requests", "POST", json=WISH)
    assert made.status_code == 201, made.text
    assert made.get_json()["source"] == "api"
    assert "1234567" not in made.text
    listed = key.call("/subject-requests?state=received").get_json()
    assert listed == {"requests": [made.get_json()], "next": None}
    other = machine(house, app, factories.organisation(house), *_BOTH)
    assert other.call("/subject-requests").get_json()["requests"] == []
    with house.work(SYSTEM, organisation) as work:
        entry = work.session.scalars(select(AuditEntry).where(AuditEntry.verb == "subject_request.received")).one()
    assert (entry.actor_kind, entry.actor_address) == ("key", PEER)


def test_a_person_whom_nobody_vouched_for_is_asked_to_confirm_once(house: House, app: Flask, organisation: int) -> None:
    key = machine(house, app, organisation, *_BOTH)
    wish = WISH | {"scheme": "email", "address": "amina@example.org"}
    for headers in ({"Idempotency-Key": "a"}, {"Idempotency-Key": "a"}, {}):
        assert key.call("/subject-requests", "POST", json=wish, headers=headers).get_json()["state"] == "received"
    assert (
        key.call("/subject-requests", "POST", json=wish | {"kind": "deletion", "proof": "Saw her"}).status_code == 201
    )
    with house.work(SYSTEM) as work:
        subjects = list(work.session.scalars(select(Mail.subject).where(Mail.recipient == "amina@example.org")))
        assert len([each for each in subjects if each.startswith("Your code")]) == 1


@pytest.mark.parametrize(
    ("sent", "status", "field"),
    [
        ({"json": WISH | {"kind": "gossip"}}, 422, "kind"), ({"json": WISH | {"address": "12"}}, 422, "address"),
        ({"json": {"kind": "access"}}, 422, "address"), ({"json": WISH | {"state": "done"}}, 422, "state"),
        ({"json": WISH | {"organisation_id": 1}}, 422, "organisation_id"), ({"json": [1]}, 400, ""),
        ({"json": WISH | {"message": "x" * 2001}}, 422, "message"), ({"json": WISH | {"name": "\x00"}}, 422, "name"),
        ({"json": WISH | {"wanted": 7}}, 422, "wanted"), ({"json": WISH | {"name": {"a": 1}}}, 422, "name"),
        ({"data": "{", "content_type": "application/json"}, 400, ""), ({"data": WISH}, 415, ""),
        ({"data": "x" * (door.MOST_BYTES + 1), "content_type": "application/json"}, 413, ""),
        ({"json": WISH | {"name": "\ud800"}}, 422, "name"), ({"json": WISH | {"wanted": {"a": "\x00"}}}, 422, "wanted"),
        ({"json": WISH | {"wanted": {"a": "x" * 5000}}}, 422, "wanted"),
        ({"json": WISH | {"wanted": {"\udfff": "a"}}}, 422, "wanted"), ({"json": WISH | {"kind": True}}, 422, "kind"),
        ({"data": "[" * 200_000, "content_type": "application/json"}, 400, ""),
        ({"data": '{"a":' * 30_000, "content_type": "application/json"}, 400, ""),
        ({"json": WISH, "headers": {"Idempotency-Key": "k" * 201}}, 422, ""),
    ],
)  # fmt: skip
def test_a_senseless_request_is_refused_and_leaves_nothing(
    standing: Machine, sent: dict[str, Any], status: int, field: str
) -> None:
    before = standing.call("/subject-requests").get_json()["requests"]
    answer = standing.call("/subject-requests", "POST", **sent)
    assert answer.status_code == status, answer.text
    assert set(said(answer).get("faults", {})) == ({field} if field else set())
    assert standing.call("/subject-requests").get_json()["requests"] == before


def test_a_reader_hands_nothing_in(house: House, app: Flask, organisation: int) -> None:
    reader = machine(house, app, organisation, SUBJECTS_READ)
    assert reader.call("/subject-requests", "POST", json=WISH).status_code == 403
    assert _requests(house) == 0


def test_a_request_sent_many_times_at_once_has_one_effect_and_one_answer(
    house: House, app: Flask, organisation: int
) -> None:
    key = machine(house, app, organisation, *_BOTH)
    headers = {"Idempotency-Key": "3f1c"}
    with ThreadPoolExecutor(16) as pool:
        sent = [pool.submit(key.call, "/subject-requests", "POST", json=WISH, headers=headers) for _ in range(32)]
        answers = [each.result() for each in sent]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert [answer.headers.get("Idempotent-Replay") for answer in answers].count(None) == 1
    other = key.call("/subject-requests", "POST", json=WISH | {"kind": "deletion"}, headers=headers)
    assert other.status_code == 422
    assert "another request" in said(other)["detail"]
    assert _requests(house) == 1


def test_what_was_asked_leaves_a_line_without_anything_personal(house: House, app: Flask, organisation: int) -> None:
    key = machine(house, app, organisation, *_BOTH)
    key.call("/subject-requests?secret=0300", "POST", json=WISH, headers={"User-Agent": "till/3 (Amina)"})
    key.call("/audit?verb=0300", headers={"User-Agent": "curl/8.1"})
    app.test_client().get("/api/v1/me", headers={"Authorization": "Bearer pulse_zzz"})
    app.test_client().post("/callbacks/99999999999999999999/token-of-theirs?token=0300")
    written(app)
    with house.work(SYSTEM) as work:
        lines = work.session.execute(text("SELECT * FROM pulse_api_request ORDER BY id")).mappings().all()
        used = work.session.scalar(text("SELECT last_used_at FROM pulse_api_key"))
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("POST", "/api/v1/subject-requests", 201), ("GET", "/api/v1/audit", 403), ("GET", "/api/v1/me", 401),
        ("POST", "/callbacks/<int:connection_id>/<token>", 404),
    ]  # fmt: skip
    assert [line["organisation_id"] for line in lines] == [organisation, organisation, None, None]
    assert [line["agent"] for line in lines[:2]] == ["till/3", "curl 8"]
    assert used is not None
    whole = " ".join(str(value) for line in lines for value in line.values())
    for personal in ("0300", "1234567", "Amina", "token-of-theirs", key.token, "zzz"):
        assert personal not in whole


_ANYTHING = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.floats() | strategies.text(),
    lambda inner: strategies.lists(inner, max_size=3) | strategies.dictionaries(strategies.text(), inner, max_size=3),
    max_leaves=6,
)


@given(
    sent=strategies.dictionaries(strategies.sampled_from([*WISH, "wanted", "proof", "message"]), _ANYTHING),
    word=strategies.text(strategies.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=210),
    query=strategies.dictionaries(
        strategies.sampled_from(["before", "limit", "state", "verb", "x"]), strategies.text()
    ),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_that_is_sent_breaks_it(
    standing: Machine, sent: dict[str, Any], word: str, query: dict[str, str]
) -> None:
    for path, method in (("/subject-requests", "POST"), ("/subject-requests", "GET"), ("/audit", "GET")):
        options = {"json": WISH | sent, "headers": {"Idempotency-Key": word}} if method == "POST" else {}
        answer = standing.call(path, method, query_string=query, **options)
        assert answer.status_code < 500, (answer.status_code, answer.text)
        assert answer.is_json
