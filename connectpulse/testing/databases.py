"""Databases for tests: copied from a template, emptied after each test, thrown away if a test changed more than rows.

Copying a template of some hundred tables takes longer than most tests; emptying the few that a test wrote to takes
milliseconds.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import psycopg

MOST_USES = 300
"""After so many tests a database is replaced: what was deleted still takes a look to skip."""

_CATALOGS = (
    "pg_attrdef", "pg_attribute", "pg_class", "pg_constraint", "pg_db_role_setting", "pg_default_acl", "pg_extension",
    "pg_index", "pg_inherits", "pg_largeobject_metadata", "pg_namespace WHERE nspname !~ '^pg_'", "pg_policy",
    "pg_proc", "pg_rewrite", "pg_sequence", "pg_trigger", "pg_type",
)  # fmt: skip
"""Where PostgreSQL keeps everything a test might change about a database except its rows."""

_CHANGES = (
    "SELECT json_build_array({})".format(
        ", ".join(
            f"(SELECT json_build_array(count(*), count(*) FILTER (WHERE age(xmin) <= age(made))) FROM {each})"
            for each in _CATALOGS
        )
    )
    + " FROM (SELECT %s::text::xid AS made)"
)
"""How many things there are, and how many of them were made or altered since the transaction `made`."""

_END_OTHERS = """
SELECT pg_terminate_backend(pid, 5000)
FROM pg_database d JOIN pg_stat_get_activity(NULL) a ON a.datid = d.oid
WHERE d.datname = current_database() AND pid <> pg_backend_pid()
"""

_EMPTY = """
DO $$
DECLARE
    name text;
    is_used boolean;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT c.oid::regclass::text
                FROM pg_database d, pg_class c, pg_stat_file(format('base/%s/%s', d.oid, c.relfilenode)) file
                WHERE d.datname = current_database() AND c.relkind = 'r'
                    AND c.relnamespace = 'public'::regnamespace AND file.size > 0
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', name) INTO is_used;
        IF is_used THEN EXECUTE format('DELETE FROM %s', name); END IF;
    END LOOP;
    PERFORM setval(seqrelid, seqstart, false) FROM pg_sequence WHERE pg_sequence_last_value(seqrelid) IS NOT NULL;
    PERFORM pg_stat_reset();
END $$
"""
"""A table without a row has a file without a byte: it is not even opened."""


class Server(Protocol):
    """A PostgreSQL for tests: `url` is the address of one of its databases, as SQLAlchemy takes it."""

    @property
    def url(self) -> str: ...


@dataclass(frozen=True, slots=True)
class LentServer:
    """A server that another run started and will stop."""

    url: str


class Databases:
    """The databases of one run on one server, alike as copies of `template` are."""

    def __init__(self, server: "Server", template: str) -> None:

        self._server = server
        self._template = template
        self._free: list[tuple[str, int]] = []
        with connect(server, template) as connection:
            self._made = _value(connection, "SELECT pg_snapshot_xmax(pg_current_snapshot())::xid::text")
            self._shape = _value(connection, _CHANGES, self._made)
            tables = connection.execute("SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND "
                                        "relnamespace = 'public'::regnamespace").fetchall()  # fmt: skip
            rows = {name: _value(connection, f"SELECT json_agg(t) FROM {name} t") for (name,) in tables}
        self._rows = {name: json.dumps(held) for name, held in rows.items() if held}

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

    def close(self) -> None:
        """Drop the databases that nobody has."""
        while self._free:
            drop(self._server, self._free.pop()[0])

    def _make(self) -> str:
        return create(self._server, self._template)

    def _restore(self, name: str) -> bool:
        """Make a database what it was; return False where a test changed more than rows, or let nobody in."""
        import psycopg

        try:
            with connect(self._server, name) as connection:
                connection.execute(_END_OTHERS)
                if _value(connection, _CHANGES, self._made) != self._shape:
                    return False
                connection.execute(_EMPTY)
                for table, rows in self._rows.items():
                    connection.execute(
                        f"INSERT INTO {table} SELECT * FROM json_populate_recordset(NULL::{table}, %s)", [rows]
                    )
        except psycopg.Error:
            return False
        return True


def ease_greeting(server: "Server") -> None:
    """Keep the password so that a client need not stretch it: that takes longer than all else about a connection."""
    from sqlalchemy import make_url

    with connect(server) as connection:
        connection.execute("SET scram_iterations = 1")
        connection.execute(f"ALTER ROLE pulse PASSWORD '{make_url(server.url).password}'")


def connect(server: "Server", name: str = "") -> "psycopg.Connection[Any]":
    """Return a connection to the database `name`, or to none in particular; every statement commits."""
    import psycopg

    url = address(server, name) if name else server.url
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


def address(server: "Server", name: str) -> str:
    """Return the URL of the database `name`."""
    return server.url.rpartition("/")[0] + "/" + name


def create(server: "Server", template: str) -> str:
    """Copy `template`; return the copy's name."""

    name = f"test_{token_hex(6)}"
    with connect(server) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    return name


def drop(server: "Server", name: str) -> None:
    """Remove a database, whoever speaks to it."""

    with connect(server) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _value(connection: "psycopg.Connection[Any]", statement: str, *values: str) -> Any:
    row = connection.execute(statement, values or None).fetchone()
    return None if row is None else row[0]
