"""Partitions of the high-volume tables, by month or by day, made ahead of time and dropped by retention."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, text

from . import ids

PARTITIONED = ("pulse_message", "pulse_reference", "pulse_receipt", "pulse_audit")
DAILY = ("pulse_api_request",)
"""Tables whose rows are kept for days: a partition of each holds one day, in UTC."""
MONTHS_AHEAD = 3
DAYS_AHEAD = 7
# Messages are updated a few times each and never in an indexed column: room on the page for three versions of each
# keeps that cheap, since the first can seldom be cleared away before the third is written.
STORAGE = {
    "pulse_message": "fillfactor = 34, autovacuum_vacuum_scale_factor = 0.1, "
    "autovacuum_analyze_scale_factor = 0.05, toast_tuple_target = 4096",
}
# Triggers of rows are inherited by partitions, those of statements are not.
GUARDS = {
    "pulse_audit": ("CREATE TRIGGER pulse_audit_keep BEFORE TRUNCATE ON {name} EXECUTE FUNCTION pulse_audit_guard()",),
}


class Partition(NamedTuple):
    """A part of a table: the rows with ids made from `start` to before `end`."""

    table: str
    name: str
    start: datetime
    end: datetime


def months(now: datetime, ahead: int = MONTHS_AHEAD) -> list[datetime]:
    """Return the first moments of this month and the next `ahead` ones, in UTC."""
    first = now.year * 12 + now.month - 1
    return [datetime(n // 12, n % 12 + 1, 1, tzinfo=UTC) for n in range(first, first + ahead + 1)]


def days(now: datetime, ahead: int = DAYS_AHEAD) -> list[datetime]:
    """Return the first moments of today and the next `ahead` days, in UTC."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return [today + timedelta(days=n) for n in range(ahead + 1)]


def coming(now: datetime, months_ahead: int = MONTHS_AHEAD, days_ahead: int = DAYS_AHEAD) -> Iterator[Partition]:
    """Yield every partition there should be: this month's or day's, and the coming ones."""
    for table in PARTITIONED:
        for start, end in itertools.pairwise(months(now, months_ahead + 1)):
            yield Partition(table, f"{table}_p{start:%Y%m}", start, end)
    for table in DAILY:
        for start, end in itertools.pairwise(days(now, days_ahead + 1)):
            yield Partition(table, f"{table}_p{start:%Y%m%d}", start, end)


def ensure(connection: Connection, now: datetime, ahead: int = MONTHS_AHEAD) -> list[str]:
    """Make the partitions of now and the coming time; return the names of those that were new.

    Idempotent and safe to run from many processes: it takes a lock of its own.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('pulse_partitions'))"))
    made = []
    for each in coming(now, ahead):
        if _exists(connection, each.name):
            continue
        storage = f" WITH ({STORAGE[each.table]})" if each.table in STORAGE else ""
        connection.execute(
            text(
                f"CREATE TABLE {each.name} PARTITION OF {each.table} "
                f"FOR VALUES FROM ({ids.at(each.start)}) TO ({ids.at(each.end)}){storage}"
            )
        )
        for statement in GUARDS.get(each.table, ()):
            connection.execute(text(statement.format(name=each.name)))
        made.append(each.name)
    return made


def missing(connection: Connection, now: datetime, ahead: int = 1) -> list[str]:
    """Return the partitions that should exist by now and do not."""
    return [each.name for each in coming(now, ahead, ahead) if not _exists(connection, each.name)]


def _exists(connection: Connection, name: str) -> bool:
    return connection.scalar(text("SELECT to_regclass(:name)"), {"name": name}) is not None
