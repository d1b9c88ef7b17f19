"""What the house's own tests share."""

from collections.abc import Iterator
from importlib.metadata import EntryPoint

import hypothesis
import pytest

from connectpulse import house as houses
from connectpulse.core.domain.settings import fresh_secrets, from_mapping
from connectpulse.core.hookspecs import ENTRY_POINTS
from connectpulse.house import House
from connectpulse.testing import outside
from tests.plugins import postcard


def entry_point(name: str, value: str) -> EntryPoint:
    """Return an entry point as an installed plugin would have it."""
    return EntryPoint(name, value, ENTRY_POINTS)


@pytest.fixture
def post_house(database_url: str) -> Iterator[House]:
    """The house with the postcard channel and nothing else."""
    settings = from_mapping(fresh_secrets() | {"DATABASE_URL": database_url})
    made = houses.build(
        settings, entry_points=[entry_point("postcard", "tests.plugins.postcard:PostcardPlugin")], pool_size=5
    )
    assert not made.registry.refusals
    postcard.SENT.clear()
    yield made
    made.close()


@pytest.fixture
def poster_house(database_url: str) -> Iterator[House]:
    """The house with the poster channel, whose contents have files and a look, and nothing else."""
    settings = from_mapping(fresh_secrets() | {"DATABASE_URL": database_url})
    made = houses.build(
        settings, entry_points=[entry_point("poster", "tests.plugins.poster:PosterPlugin")], pool_size=5
    )
    assert not made.registry.refusals
    yield made
    made.close()


hypothesis.settings.register_profile("house", deadline=None)  # a machine may be slow
hypothesis.settings.load_profile("house")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the modules that take long: none is left at the end for one process alone."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def asked_within_work() -> Iterator[list[str]]:
    """Where a store was asked by a thread that held a connection: nowhere, whatever a test does (law 4)."""
    with outside.watched() as found:
        yield found
    assert not found, "A store was asked within a unit of work:\n" + "\n".join(sorted(set(found)))


@pytest.fixture(autouse=True, scope="session")
def _plain_logs() -> None:
    import structlog

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ]
    )
