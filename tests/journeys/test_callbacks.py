"""Webhooks of providers: kept before they are answered, refused when forged, folded like any receipt."""

from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from connectpulse.app import create_app
from connectpulse.core.domain.provider import Callback, Capability, Provider, Receipt
from connectpulse.core.services import callbacks, connections
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import Connection
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR

Door = tuple[FlaskClient, type[Provider], int, str]


@pytest.fixture
def door(house: House) -> Door:
    """A client, a provider whose callbacks need no proof from elsewhere, its connection's id, the path it calls."""
    calling = [each for each in house.registry.providers.values() if Capability.CALLBACKS in each.capabilities]
    cls = next(each for each in calling if not each.samples().callbacks[0][0].proof)
    with house.work(ADMINISTRATOR) as work:
        made = connections.create(work, "Gateway", cls.name, cls.samples().settings, is_trial=True)
        return create_app(house).test_client(), cls, made.id, connections.callback_path(made)


def call(client: FlaskClient, path: str, callback: Callback) -> int:
    query = urlsplit(callback.url).query
    return client.open(
        f"{path}?{query}", method=callback.method, data=callback.body, headers=dict(callback.headers)
    ).status_code


def stored(house: House) -> list[tuple[str, str]]:
    with house.work(ADMINISTRATOR) as work:
        rows = work.session.execute(text("SELECT state, error FROM pulse_callback ORDER BY id")).all()
        return [(row[0], row[1]) for row in rows]


def test_genuine_event_is_kept_and_worked_off_once(house: House, door: Door) -> None:
    client, cls, connection_id, path = door
    woken: list[tuple[str, int]] = []
    house.waker = lambda task, id: woken.append((task, id))
    told = [(callback, events) for callback, events in cls.samples().callbacks if isinstance(events[0], Receipt)]
    for callback, _ in told:
        assert call(client, path, callback) == 200
    assert [state for state, _ in stored(house)] == ["open"] * len(told)
    assert woken[0] == (callbacks.DRAIN, connection_id)
    assert callbacks.drain(house.work, connection_id) == len(told)
    assert callbacks.drain(house.work, connection_id) == 0
    assert {state for state, _ in stored(house)} == {"done"}
    with house.work(ADMINISTRATOR) as work, guard.platform_scope(work.session, "look at receipts"):
        kept = work.session.execute(text("SELECT reference FROM pulse_receipt ORDER BY reference")).scalars().all()
    assert kept == sorted(event.reference for _, events in told for event in events if isinstance(event, Receipt))


def test_forged_event_leaves_nothing(house: House, door: Door) -> None:
    client, cls, _, path = door
    for callback in cls.samples().forged:
        assert call(client, path, callback) == 403
    genuine = cls.samples().callbacks[0][0]
    assert call(client, path[:-1] + ("y" if path.endswith("x") else "x"), genuine) == 404
    assert call(client, path.replace("/callbacks/", "/callbacks/9"), genuine) == 404
    assert stored(house) == []


def test_too_much_is_refused(house: House, door: Door) -> None:
    client, _, _, path = door
    assert client.post(path, data=b"x" * (callbacks.LARGEST + 1)).status_code == 413
    assert stored(house) == []


def test_senseless_event_spoils_no_other(house: House, door: Door) -> None:
    client, cls, connection_id, path = door
    genuine = cls.samples().callbacks[0][0]
    assert call(client, path, genuine) == 200
    with house.work(ADMINISTRATOR) as work:
        work.session.execute(
            text(
                "INSERT INTO pulse_callback (connection_id, method, url, headers, body) "
                "VALUES (:id, 'GET', 'http://here/?token=x', '{}', '')"
            ),
            {"id": connection_id},
        )
    assert callbacks.drain(house.work, connection_id) == 2
    states = stored(house)
    assert [state for state, _ in states] == ["done", "failed"]
    assert states[1][1]


def test_events_of_a_connection_that_is_gone_are_set_aside(house: House, door: Door) -> None:
    client, cls, connection_id, path = door
    assert call(client, path, cls.samples().callbacks[0][0]) == 200
    with house.work(ADMINISTRATOR) as work:
        work.session.delete(work.session.get(Connection, connection_id))
    assert callbacks.drain(house.work, connection_id) == 1
    assert stored(house) == [("failed", "Its connection is gone.")]


def test_what_is_large_is_worked_off_a_piece_at_a_time(
    house: House, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, cls, connection_id, path = door
    genuine = cls.samples().callbacks[0][0]
    batches: list[int] = []
    parse = callbacks._parse
    monkeypatch.setattr(callbacks, "_parse", lambda *given: batches.append(len(given[2])) or parse(*given))
    for most, expected in ((2 * len(genuine.body), [2, 2, 1]), (1, [1] * 5)):
        monkeypatch.setattr(callbacks, "MOST_BYTES", most)
        batches.clear()
        for _ in range(5):
            assert call(client, path, genuine) == 200
        assert callbacks.drain(house.work, connection_id) == 5
        assert batches == (expected if genuine.body else [5])
    assert {state for state, _ in stored(house)} == {"done"}
