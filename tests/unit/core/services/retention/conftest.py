"""Archives in a folder of the test's own, and rows of any age."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectpulse.core.storage import guard
from connectpulse.core.storage.stores import places
from connectpulse.house import House
from connectpulse.testing import factories
from tests.house import rows


@pytest.fixture(autouse=True)
def archive_folder(house: House, tmp_path: Path) -> Path:
    places.set(archive=str(tmp_path / "archive"), backup=str(tmp_path / "backup"), ledger=str(tmp_path / "ledger"))
    return tmp_path / "archive"


@pytest.fixture
def put(house: House) -> Callable[..., None]:
    def put(model: Any, **values: Any) -> None:
        with house.work(factories.ADMINISTRATOR) as work, guard.platform_scope(work.session, "test"):
            rows.put(work.session, model, (), **values)

    return put
