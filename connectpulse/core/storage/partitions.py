"""Monthly partitions of the high-volume tables, made ahead of time and dropped by retention."""

import itertools
from datetime import UTC, datetime

from sqlalchemy import Connection, text

from . import ids

PARTITIONED = ("pulse_message", "pulse_reference", "pulse_receipt", "pulse_audit")
MONTHS_AHEAD = 3
# Messages are updated a few times each and never in an indexed column: room on the page keeps that cheap.
STORAGE = {
    "pulse_message": "fillfactor = 50, autovacuum_vacuum_scale_factor = 0.1, "
    "autovacuum_analyze_scale_factor = 0.05, toast_tuple_target = 4096",
}
# Triggers of rows are inherited by partitions, those of statements are not.
GUARDS = {
    "pulse_audit": ("CREATE TRIGGER pulse_audit_keep BEFORE TRUNCATE ON {name} EXECUTE FUNCTION pulse_audit_guard()",),
}


def months(now: datetime, ahead: int = MONTHS_AHEAD) -> list[datetime]:
    """Return the first moments of this month and the next `ahead` ones, in UTC."""
    first = now.year * 12 + now.month - 1
    return [datetime(n // 12, n % 12 + 1, 1, tzinfo=UTC) for n in range(first, first + ahead + 1)]


def ensure(connection: Connection, now: datetime, ahead: int = MONTHS_AHEAD) -> list[str]:
    """Make the partitions of this month and the coming ones; return the names of those that were new.

    Idempotent and safe to run from many processes: it takes a lock of its own.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('pulse_partitions'))"))
    starts = months(now, ahead + 1)
    made = []
    for table in PARTITIONED:
        for start, end in itertools.pairwise(starts):
            name = f"{table}_p{start:%Y%m}"
            if connection.scalar(text("SELECT to_regclass(:name)"), {"name": name}) is not None:
                continue
            storage = f" WITH ({STORAGE[table]})" if table in STORAGE else ""
            connection.execute(
                text(
                    f"CREATE TABLE {name} PARTITION OF {table} "
                    f"FOR VALUES FROM ({ids.at(start)}) TO ({ids.at(end)}){storage}"
                )
            )
            for statement in GUARDS.get(table, ()):
                connection.execute(text(statement.format(name=name)))
            made.append(name)
    return made


def missing(connection: Connection, now: datetime, ahead: int = 1) -> list[str]:
    """Return the partitions that should exist by now and do not."""
    names = [f"{table}_p{start:%Y%m}" for table in PARTITIONED for start in months(now, ahead)]
    return [name for name in names if connection.scalar(text("SELECT to_regclass(:name)"), {"name": name}) is None]
