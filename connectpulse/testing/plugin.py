"""The pytest plugin that comes with Connect Pulse: a real database for tests, and peers that must be there.

Fixtures: `database_server` (one PostgreSQL per run), `database_url` (a fresh, migrated database per test),
`house` (everything joined on it), `organisation` and `work`. Imports happen inside the fixtures, so that a
test run without them costs nothing. `--pulse-plugin` names the plugin that the conformance kit is run on.

A run that starts another one may share its server: where `CONNECTPULSE_TEST_SERVER` names the address of a PostgreSQL,
`database_server` is that one and starts nothing. `CONNECTPULSE_TEST_TEMPLATE` and `CONNECTPULSE_TEST_CORE` name
databases on it that nobody speaks to, migrated with every plugin the first run knows and with core alone: templates
begin with a copy, and bring it to what is installed. Who lends a server throws away what is left on it.

Plugins that meter are muted in `house`, so that a test of something else needs no prices and no units; a test
or a module marked `metered` has them, and its organisations have what `pulse_demo` gives.
"""

import atexit
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .. import collector

if TYPE_CHECKING:
    from connectpulse.core.services.work import Work
    from connectpulse.house import House

    from .databases import Databases, Server

REQUIRE_PEERS = "CONNECTPULSE_REQUIRE_PEERS"
SERVER, TEMPLATE, CORE = "CONNECTPULSE_TEST_SERVER", "CONNECTPULSE_TEST_TEMPLATE", "CONNECTPULSE_TEST_CORE"
METERED = "metered"
"""The mark of tests that want the installed billing plugin in their house."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the conformance kit be told which plugin to look at."""
    group = parser.getgroup("connectpulse")
    group.addoption(
        "--pulse-plugin",
        metavar="NAME",
        help="run the conformance kit on this installed plugin: pytest --pyargs connectpulse.testing",
    )
    group.addoption(
        "--pulse-evidence",
        metavar="FILE",
        help="add the outcome of each test to a file, for `connectpulse evidence`",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Record outcomes if they are wanted, in the process that hears of all of them."""
    collector.spare()
    config.addinivalue_line("markers", f"{METERED}: the fixture `house` serves the installed billing plugin, too")
    path = config.getoption("--pulse-evidence")
    if path and not hasattr(config, "workerinput"):
        from .record import Recorder

        config.pluginmanager.register(Recorder(Path(path)), "pulse-evidence")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Spare the garbage collector the tests: they live as long as the run, and looking at them costs a fifth of it."""
    collector.calm()


def require_peer(is_there: bool, name: str, how: str) -> None:
    """Skip the test if a peer is absent, saying how to get it; fail instead where peers are required."""
    if is_there:
        return
    reason = f"{name} is not here: {how}"
    if os.environ.get(REQUIRE_PEERS) == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def database_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Server"]:
    """A PostgreSQL of this run, or one lent to it. It waits for no disk: tests of durability start their own."""
    from connectpulse.core.storage.embedded import EmbeddedServer

    from . import databases
    from .memory import folder_in_memory

    if url := os.environ.get(SERVER):
        yield databases.LentServer(url)
        return
    with folder_in_memory() as memory:
        tuning = {"fsync": "off", "synchronous_commit": "off", "max_wal_size": "512MB", "shared_buffers": "128MB"}
        tuning |= {"full_page_writes": "off", "jit": "off"}
        server = EmbeddedServer(memory or tmp_path_factory.mktemp("postgres"), tuning)
        server.ensure_running()
        databases.ease_greeting(server)
        yield server
        server.stop("immediate")


@pytest.fixture(scope="session")
def database_template(database_server: "Server") -> Iterator[str]:
    """The name of a migrated, empty database that tests copy; plugins installed here are migrated too.

    From here on, houses and applications share what never differs between them.
    """
    from .databases import address, create
    from .loading import examined_once
    from .routing import written_once
    from .statements import compiled_once

    name = create(database_server, lent(TEMPLATE))
    house = build(address(database_server, name), is_metered=True)
    house.upgrade()
    house.close()
    with compiled_once(database_server.url), written_once(), examined_once():
        yield name


@pytest.fixture(scope="session")
def databases(database_server: "Server", database_template: str) -> "Databases":
    """The databases of this run: lent to a test, emptied after it."""
    from .databases import Databases

    return Databases(database_server, database_template)


@pytest.fixture
def database_url(databases: "Databases") -> Iterator[str]:
    """The address of a migrated, empty database that this test has for itself."""
    with databases.one() as url:
        yield url


def lent(which: str) -> str:
    """Return the database a template begins with: the lent one that the variable `which` names, else an empty one."""
    return (os.environ.get(SERVER) and os.environ.get(which)) or "template1"


@contextmanager
def fresh_database(server: "Server", template: str = "template1") -> Iterator[str]:
    """Make a database and yield its address; it is dropped at the end of the block."""
    from .databases import address, create, drop

    name = create(server, template)
    try:
        yield address(server, name)
    finally:
        drop(server, name)


@pytest.fixture
def house(database_url: str, request: pytest.FixtureRequest) -> Iterator["House"]:
    """The house on a fresh database, without a queue: tests call what a worker would."""
    made = build(database_url, is_metered=request.node.get_closest_marker(METERED) is not None)
    yield made
    made.close()


@pytest.fixture
def organisation(house: "House") -> int:
    """The id of an organisation in Pakistan."""
    from . import factories

    return factories.organisation(house)


@pytest.fixture
def work(house: "House", organisation: int) -> Iterator["Work"]:
    """A unit of work of an administrator of `organisation`, committed when the test ends well."""
    from . import factories

    with house.work(factories.ADMINISTRATOR, organisation) as made:
        yield made


def build(url: str, *, is_metered: bool = False) -> "House":
    """Return a house on this database with every installed plugin, those that meter muted unless `is_metered`."""
    from connectpulse import house
    from connectpulse.core.domain.settings import fresh_secrets, from_mapping

    muted = "" if is_metered else ",".join(sorted(metering()))
    given = fresh_secrets() | {"DATABASE_URL": url, "MUTED_PLUGINS": muted, "VAR_DIR": own_place()}
    return house.build(from_mapping(given), entry_points=installed(), pool_size=5)


@cache
def own_place() -> str:
    """Return a folder for the files of houses that tests build, which ends with the run."""
    made = tempfile.TemporaryDirectory(prefix="pulse-tests-")
    atexit.register(made.cleanup)
    return made.name


@cache
def installed() -> tuple[EntryPoint, ...]:
    """Return the entry points of the installed plugins; the distributions are asked once a run."""
    from connectpulse.core.hookspecs import ENTRY_POINTS

    return tuple(entry_points(group=ENTRY_POINTS))


@cache
def metering() -> frozenset[str]:
    """Return the names of the installed plugins that bring a ledger."""
    from connectpulse.core import loader
    from connectpulse.core.domain.contracts import PluginKind

    return frozenset(info.name for info in loader.installed() if PluginKind.BILLING in info.kinds)
