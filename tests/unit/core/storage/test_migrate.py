"""Migrations: up, down and up again, in step with the code, from many processes at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from sqlalchemy import create_engine, inspect, text

from connectpulse.core.errors import Misconfigured
from connectpulse.core.storage import migrate
from connectpulse.core.storage.embedded import EmbeddedServer
from connectpulse.core.storage.session import make_engine
from connectpulse.house import House
from connectpulse.testing.plugin import fresh_database


def _tables(house: House) -> set[str]:
    return {name for name in inspect(house.engine).get_table_names() if not name.startswith("alembic_version")}


def test_the_database_is_what_the_code_maps(house: House) -> None:
    assert migrate.drift(house.engine, migrate.CORE) == []
    assert [migrate.drift(house.engine, component) for component in house.migrations] == [[] for _ in house.migrations]


def test_drift_is_seen(house: House) -> None:
    with house.engine.begin() as connection:
        connection.execute(text("ALTER TABLE pulse_contact ADD COLUMN mood text"))
        connection.execute(text("DROP INDEX ix_pulse_contact_recent"))
    assert len(migrate.drift(house.engine, migrate.CORE)) == 2


def test_up_down_and_up_again_is_the_same(house: House) -> None:
    before = _tables(house)
    with house.engine.connect() as connection:
        for component, package in house.migrations.items():
            command.downgrade(migrate.config(component, package, connection), "base")
        command.downgrade(migrate.config(migrate.CORE, migrate.CORE_PACKAGE, connection), "base")
        connection.commit()
    assert not [name for name in _tables(house) if name.startswith(("pulse_", "ab_"))]
    assert migrate.pending(house.engine, {}) != []
    house.upgrade()
    assert _tables(house) == before
    assert migrate.drift(house.engine, migrate.CORE) == []


def test_an_upgrade_is_safe_from_many_processes_at_once(database_server: EmbeddedServer) -> None:
    with fresh_database(database_server) as url:
        engines = [make_engine(url, 2) for _ in range(3)]
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda engine: migrate.upgrade(engine, {}), engines))
        assert migrate.pending(engines[0], {}) == []
        for engine in engines:
            engine.dispose()


def test_a_database_that_is_behind_is_refused_with_what_to_do(house: House) -> None:
    with house.engine.begin() as connection:
        connection.execute(text("DELETE FROM alembic_version"))
    with pytest.raises(Misconfigured, match=r"core is at nothing.*Run `connectpulse upgrade`"):
        house.require_database()


@pytest.mark.parametrize(
    ("table", "component"),
    [
        ("pulse_message", "core"),
        ("ab_user", "core"),
        ("acme_call", "acme"),
        ("pulse_message_p202611", ""),
        ("alembic_version_acme", ""),
    ],
)
def test_every_table_is_somebodys(table: str, component: str) -> None:
    assert migrate.owner_of_name(table) == component


@pytest.mark.parametrize("url", ["sqlite:///x", "mysql://host/x", "host/x", ""])
def test_no_other_database_is_accepted(url: str) -> None:
    with pytest.raises(Misconfigured, match="postgresql://"):
        make_engine(url)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg", "postgresql+asyncpg"])
def test_whatever_driver_an_address_names_ours_is_used(scheme: str) -> None:
    assert make_engine(f"{scheme}://u:p@host/x").url == create_engine("postgresql+psycopg://u:p@host/x").url
