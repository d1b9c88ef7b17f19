"""What tests of the action log's chains share: a ledger of their own, and the log as they read it."""

from pathlib import Path

import pytest

from connectpulse.core.storage.stores import places
from connectpulse.house import House


@pytest.fixture(autouse=True)
def ledger(house: House, tmp_path: Path) -> Path:
    """The folder in which this test's checkpoints lie."""
    folder = tmp_path / "ledger"
    places.set(archive=str(folder), backup=str(folder), ledger=str(folder))
    return folder / "audit"
