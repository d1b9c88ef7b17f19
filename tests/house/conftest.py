"""What the house tests share."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from connectpulse.testing.plugin import CORE, SERVER, TEMPLATE, fresh_database

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


@pytest.fixture(scope="session")
def lent(database_server: "EmbeddedServer", database_template: str) -> Iterator[dict[str, str]]:
    """The variables by which a run of pytest in another process shares this run's server and what is migrated on it."""
    from connectpulse.core.storage import migrate
    from connectpulse.core.storage.session import make_engine

    with fresh_database(database_server) as url:
        engine = make_engine(url, 1)
        migrate.upgrade(engine, {})
        engine.dispose()
        core = url.rpartition("/")[2]
        yield {SERVER: database_server.url, TEMPLATE: database_template, CORE: core}
