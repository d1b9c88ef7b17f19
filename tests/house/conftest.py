"""What the house tests share."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from connectpulse.testing.plugin import fresh_database

if TYPE_CHECKING:
    from connectpulse.core.storage.embedded import EmbeddedServer
    from connectpulse.house import House


@pytest.fixture(scope="module")
def standing_house(database_server: "EmbeddedServer", database_template: str) -> Iterator["House"]:
    """One house for a module whose tests leave it as they found it."""
    from connectpulse import house as houses
    from connectpulse.core.domain.settings import fresh_secrets, from_mapping

    with fresh_database(database_server, database_template) as url:
        made = houses.build(from_mapping(fresh_secrets() | {"DATABASE_URL": url}), pool_size=5)
        yield made
        made.close()
