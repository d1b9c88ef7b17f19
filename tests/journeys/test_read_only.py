"""A database that takes no changes, as after a failover: 503 and a plain sentence, and on by itself after it."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from connectpulse.app import create_app
from connectpulse.core.domain.provider import Capability
from connectpulse.core.domain.scopes import SUBJECTS_WRITE
from connectpulse.core.services import callbacks, connections, records
from connectpulse.core.storage.models import ContactList
from connectpulse.core.storage.session import raw
from connectpulse.core.wire import wire
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.web.security import roles
from tests.journeys.panel_scene import Visitor, panel, visitor
from tests.unit.web.api_scene import machine, said, written

WISH = {"kind": "access", "scheme": "phone", "address": "+923001234567", "name": "Amina"}


@contextmanager
def only_reading(house: House) -> Iterator[None]:
    """Let the database take no changes meanwhile. Its connections are cut when that begins, as a failover does."""
    url = make_url(house.settings.database_url)
    admin = url.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {url.database} SET default_transaction_read_only = on")
        house.engine.dispose()
        try:
            yield
        finally:
            connection.execute(f"ALTER DATABASE {url.database} RESET default_transaction_read_only")


@pytest.fixture
def person(house: House, organisation: int) -> Visitor:
    return visitor(panel(house, organisation), roles.ORGANISATION_ADMINISTRATOR)


def _form(person: Visitor) -> dict[str, str]:
    token = person.get("/lists/add").text.partition('name="csrf_token" value="')[2].partition('"')[0]
    assert token
    return {"csrf_token": token, "name": "Customers", "description": ""}


def test_the_panel_says_so_in_a_plain_page_and_goes_on_by_itself(house: House, person: Visitor) -> None:
    fields = _form(person)
    with only_reading(house):
        for _ in range(2):
            answer = person.client.post("/lists/add", data=fields)
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5"), answer.text
            assert "The database takes no changes at the moment" in answer.text
            assert "Nothing was changed. Try again in a moment." in answer.text
        stranger = person.client.application.test_client()
        answer = stranger.post("/login/", data={"username": "admin", "password": "wrong"})
        assert answer.status_code < 500 or answer.status_code == 503
    answer = person.client.post("/lists/add", data=fields)
    assert answer.status_code == 302, "no restart is needed: a lost connection is made anew"
    with house.work(factories.ADMINISTRATOR) as work:
        assert work.session.scalar(text("SELECT count(*) FROM pulse_contact_list")) == 1


def test_no_page_breaks(house: House, person: Visitor) -> None:
    paths = ("/", "/contacts/list/", "/campaigns/list/", "/lists/list/", "/profile/", "/system/", "/login/", "/nothing")
    usual = {path: person.get(path).status_code for path in paths}
    assert usual["/contacts/list/"] == 200
    stale = 0
    with only_reading(house):
        for path in paths:
            answer = person.get(path)
            assert answer.status_code in (usual[path], 503), path
            assert "Something broke" not in answer.text
        assert person.get("/contacts/list/").status_code == 503, (
            "what was read cannot be written down, so it is not shown"
        )
        assert person.client.application.test_client().get("/login/").status_code in (200, 503)
    while person.get("/contacts/list/").status_code == 503:  # each connection that only reads says so once
        stale += 1
        assert stale < 5
    assert {path: person.get(path).status_code for path in paths} == usual


def test_the_api_says_so_in_json_and_no_line_of_its_log_is_lost(house: House, organisation: int) -> None:
    app = panel(house, organisation)
    key = machine(house, app, organisation, SUBJECTS_WRITE)
    with only_reading(house):
        for headers in ({}, {"Idempotency-Key": "a"}):
            answer = key.call("/subject-requests", "POST", json=WISH, headers=headers)
            assert answer.status_code == 503, answer.text
            assert said(answer)["detail"].startswith("Nothing was changed")
            assert answer.headers["Retry-After"] == "5"
        written(app)
    answer = key.call("/subject-requests", "POST", json=WISH, headers={"Idempotency-Key": "a"})
    assert answer.status_code == 201, answer.text
    written(app)
    with house.work(factories.ADMINISTRATOR) as work:
        logged = work.session.scalars(text("SELECT status FROM pulse_api_request ORDER BY id"))
        assert list(logged) == [503, 503, 201]


def test_a_provider_is_told_to_come_again(house: House) -> None:
    calling = (each for each in house.registry.providers.values() if Capability.CALLBACKS in each.capabilities)
    cls = next(each for each in calling if not each.samples().callbacks[0][0].proof)
    with house.work(factories.ADMINISTRATOR) as work:
        made = connections.create(work, "Gateway", cls.name, cls.samples().settings, is_trial=True)
    client = _client(house)
    genuine = cls.samples().callbacks[0][0]
    where = connections.callback_path(made) + "?" + genuine.url.partition("?")[2]
    sent = {"method": genuine.method, "data": genuine.body, "headers": dict(genuine.headers)}
    with only_reading(house):
        assert client.open(where, **sent).status_code == 503
    assert client.open(where, **sent).status_code == 200
    with only_reading(house), pytest.raises(OperationalError):
        callbacks.drain(house.work, made.id)
    assert callbacks.drain(house.work, made.id) == 1, "it was not set aside for the database's trouble"


def test_readiness_and_the_worker_see_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    client = _client(house)
    assert client.get("/readyz").status_code == 200
    waits: list[float] = []
    monkeypatch.setattr("connectpulse.house.time.sleep", waits.append)
    monkeypatch.setattr("connectpulse.house.time.monotonic", lambda: float(len(waits)))
    with only_reading(house):
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert "takes no changes" in answer.text
        assert client.get("/healthz").status_code == 200
        with pytest.raises(psycopg.OperationalError, match="takes no changes"):
            house.wait_for_database()
        assert waits, "a worker that starts waits for the failover to end"
    assert client.get("/readyz").status_code == 200


def test_the_wire_repeats_and_does_not_give_up(house: House, organisation: int) -> None:
    with only_reading(house):
        with pytest.raises(OperationalError) as told, house.work(factories.ADMINISTRATOR, organisation) as work:
            records.create(work, ContactList(name="Customers"), "list.created")
        with house.engine.connect() as connection:
            driver = raw(Session(connection))
            with pytest.raises(psycopg.Error) as below:
                driver.execute("DELETE FROM pulse_pace")
    assert wire.is_passing(told.value)
    assert wire.is_passing(below.value)


def _client(house: House) -> FlaskClient:
    return create_app(house).test_client()
