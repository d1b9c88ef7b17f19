"""What journeys share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from connectpulse.core.storage.embedded import EmbeddedServer
from connectpulse.house import House

from . import browsing, live
from .command_site import Site
from .panel_scene import panel


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for the tests of a file: while it runs, nothing else in this process may run an event loop."""
    with browsing.browser() as started:
        yield started


@pytest.fixture
def address(house: House, organisation: int) -> Iterator[str]:
    """Where the panel is served, with one account for each role."""
    with live.served(panel(house, organisation)) as served:
        yield served


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    EmbeddedServer(tmp_path / "var" / "postgres").stop("immediate")
