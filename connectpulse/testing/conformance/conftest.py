"""What the kit's tests share: the plugin that was named, a house with it alone, and one test per thing it offers."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from .. import factories
from ..plugin import CORE, fresh_database, lent
from . import specimen as specimens
from .specimen import Specimen

if TYPE_CHECKING:
    from connectpulse.core.services.work import Work
    from connectpulse.house import House

    from ..databases import Server

_KEY = pytest.StashKey[Specimen]()

OFFERS = {
    "rule": ("pulse_retention_rules", "retention rules"),
    "handler": ("pulse_subject_data", "subject handlers"),
    "action": ("pulse_audit_actions", "audit actions"),
    "channel": ("pulse_channels", "channels"),
    "provider": ("pulse_providers", "providers"),
    "gateway": ("pulse_payment_gateways", "payment gateways"),
    "role": ("pulse_roles", "roles"),
    "view": ("pulse_views", "views"),
    "report": ("pulse_reports", "reports"),
    "health_check": ("pulse_health", "health checks"),
    "card": ("pulse_dashboard", "dashboard cards"),
    "restore_check": ("pulse_restore_checks", "restore checks"),
    "trial": ("pulse_trials", "trials"),
    "door": ("pulse_doors", "doors"),
    "job": ("pulse_jobs", "jobs"),
    "duty": ("pulse_duties", "duties"),
    "limit": ("pulse_limits", "limits"),
    "act": ("pulse_acts", "acts"),
    "task": ("pulse_tasks", "tasks"),
}
"""Arguments of the kit's tests: the hook that hands the things over, and what they are called."""


def pytest_configure(config: pytest.Config) -> None:
    """Take the plugin that was named; called when the kit's tests are about to be collected."""
    name = config.getoption("--pulse-plugin")
    known = specimens.installed()
    if name not in known:
        what = f"No plugin {name!r} is installed" if name else "Say which plugin: --pulse-plugin=NAME"
        raise pytest.UsageError(f"{what}. Installed: {', '.join(sorted(known)) or 'none'}.")
    config.stash[_KEY] = specimens.take(name)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test of each thing the plugin offers; where it offers none, one that is skipped saying so."""
    looked_at = metafunc.config.stash[_KEY]
    for argument, (hook, what) in OFFERS.items():
        if argument in metafunc.fixturenames:
            _parametrize(metafunc, argument, looked_at, looked_at.offers(hook), what)
    if "table" in metafunc.fixturenames:
        owned = looked_at.info.owns_tables if looked_at.info else ()
        _parametrize(metafunc, "table", looked_at, list(owned), "tables")


def _parametrize(metafunc: pytest.Metafunc, argument: str, looked_at: Specimen, things: list[Any], what: str) -> None:
    reason = f"{looked_at.name} does not load" if looked_at.faults else f"{looked_at.name} has no {what}"
    nothing = pytest.param(None, marks=pytest.mark.skip(reason=reason), id="none")
    metafunc.parametrize(argument, things or [nothing], ids=_name if things else None)


def _name(thing: Any) -> str:
    for attribute in ("verb", "name", "label"):
        if isinstance(getattr(thing, attribute, None), str):
            return str(getattr(thing, attribute))
    return str(thing.model.__tablename__ if hasattr(thing, "model") else thing)


@pytest.fixture(scope="session")
def specimen(pytestconfig: pytest.Config) -> Specimen:
    """The plugin that was named."""
    return pytestconfig.stash[_KEY]


class Ground(NamedTuple):
    """The house with the plugin alone, and the tables that its migrations made."""

    house: "House"
    made: frozenset[str]


@pytest.fixture(scope="session")
def ground(database_server: "Server", specimen: Specimen) -> Iterator[Ground]:
    """A migrated database with core and the plugin, and nothing else."""
    from sqlalchemy import inspect

    from connectpulse import house
    from connectpulse.core.domain.settings import fresh_secrets, from_mapping
    from connectpulse.core.storage import migrate

    from ..routing import written_once

    with written_once(), fresh_database(database_server, lent(CORE)) as url:
        settings = from_mapping(fresh_secrets() | {"DATABASE_URL": url, "EGRESS_ALLOW": "127.0.0.0/8,::1/128"})
        made = house.build(settings, entry_points=specimen.entry_points, pool_size=5)
        others = {name: package for name, package in made.migrations.items() if name != specimen.name}
        migrate.upgrade(made.engine, others)
        before = set(inspect(made.engine).get_table_names())
        migrate.upgrade(made.engine, made.migrations)
        after = set(inspect(made.engine).get_table_names())
        made.upgrade()
        yield Ground(made, frozenset(after - before - {migrate.version_table(specimen.name)}))
        made.close()


@pytest.fixture(scope="session")
def house(ground: Ground) -> "House":
    """The house with the plugin alone."""
    return ground.house


@pytest.fixture
def work(house: "House", organisation: int) -> Iterator["Work"]:
    """A unit of work that is rolled back, so that one test leaves nothing for the next."""
    from connectpulse.core.services.work import Work
    from connectpulse.core.storage import guard

    with house.sessions() as session:
        guard.bind(session, organisation)
        yield Work(session, house.registry, house.clock, factories.ADMINISTRATOR, organisation)
        session.rollback()
