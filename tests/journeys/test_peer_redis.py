"""The queue and the limits in Redis: a server that is not ours carries what wakes workers, and may be lost."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bench.line import Line, wait_until
from connectpulse import worker
from connectpulse.app import create_app
from connectpulse.core.services.connections import Limits
from connectpulse.core.storage.embedded import free_port
from connectpulse.house import House
from connectpulse.tasks.queue import RedisQueue
from connectpulse.testing.plugin import require_peer
from tests.journeys.live import working
from tests.journeys.test_peers import CSV, PEOPLE, listens, program

MOST_A_MINUTE = 60
"""How often one network may open a link of a mail."""
MOST_LOST = 6


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """Run a Redis that keeps nothing; yields its address."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    require_peer(found is not None, "Redis", "apt-get install redis-server")
    assert found is not None
    port = free_port()
    options = ("--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(folder))
    with program(found, *options):
        wait_until(listens(port), 20)
        yield f"redis://127.0.0.1:{port}/0"


def send_to_all(line: Line) -> None:
    """Send a campaign to everybody over the simulator for trials; see all of it end."""
    line.connect(Limits(), "simulator", receipt_delay=0)
    campaign_id, quote_id = line.campaign(line.import_file(CSV, "Customers", len(PEOPLE)))
    line.launch(campaign_id, quote_id)
    wait_until(lambda: line.state(campaign_id) == "finished", 60)
    figures = line.figures(campaign_id)
    assert sum(count for name, count in figures.items() if name.startswith("state:")) == len(PEOPLE)


@pytest.mark.peer("Redis")
def test_a_campaign_is_woken_through_redis(house: House, organisation: int, tmp_path: Path) -> None:
    with redis(tmp_path) as url:
        house.settings = replace(house.settings, huey_url=url)
        with working(house) as served:
            assert isinstance(served.queue, RedisQueue)
            send_to_all(Line(house, organisation))
            wait_until(lambda: served.queue.pending_count() == 0, 20)


@pytest.mark.peer("Redis")
def test_a_lost_redis_loses_no_work(
    house: House, organisation: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "SWEEP_EVERY", 0.2)
    with redis(tmp_path) as url:
        house.settings = replace(house.settings, huey_url=url)
        with working(house):
            wake, lost = house.waker, []

            def lose_the_first(task: str, subject: int) -> None:
                if len(lost) < MOST_LOST:
                    lost.append(task)
                else:
                    wake(task, subject)

            house.waker = lose_the_first
            send_to_all(Line(house, organisation))
            assert len(lost) == MOST_LOST


@pytest.mark.peer("Redis")
def test_limits_are_counted_in_redis_for_all_web_processes(house: House, tmp_path: Path) -> None:
    with redis(tmp_path) as url:
        house.settings = replace(house.settings, ratelimit_storage_uri=url)
        doors = [create_app(house).test_client() for _ in range(2)]
        answers = [doors[number % 2].get("/mail/leave/nobody").status_code for number in range(MOST_A_MINUTE + 1)]
        assert answers == [404] * MOST_A_MINUTE + [429]
