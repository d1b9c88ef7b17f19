"""Some hours of the trial of a month; `make faults ARGS="retention-month"` is the whole one."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectpulse.core.services.retention import engine
from connectpulse.core.storage.stores import places
from connectpulse.house import House
from tests.faults import month

BROKEN = ("early", "late", "in_no_place_or_two", "errors")
run = engine.run


@pytest.mark.parametrize(("ahead", "broken"), [(0, set()), (1, {"early"}), (-2, {"late"})])
def test_rows_go_in_their_hour_and_a_run_at_another_time_is_found_out(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ahead: int, broken: set[str]
) -> None:
    def shifted(open_work: Any, moment: datetime, me: str = "") -> int:
        return run(open_work, moment + timedelta(hours=ahead), me)

    monkeypatch.setattr(engine, "run", shifted)
    places.set(archive=str(tmp_path / "archive"), backup=str(tmp_path / "backup"), ledger=str(tmp_path / "ledger"))
    found = month.trial(house, 40, 7, runs=5)
    assert {name for name in BROKEN if found[name]} == broken
    assert found["gone"]
