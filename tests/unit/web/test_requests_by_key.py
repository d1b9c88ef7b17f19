"""Requests of people handed in with a key: taken once, refused when senseless, and broken by nothing."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings, strategies
from sqlalchemy import select, text

from connectpulse.core.domain.scopes import SUBJECTS_READ, SUBJECTS_WRITE
from connectpulse.core.services.work import SYSTEM
from connectpulse.core.storage.models import AuditEntry, Mail
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.web.api import door
from tests.unit.web.api_scene import PEER, Machine, machine, said, written

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
