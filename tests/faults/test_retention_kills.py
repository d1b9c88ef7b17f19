"""A short trial of retention under SIGKILL; `make faults ARGS="retention"` is the long one."""

from pathlib import Path

import pytest

from connectpulse.core.domain.settings import fresh_secrets
from tests.faults import keeping

pytestmark = pytest.mark.slow


def test_a_killed_run_leaves_each_row_in_exactly_one_place(database_url: str, tmp_path: Path) -> None:
    given = fresh_secrets() | {"DATABASE_URL": database_url, "ARCHIVE_URL": str(tmp_path / "archive")}
    found = keeping.trial(given, rows=2_000, kills=2, seed=7)
    assert found["killed"] >= 1
