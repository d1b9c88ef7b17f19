"""Making one backup: the dump of one moment, with the rows of every table counted in that same moment."""

import fnmatch
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import URL

from ...errors import Misconfigured
from ...storage.stores import Store
from ..work import Clock
from . import manifest as manifests
from . import pipes, plan, programs
from .manifest import Manifest

_TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_toast%'
ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment of the database that several sessions can read: when, by which snapshot, on which server."""

    taken_at: datetime
    snapshot: str
    server: int


def make(url: URL, store: Store, name: str, clock: Clock, watch: Callable[[int], None]) -> Manifest:
    """Make the backup `name` of the database at `url`; return its manifest, written last.

    Streams: memory does not grow with the database. `watch` is told the bytes dumped so far, and may raise to end
    it. Whatever goes wrong, nothing of this name is in the store but what was there before.
    """
    recipient = plan.site().recipient
    if not recipient:
        raise Misconfigured("BACKUP_RECIPIENT is not set. `connectpulse backup keys` prints a fresh pair.")
    key = plan.read_recipient(recipient)
    with _moment(url) as moment, _counting(url, moment.snapshot) as counted:
        command, env = _command(url, moment)
        with store.writing(name + manifests.FILE) as out:
            dump, packed = pipes.pack(command, env, out, key, watch)
        counts = counted()
    made = Manifest(
        name=name, taken_at=moment.taken_at.isoformat(), made_at=clock().isoformat(), recipient=recipient,
        size=packed.size, digest=packed.digest, dump_size=dump.size, dump_digest=dump.digest, server=moment.server,
        left_out=plan.LEFT_OUT, counts=counts, product=version("connectpulse"),
    )  # fmt: skip
    manifests.write(store, made)
    return made


def _command(url: URL, moment: Moment) -> tuple[list[str], dict[str, str]]:
    program = programs.find("pg_dump", moment.server, moment.server)
    address, env = programs.place(url)
    left_out = [f"--exclude-table-data={pattern}" for pattern in plan.LEFT_OUT]
    return [
        str(program), "--format=custom", "--compress=0", "--no-password", f"--snapshot={moment.snapshot}", *left_out,
        f"--dbname={address}",
    ], env  # fmt: skip


@contextmanager
def _moment(url: URL) -> Iterator[Moment]:
    """Hold a moment of the database for as long as the block lasts."""
    with connected(url) as connection:
        connection.execute("SET idle_in_transaction_session_timeout = 0")
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        row = connection.execute(
            "SELECT now(), pg_export_snapshot(), current_setting('server_version_num')::int / 10000"
        ).fetchone()
        assert row is not None
        taken_at, snapshot, server = row
        yield Moment(taken_at, snapshot, server)


@dataclass(slots=True)
class _Count:
    """Rows by table, gathered while the dump is made."""

    rows: dict[str, int] = field(default_factory=dict)
    error: Exception | None = None


@contextmanager
def _counting(url: URL, snapshot: str) -> Iterator[Callable[[], dict[str, int]]]:
    """Count the rows of every table at a moment, beside the block; yields what waits for the figures."""
    found = _Count()

    def count() -> None:
        try:
            with connected(url) as connection:
                connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(snapshot))
                found.rows = counts(connection)
        except Exception as error:
            found.error = error

    thread = threading.Thread(target=count, name="backup-count", daemon=True)
    thread.start()

    def wait() -> dict[str, int]:
        thread.join()
        if found.error is not None:
            raise found.error
        return found.rows

    try:
        yield wait
    finally:
        thread.join()


def counts(connection: "psycopg.Connection[Any]") -> dict[str, int]:
    """Return the rows of every table by name, those whose rows are left out of backups apart; O(rows)."""
    found = {}
    for schema, table in connection.execute(_TABLES).fetchall():
        if is_left_out(table):
            continue
        counted = sql.SQL("SELECT count(*) FROM ONLY {}").format(sql.Identifier(schema, table))
        row = connection.execute(counted).fetchone()
        assert row is not None
        found[table if schema == "public" else f"{schema}.{table}"] = int(row[0])
    return found


def is_left_out(table: str) -> bool:
    """Return whether a table's rows are left out of backups."""
    return any(fnmatch.fnmatchcase(table, pattern) for pattern in plan.LEFT_OUT)


@contextmanager
def connected(url: URL) -> Iterator["psycopg.Connection[Any]"]:
    """Open a session apart from the pools, each statement a transaction of its own unless one is begun."""
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True, application_name="connectpulse") as connection:
        yield connection
