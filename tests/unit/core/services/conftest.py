"""What tests of services share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectpulse.core.storage.embedded import EmbeddedServer
from connectpulse.house import House
from connectpulse.testing import factories
from tests.unit.core.services.backup_scene import BackedUp, backed_up
from tests.unit.core.services.scene import Scene


@pytest.fixture
def scene(post_house: House) -> Scene:
    """A site with one organisation and the postcard channel."""
    return Scene(post_house, factories.organisation(post_house))


@pytest.fixture
def site(database_server: EmbeddedServer, database_url: str, tmp_path: Path) -> Iterator[BackedUp]:
    """A site that makes backups, with nobody in it."""
    with backed_up(database_server, database_url, tmp_path) as made:
        yield made
