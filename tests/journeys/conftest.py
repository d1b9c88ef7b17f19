"""What journeys share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectpulse.core.storage.embedded import EmbeddedServer

from .command_site import Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    EmbeddedServer(tmp_path / "var" / "postgres").stop("immediate")
