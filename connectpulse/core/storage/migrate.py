"""Migrations: Alembic over the shared metadata, one version table per component (core and each plugin).

A plugin that is uninstalled leaves its version table behind and disturbs nobody. Migrations run before the
web application exists, under an advisory lock, so that any number of processes may start an upgrade.
"""

import importlib
import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, Table, text

from . import models  # noqa: F401 - maps core's tables
from .base import Table as Mapped
from .base import metadata as metadata

CORE = "core"
_LOCK = 0x70756C73  # "puls"
_PARTITION = re.compile(r"_p\d{6}(?:\d\d)?$")
_HERE = Path(__file__).parent


def owner(table: Table) -> str:
    """Return the component a mapped table belongs to: its plugin's name, or core."""
    return str(table.info.get("owner", CORE))


def owner_of_name(name: str) -> str:
    """Return the component of a table found in the database; empty for what nobody manages.

    Partitions are made by `partitions`, version tables by Alembic, the queue's tables by huey.
    """
    if name.startswith("alembic_version") or _PARTITION.search(name):
        return ""
    if name in metadata.tables:
        return owner(metadata.tables[name])
    return CORE if name.startswith(("pulse_", "ab_")) else name.partition("_")[0]


def version_table(component: str) -> str:
    return "alembic_version" if component == CORE else f"alembic_version_{component}"


def config(component: str, package: str, connection: Connection | None = None) -> Config:
    """Return Alembic's configuration for a component whose versions lie in `package`."""
    made = Config()
    made.set_main_option("script_location", str(_HERE / "migrations"))
    made.set_main_option("version_locations", str(_versions(package)))
    made.set_main_option("path_separator", "newline")
    made.attributes["component"] = component
    made.attributes["connection"] = connection
    return made


def _versions(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(f"no migrations package {package}")
    return Path(next(iter(spec.submodule_search_locations))) / "versions"


CORE_PACKAGE = "connectpulse.core.storage.migrations"


def components(plugins: Mapping[str, str]) -> dict[str, str]:
    """Return component -> migrations package, core first; `plugins` maps names to packages."""
    return {CORE: CORE_PACKAGE} | dict(sorted(plugins.items()))


def upgrade(engine: Engine, plugins: Mapping[str, str]) -> None:
    """Bring every component to its newest version. Safe to call from many processes at once."""
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
        try:
            for component, package in components(plugins).items():
                command.upgrade(config(component, package, connection), "head")
                connection.commit()
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
            connection.commit()


def pending(engine: Engine, plugins: Mapping[str, str]) -> list[str]:
    """Return one sentence per component whose database is not at the version of its code."""
    found = []
    with engine.connect() as connection:
        for component, package in components(plugins).items():
            current = _current(connection, component)
            head = ScriptDirectory.from_config(config(component, package)).get_current_head()
            if current != head:
                found.append(f"{component} is at {current or 'nothing'}, its code needs {head}.")
    return found


def _current(connection: Connection, component: str) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table": version_table(component)})
    return context.get_current_revision()


def drift(engine: Engine, component: str) -> list[object]:
    """Return the differences between a component's mapped tables and the database; empty if in step."""
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table": version_table(component),
                "compare_type": True,
                "include_name": lambda name, kind, _: kind != "table" or owner_of_name(name or "") == component,
                "include_object": lambda item, name, kind, reflected, other: (
                    kind != "table" or reflected or owner(item) == component
                ),
            },
        )
        return list(compare_metadata(context, metadata))


def tables_of(package: str) -> set[str]:
    """Return the names of the tables that classes in `package` map."""
    return {
        mapper.class_.__tablename__
        for mapper in Mapped.registry.mappers
        if mapper.class_.__module__.partition(".")[0] == package and hasattr(mapper.class_, "__tablename__")
    }
