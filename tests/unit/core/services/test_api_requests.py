"""The log of requests: nothing waits for it, nothing is lost at a polite end, and nothing personal is kept."""

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from connectpulse.core.domain.retention import Then
from connectpulse.core.services.api import requests
from connectpulse.core.services.api.duties import REQUEST_LOG
from connectpulse.core.services.api.requests import RequestLog, Seen, agent
from connectpulse.core.services.work import SYSTEM
from connectpulse.core.storage import partitions
from connectpulse.core.storage.embedded import EmbeddedServer
from connectpulse.house import House
from connectpulse.testing.databases import connect

LINE = Seen(None, None, None, "GET", "/api/v1/me", 200, 17, 3, "203.0.113.7", "a1", "curl/8.1")


def rows(house: House) -> list[tuple[object, ...]]:
    with house.work(SYSTEM) as work:
        found = work.session.execute(
            text("SELECT request_id, agent, status FROM pulse_api_request ORDER BY request_id")
        )
        return [tuple(row) for row in found]


def test_lines_are_written_in_one_batch_and_once(house: House) -> None:
    log = RequestLog(house.work)
    for number in range(250):
        log.add(LINE._replace(request_id=f"{number:03}"))
    log.stop()
    assert [row[0] for row in rows(house)] == [f"{number:03}" for number in range(250)]
    assert log.flush() == 0


def test_the_thread_ends_when_there_is_nothing_to_write(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "EVERY", 0.01)
    log = RequestLog(house.work)
    log.add(LINE)
    deadline = time.monotonic() + 20
    while log._thread is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert log._thread is None
    log.add(LINE)
    log.stop()
    assert len(rows(house)) == 2


def test_lines_wait_for_a_database_that_is_away(
    house: House, database_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "MOST_WAITING", 3)
    monkeypatch.setattr(requests, "EVERY", 60)
    log = RequestLog(house.work)
    name = house.engine.url.database
    house.engine.dispose()
    with connect(database_server) as connection:
        connection.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")
        for number in range(5):
            log.add(LINE._replace(request_id=str(number)))
        assert log.flush() == 0
        connection.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true")
    log.stop()
    assert [row[0] for row in rows(house)] == ["2", "3", "4"]


def test_a_line_that_cannot_be_stored_keeps_no_other_from_it(house: House) -> None:
    log = RequestLog(house.work)
    log.add(LINE._replace(status=99_999))
    assert log.flush() == 0
    log.add(LINE._replace(request_id="good"))
    log.stop()
    assert [row[0] for row in rows(house)] == ["good"]


_SERVES = """
import sys, time
from connectpulse import house as houses
from connectpulse.core.domain.settings import fresh_secrets, from_mapping
from connectpulse.core.services.api.requests import RequestLog, Seen
house = houses.build(from_mapping(fresh_secrets() | {"DATABASE_URL": sys.argv[1]}), entry_points=[], pool_size=2)
log = RequestLog(house.work)
log.add(Seen(None, None, None, "GET", "/api/v1/me", 200, 17, 3, "203.0.113.7", "a1", "curl/8.1"))
if sys.argv[2] == "child":
    sys.exit()
print("up", flush=True)
time.sleep(60)
"""


def test_a_polite_end_writes_what_waits(house: House, database_url: str) -> None:
    subprocess.run([sys.executable, "-c", _SERVES, database_url, "child"], check=True, timeout=60)
    assert [row[0] for row in rows(house)] == ["a1"]


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("curl/8.1", "curl 8"), ("", ""), ("till/3 (Shop 7; +92300)", "till/3"), ("a\x00b", "ab"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
         "Chrome 120 on Linux"),
    ],
)  # fmt: skip
def test_a_program_is_named_and_no_more(header: str, said: str) -> None:
    assert agent(header) == said


def test_the_rule_is_what_the_policy_promises(house: House) -> None:
    rule = house.registry.rules["pulse_api_request"]
    assert (rule.keep, rule.then, rule.age_column) == (timedelta(days=7), Then.PURGE, "id")
    assert timedelta(days=7) == REQUEST_LOG


def test_days_are_made_ahead_and_hold_their_requests(house: House) -> None:
    with house.engine.begin() as connection:
        made = partitions.ensure(connection, datetime(2031, 2, 27, 23, 59, tzinfo=UTC))
        daily = [name for name in made if name.startswith("pulse_api_request")]
        place = connection.scalar(
            text(
                "INSERT INTO pulse_api_request (id, method, route, status, size, milliseconds, address, request_id) "
                "VALUES (:id, 'GET', '/', 200, 0, 0, '', '') RETURNING tableoid::regclass::text"
            ),
            {"id": partitions.ids.at(datetime(2031, 2, 28, tzinfo=UTC))},
        )
    assert daily[:3] == [f"pulse_api_request_p{day}" for day in ("20310227", "20310228", "20310301")]
    assert len(daily) == 8
    assert place == "pulse_api_request_p20310228"
