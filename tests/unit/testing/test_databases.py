"""A database that was lent comes back as it was made, or not at all."""

from collections.abc import Iterator

import pytest

from connectpulse.core.storage.embedded import EmbeddedServer
from connectpulse.testing import databases
from connectpulse.testing.databases import Databases


@pytest.fixture(scope="module")
def shelf(database_server: EmbeddedServer) -> Iterator[Databases]:
    """Databases with two tables and a row."""
    template = databases.create(database_server, "template1")
    with databases.connect(database_server, template) as connection:
        connection.execute("CREATE TABLE version (name text)")
        connection.execute("CREATE TABLE note (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, said text)")
        connection.execute("INSERT INTO version VALUES ('first')")
    made = Databases(database_server, template)
    yield made
    made.close()
    databases.drop(database_server, template)


def lend(shelf: Databases, server: EmbeddedServer, *statements: str) -> str:
    """Do what a test might with a database; return its name."""
    with shelf.one() as url:
        name = url.rpartition("/")[2]
        with databases.connect(server, name) as connection:
            for each in statements:
                connection.execute(each)
    return name


def test_rows_and_numbers_begin_anew(shelf: Databases, database_server: EmbeddedServer) -> None:
    name = lend(
        shelf, database_server,
        "INSERT INTO note (said) VALUES ('x'), ('y')", "UPDATE version SET name = 'second'",
        "CREATE TEMP TABLE passing (id int)",
    )  # fmt: skip
    with shelf.one() as url:
        assert url.rpartition("/")[2] == name
        with databases.connect(database_server, name) as connection:
            assert connection.execute("SELECT * FROM version").fetchall() == [("first",)]
            assert connection.execute("SELECT * FROM note").fetchall() == []
            assert connection.execute("INSERT INTO note (said) VALUES ('z') RETURNING id").fetchall() == [(1,)]


def test_whoever_still_speaks_to_it_is_ended(shelf: Databases, database_server: EmbeddedServer) -> None:
    with shelf.one() as url:
        name = url.rpartition("/")[2]
        left = databases.connect(database_server, name)
        left.execute("BEGIN")
        left.execute("INSERT INTO note (said) VALUES ('x')")
    with pytest.raises(Exception, match="terminating connection"):
        left.execute("SELECT 1")
    left.close()
    with shelf.one() as url:
        assert url.rpartition("/")[2] == name


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE another (id int)",
        "DROP TABLE note",
        "TRUNCATE note",
        "ALTER TABLE note ADD more text",
        "ALTER TABLE note ALTER said SET NOT NULL",
        "ALTER TABLE note ALTER said SET DEFAULT 'x'",
        "ALTER TABLE note ADD CHECK (said <> '')",
        "ALTER TABLE note SET (fillfactor = 50)",
        "GRANT SELECT ON note TO PUBLIC",
        "CREATE INDEX ON note (said)",
        "CREATE VIEW notes AS SELECT * FROM note",
        "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE SCHEMA aside",
        "CREATE TYPE mood AS ENUM ('fine')",
        "ALTER SEQUENCE note_id_seq INCREMENT 5",
        "SELECT lo_create(0)",
        "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = ''1MB''', current_database()); END$$",
    ],
)
def test_one_that_was_altered_is_lent_to_nobody_else(
    shelf: Databases, database_server: EmbeddedServer, statement: str
) -> None:
    name = lend(shelf, database_server, statement)
    with shelf.one() as url, databases.connect(database_server) as connection:
        assert url.rpartition("/")[2] != name
        assert connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchall() == []


def test_one_that_lets_nobody_in_is_dropped(shelf: Databases, database_server: EmbeddedServer) -> None:
    with databases.connect(database_server) as connection:
        with shelf.one() as url:
            name = url.rpartition("/")[2]
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        assert connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchall() == []
