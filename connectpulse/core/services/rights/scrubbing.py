"""Leaving no byte behind: what PostgreSQL keeps of rows that are gone, and how it is made to let go.

A deleted row stays in its page; VACUUM only marks its place as free. Statistics hold samples of values. The
write-ahead log holds every row ever written until its segments are removed. So the touched tables are written
anew (VACUUM FULL), their statistics are taken again and the catalogue's table of them written anew, the log is
switched and a checkpoint lets the old segments go. Where they are reused instead of removed (`wal_recycle`),
archived or replicated, the operator of that server has to see to it; docs/rights.md says how.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from ...domain.retention import Then
from ...registry import Registry
from ..work import SYSTEM, Opener, Work

log = structlog.get_logger(__name__)

LOCK_TIMEOUT = "3s"
TRIES = 5
AT_ONCE = 256 * 1024 * 1024
"""Bytes that may be written anew at any time of day; more waits for a quiet hour, or for somebody who asks."""
QUIET_HOURS = range(1, 5)


@dataclass(slots=True)
class Scrubbed:
    """What was written anew, how long it took, and what could not be done, one sentence each."""

    tables: list[str] = field(default_factory=list)
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


def transient(registry: Registry) -> list[str]:
    """Return the tables whose rows go by themselves: freed pages may hold people who are not in them any more.

    What a statute wants kept is not among them; a table that is dropped in partitions leaves no such pages.
    """
    return [
        f"public.{name}" for name, rule in sorted(registry.rules.items())
        if rule.personal_columns and rule.keep is not None and rule.then is Then.PURGE and not rule.statute
    ]  # fmt: skip


def size(work: Work, tables: Iterable[str]) -> int:
    """Return how many bytes the tables take with their indexes."""
    names = list(tables)
    found = work.session.scalar(
        text("SELECT coalesce(sum(pg_total_relation_size(to_regclass(n))), 0) FROM unnest(cast(:n AS text[])) AS n"),
        {"n": names},
    )
    return int(found or 0)


def may_begin(work: Work, tables: Sequence[str], *, is_urgent: bool) -> bool:
    """Return whether the tables may be written anew now: it locks each of them while it lasts."""
    written = {*tables, *transient(work.registry)}
    return is_urgent or work.clock().hour in QUIET_HOURS or size(work, written) <= AT_ONCE


def scrub(open_work: Opener, tables: Iterable[str]) -> Scrubbed:
    """Write tables and partitions anew and let the old pages, statistics and log segments go. Runs twice safely.

    Each table is locked against readers while it is written; whoever holds it for longer than `LOCK_TIMEOUT` is
    left alone and asked again. A table that stays busy is a fault, and the caller comes back.
    """
    began, done = time.monotonic(), Scrubbed()
    with open_work(SYSTEM) as work:
        engine = work.session.get_bind().engine
        wanted = list(dict.fromkeys([*tables, *transient(work.registry)]))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        try:
            for name in _standing(connection, wanted):
                _rewrite(connection, name, done)
            _statistics(connection, done)
            _let_log_go(connection, done)
        finally:
            connection.execute(text("RESET lock_timeout"))
    done.seconds = round(time.monotonic() - began, 1)
    return done


def _standing(connection: Connection, names: list[str]) -> list[str]:
    """Return those of the tables that exist and hold rows themselves, quoted."""
    rows = connection.execute(
        text(
            "SELECT DISTINCT quote_ident(n.nspname) || '.' || quote_ident(c.relname) "
            "FROM unnest(cast(:names AS text[])) AS wanted "
            "JOIN pg_class c ON c.oid = to_regclass(wanted) JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relkind = 'r' ORDER BY 1"
        ),
        {"names": names},
    )
    return [row[0] for row in rows]


def _rewrite(connection: Connection, name: str, done: Scrubbed) -> None:
    for attempt in range(1, TRIES + 1):
        try:
            connection.execute(text(f"VACUUM (FULL, ANALYZE) {name}"))
        except DBAPIError as error:
            if attempt == TRIES:
                done.faults.append(f"{name} could not be written anew: {type(error.orig).__name__}.")
                return
            time.sleep(0.2 * attempt)
        else:
            done.tables.append(name)
            return


def _statistics(connection: Connection, done: Scrubbed) -> None:
    """Write the catalogue's statistics anew: the values ANALYZE sampled before are dead rows in it."""
    parents = connection.execute(
        text(
            "SELECT DISTINCT i.inhparent::regclass::text FROM pg_inherits i "
            "WHERE i.inhrelid = ANY(SELECT to_regclass(n) FROM unnest(cast(:names AS text[])) AS n)"
        ),
        {"names": done.tables},
    )
    for (parent,) in parents.all():
        _try(connection, f"ANALYZE {parent}", done)
    _try(connection, "VACUUM (FULL) pg_catalog.pg_statistic", done)


def _let_log_go(connection: Connection, done: Scrubbed) -> None:
    """Begin a new segment of the write-ahead log and let the checkpoint remove those before it."""
    for statement in ("CHECKPOINT", "SELECT pg_switch_wal()", "CHECKPOINT"):
        _try(connection, statement, done)


def _try(connection: Connection, statement: str, done: Scrubbed) -> None:
    try:
        connection.execute(text(statement))
    except DBAPIError as error:
        log.warning("scrub_incomplete", statement=statement, error=type(error.orig).__name__)
        done.faults.append(f"{statement} is not allowed to this database user: {type(error.orig).__name__}.")
