"""Databases for tests: copied from a template, emptied after each test, thrown away if a test changed more than rows.

Copying a template of some hundred tables takes longer than most tests; emptying the few that a test wrote to takes
milliseconds.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from secrets import token_hex
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

    from connectpulse.core.storage.embedded import EmbeddedServer

MOST_USES = 300
"""After so many tests a database is replaced: what was deleted still takes a look to skip."""

_SHAPE = """
SELECT json_build_array(
    (SELECT json_agg(json_build_array(relname, relkind, relhastriggers, relacl, reloptions, relnatts) ORDER BY relname)
     FROM pg_class WHERE relnamespace = 'public'::regnamespace),
    (SELECT json_agg(json_build_array(tgrelid::regclass, tgname, tgenabled) ORDER BY tgrelid::regclass::text, tgname)
     FROM pg_trigger),
    (SELECT json_agg(json_build_array(conrelid::regclass, conname) ORDER BY conrelid::regclass::text, conname)
     FROM pg_constraint WHERE connamespace = 'public'::regnamespace),
    (SELECT json_agg(json_build_array(proname, md5(prosrc)) ORDER BY proname, md5(prosrc))
     FROM pg_proc WHERE pronamespace = 'public'::regnamespace),
    (SELECT json_agg(json_build_array(attrelid::regclass, attname, atttypid, attnotnull)
                     ORDER BY attrelid::regclass::text, attname)
     FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
     WHERE relnamespace = 'public'::regnamespace AND attnum > 0),
    (SELECT json_agg(datallowconn) FROM pg_database WHERE datname = current_database()),
    (SELECT count(*) FROM pg_db_role_setting),
    (SELECT count(*) FROM pg_extension), (SELECT count(*) FROM pg_largeobject_metadata),
    (SELECT json_agg(nspname ORDER BY nspname) FROM pg_namespace WHERE nspname NOT LIKE 'pg_%'))::text
"""
"""Everything a test might change about a database except its rows."""

_EMPTY = """
DO $$
DECLARE
    name text;
    is_used boolean;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT oid::regclass::text FROM pg_class
                WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', name) INTO is_used;
        IF is_used THEN EXECUTE format('DELETE FROM %s', name); END IF;
    END LOOP;
    FOR name IN SELECT format('%I', sequencename) FROM pg_sequences
                WHERE schemaname = 'public' AND last_value IS NOT NULL
    LOOP
        EXECUTE format('ALTER SEQUENCE %s RESTART', name);
    END LOOP;
    PERFORM pg_stat_reset();
END $$
"""


class Databases:
    """The databases of one run on one server, alike as copies of `template` are."""

    def __init__(self, server: "EmbeddedServer", template: str) -> None:

        self._server = server
        self._template = template
        self._free: list[tuple[str, int]] = []
        with connect(server, template) as connection:
            self._shape = _value(connection, _SHAPE)
            self._relations = _relations(connection)
            rows = {name: _rows(connection, name) for name in _relations(connection, "r")}
        self._rows = {name: held for name, held in rows.items() if held}

    @contextmanager
    def one(self) -> Iterator[str]:
        """Lend a database that is as the template is; yields its address."""
        name, uses = self._free.pop() if self._free else (self._make(), 0)
        try:
            yield address(self._server, name)
        finally:
            if uses < MOST_USES and self._restore(name):
                self._free.append((name, uses + 1))
            else:
                drop(self._server, name)

    def _make(self) -> str:
        return create(self._server, self._template)

    def _restore(self, name: str) -> bool:
        """Make a database what it was; return False where a test changed what cannot be told to be whole again."""
        import psycopg

        try:
            self._leave_alone(name)
            with connect(self._server, name) as connection:
                for extra in _relations(connection) - self._relations:
                    connection.execute(f"DROP TABLE IF EXISTS {extra} CASCADE")
                if _value(connection, _SHAPE) != self._shape:
                    return False
                connection.execute(_EMPTY)
                for table, rows in self._rows.items():
                    connection.execute(
                        f"INSERT INTO {table} SELECT * FROM json_populate_recordset(NULL::{table}, %s)",
                        [json.dumps(rows)],
                    )
        except psycopg.Error:
            return False
        return True

    def _leave_alone(self, name: str) -> None:
        """End whatever still speaks to the database, and wait until it is gone."""

        with connect(self._server) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", [name]
            )


def connect(server: "EmbeddedServer", name: str = "") -> "psycopg.Connection[Any]":
    """Return a connection to the database `name`, or to none in particular; every statement commits."""
    import psycopg

    url = address(server, name) if name else server.url
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


def address(server: "EmbeddedServer", name: str) -> str:
    """Return the URL of the database `name`."""
    return server.url.rpartition("/")[0] + "/" + name


def create(server: "EmbeddedServer", template: str) -> str:
    """Copy `template`; return the copy's name."""

    name = f"test_{token_hex(6)}"
    with connect(server) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    return name


def drop(server: "EmbeddedServer", name: str) -> None:
    """Remove a database, whoever speaks to it."""

    with connect(server) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _relations(connection: "psycopg.Connection[Any]", kinds: str = "rp") -> set[str]:
    statement = "SELECT relname FROM pg_class WHERE relkind::text = ANY(%s) AND relnamespace = 'public'::regnamespace"
    return {name for (name,) in connection.execute(statement, [list(kinds)])}


def _rows(connection: "psycopg.Connection[Any]", name: str) -> list[Any]:
    return _value(connection, f"SELECT json_agg(t) FROM {name} t") or []


def _value(connection: "psycopg.Connection[Any]", statement: str) -> Any:
    row = connection.execute(statement).fetchone()
    return None if row is None else row[0]
