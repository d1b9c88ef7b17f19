"""The inbox by key: what was written is listed, answered and done, within the key's organisation and scopes."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from connectpulse.app import create_app
from connectpulse.core.domain.scopes import INBOX_READ, INBOX_WRITE
from connectpulse.core.storage.models import AuditEntry
from connectpulse.house import House
from connectpulse.testing import factories
from tests.unit.core.services.inbox_scene import Desk
from tests.unit.core.services.scene import Scene
from tests.unit.web.api_scene import Machine, machine, said

ZARA = "zara@example.org"


@pytest.fixture
def desk(post_house: House) -> Desk:
    return Desk(Scene(post_house, factories.organisation(post_house)))


@pytest.fixture
def app(desk: Desk) -> Flask:
    return create_app(desk.scene.house)


@pytest.fixture
def key(desk: Desk, app: Flask) -> Machine:
    return machine(desk.scene.house, app, desk.scene.organisation, INBOX_READ, INBOX_WRITE)


def all_of(key: Machine, path: str, name: str) -> list[dict[str, Any]]:
    """Return the rows of every page, two at a time."""
    found, following = [], f"/api/v1{path}{'&' if '?' in path else '?'}limit=2"
    while following:
        page = key.call(following.removeprefix("/api/v1")).get_json()
        found, following = [*found, *page[name]], page["next"]
    return found


def test_what_people_wrote_is_listed_page_by_page(desk: Desk, key: Machine) -> None:
    contact_id = desk.contact(ZARA)
    for number in range(4):
        desk.hears(f"p{number}@example.org", f"Hello {number}")
    desk.hears(ZARA, "stop")
    messages = all_of(key, "/inbound", "messages")
    assert [each["text"] for each in messages] == ["stop", "Hello 3", "Hello 2", "Hello 1", "Hello 0"]
    assert (messages[0]["contact"], messages[0]["is_opt_out"], messages[0]["recipient"]) == (
        contact_id,
        True,
        "Helpdesk",
    )
    waiting = all_of(key, "/threads?view=waiting", "threads")
    assert [each["address"] for each in waiting] == [f"p{number}@example.org" for number in (3, 2, 1, 0)]
    assert [each["state"] for each in all_of(key, "/threads?view=done", "threads")] == ["done"]
    assert set(said(key.call("/threads?view=mine"))["faults"]) == {"view"}


def test_a_thread_is_answered_once_and_done(desk: Desk, key: Machine) -> None:
    desk.contact(ZARA)
    desk.hears(ZARA, "When do you open?")
    (thread,) = all_of(key, "/threads", "threads")
    path, sent = f"/threads/{thread['id']}", {"text": "At nine, {{ first_name }}.", "seen": thread["last"]}
    made = [key.call(f"{path}/answers", "POST", json=sent, headers={"Idempotency-Key": "a"}) for _ in range(2)]
    assert [each.status_code for each in made] == [201, 201]
    assert made[0].get_json() == made[1].get_json()
    late = key.call(f"{path}/answers", "POST", json=sent)
    assert (late.status_code, "A program answered" in said(late)["detail"]) == (422, True)
    shown = key.call(path).get_json()
    assert [(each["is_ours"], each["text"]) for each in shown["said"]] == [
        (False, "When do you open?"), (True, "At nine, Zara."),
    ]  # fmt: skip
    assert shown["said"][1]["state"] == "queued"
    assert shown["thread"]["waiting_since"] is None
    assert key.call(f"{path}/done", "POST", json={"seen": shown["thread"]["last"]}).get_json()["state"] == "done"
    with desk.scene.work() as work:
        told = work.session.execute(select(AuditEntry.verb, AuditEntry.actor_kind))
        assert {("thread.answered", "key"), ("thread.done", "key")} <= {tuple(row) for row in told}


def test_what_is_anothers_is_not_there(desk: Desk, app: Flask) -> None:
    desk.hears(ZARA, "Hello")
    other = machine(desk.scene.house, app, factories.organisation(desk.scene.house, "Other"), INBOX_READ, INBOX_WRITE)
    assert all_of(other, "/threads", "threads") == all_of(other, "/inbound", "messages") == []
    for number in (desk.thread().id, 2**63, 2**70):
        assert other.call(f"/threads/{number}").status_code == 404
        assert other.call(f"/threads/{number}/answers", "POST", json={"text": "Hello"}).status_code == 404
        assert other.call(f"/threads/{number}/done", "POST", json={}).status_code == 404
    assert desk.thread().state == "open"


@pytest.mark.parametrize(
    ("sent", "status"),
    [({}, 422), ({"text": "x" * 4001}, 422), ({"text": "Hi", "way": "fax 5"}, 422), ({"text": 5}, 422),
     ({"text": "Hi", "seen": "x"}, 422), ({"text": "Hi", "sender": "Nobody"}, 422), ({"text": "Hi", "x": 1}, 422)],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(desk: Desk, key: Machine, sent: dict[str, Any], status: int) -> None:
    desk.hears(ZARA, "Hello")
    answer = key.call(f"/threads/{desk.thread().id}/answers", "POST", json=sent)
    assert answer.status_code == status
    assert said(answer)["detail"]
    assert desk.thread().answer_id is None


def test_a_reader_answers_nothing(desk: Desk, app: Flask) -> None:
    desk.hears(ZARA, "Hello")
    reader = machine(desk.scene.house, app, desk.scene.organisation, INBOX_READ)
    path = f"/threads/{desk.thread().id}"
    assert reader.call(path).status_code == 200
    assert {reader.call(f"{path}/{verb}", "POST", json={"text": "Hi"}).status_code for verb in ("answers", "done")} == {
        403
    }
