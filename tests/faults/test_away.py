"""A database that crashes while a worker starts: the worker waits for it, and a site that is wrong is told at once."""

from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from bench.line import wait_until
from bench.scene import scene
from connectpulse import house as houses
from connectpulse.core.domain.settings import fresh_secrets, from_mapping


def log_of(folder: Path) -> str:
    return (folder / "workers.log").read_text()


def test_a_worker_that_starts_while_the_database_is_away_waits_for_it() -> None:
    with scene() as stage:
        stage.server.stop("immediate")
        worker = stage.start_worker()
        wait_until(lambda: "database_away" in log_of(stage.folder) or worker.poll() is not None, 30)
        assert worker.poll() is None, log_of(stage.folder)
        stage.server.ensure_running()
        wait_until(lambda: "worker_started" in log_of(stage.folder) or worker.poll() is not None, 30)
        assert worker.poll() is None, log_of(stage.folder)


def test_what_will_not_pass_is_not_waited_for(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def waits(seconds: float) -> None:
        raise AssertionError("it waits")

    wrong = database_url.replace("//pulse:", "//nobody-here:")
    house = houses.build(from_mapping(fresh_secrets() | {"DATABASE_URL": wrong}))
    monkeypatch.setattr("connectpulse.house.time.sleep", waits)
    with pytest.raises(OperationalError, match="authentication failed"):
        house.wait_for_database()
    house.close()
