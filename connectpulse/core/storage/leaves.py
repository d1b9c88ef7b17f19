"""Where the rows of a table really lie: the table itself, or its partitions with the ids each may hold."""

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from . import ids

_BOUND = re.compile(r"FROM \('?(-?\d+)'?\) TO \('?(-?\d+)'?\)")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A table of rows. `low` and `high` are the bounds of its ids (high excluded), None where it is no partition."""

    name: str
    low: int | None = None
    high: int | None = None

    def is_over(self, cutoff: datetime) -> bool:
        """Return whether every row of this partition is older than `cutoff`; never for a table that is none."""
        return self.high is not None and self.high <= ids.at(cutoff)

    def is_younger(self, cutoff: datetime) -> bool:
        """Return whether no row of this partition is older than `cutoff`."""
        return self.low is not None and self.low >= ids.at(cutoff)


def of(connection: Connection, table: str) -> list[Leaf]:
    """Return the partitions of `table`, oldest first, or the table itself."""
    rows = connection.execute(
        text(
            "SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits i "
            "JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass(:table)"
        ),
        {"table": table},
    )
    found = []
    for name, bound in rows:
        limits = _BOUND.search(bound or "")
        found.append(Leaf(name, int(limits[1]), int(limits[2])) if limits else Leaf(name))
    return sorted(found, key=lambda leaf: leaf.low or 0) or [Leaf(table)]


def lock(connection: Connection, leaf: Leaf, seconds: int = 3) -> None:
    """Keep everybody else out of a leaf until the end of the transaction; raise an error after `seconds`."""
    connection.execute(text(f"SET LOCAL lock_timeout = '{int(seconds)}s'"))
    connection.execute(text(f'LOCK TABLE "{leaf.name}" IN ACCESS EXCLUSIVE MODE'))


def drop(connection: Connection, leaf: Leaf) -> None:
    """Drop a partition; it must be locked. Its files are gone when the transaction is committed."""
    connection.execute(text(f'DROP TABLE "{leaf.name}"'))
