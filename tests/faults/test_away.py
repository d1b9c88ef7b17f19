"""A database that crashes while a worker starts: the worker waits for it, and a site that is wrong is told at once."""

import time
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from bench.line import wait_until
from bench.scene import scene
from connectpulse import house as houses
from connectpulse.core.domain.settings import from_mapping


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

        wrong = stage.environment["DATABASE_URL"].replace("//pulse:", "//nobody-here:")
        house = houses.build(from_mapping(stage.environment | {"DATABASE_URL": wrong}))
        began = time.monotonic()
        with pytest.raises(OperationalError, match="authentication failed"):
            house.wait_for_database()
        assert time.monotonic() - began < 10
        house.close()
