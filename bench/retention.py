"""How fast rows go: singly, over one plain DELETE of the same rows; into archives; and with their partition."""

import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from connectpulse import house as houses
from connectpulse.core.domain.settings import fresh_secrets, from_mapping
from connectpulse.core.services.retention import engine
from connectpulse.core.storage import ids, partitions
from connectpulse.core.storage.embedded import EmbeddedServer
from connectpulse.house import House

from .figure import Figure

NOW = datetime(2026, 7, 15, 12, 0, tzinfo=UTC)
_JOBS = (
    "INSERT INTO pulse_job (kind, subject_id, state, created_at) SELECT 'x', n, 'done', '2026-01-01' "
    "FROM generate_series(1, :rows) n"
)
_MESSAGES = (
    "INSERT INTO pulse_message (id, organisation_id, changed_at, state, parts, quantity, units, channel, address, "
    "sender, body) SELECT :first + n, 1, now(), 20, 1, 1, 1, 'sms', '+92300' || n, 'ACME', "
    "'Dear customer, your order ' || n || ' was sent today.' FROM generate_series(1, :rows) n"
)
_REFERENCES = (
    "INSERT INTO pulse_reference (organisation_id, message_id, connection_id, part, reference) "
    "SELECT 1, :first + n, 1, 1, n::text FROM generate_series(1, :rows) n"
)


def measure(rows: int) -> Iterator[Figure]:
    """Yield the rates over `rows` rows on a server of its own that waits for its disk."""
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedServer(Path(folder) / "postgres")
        server.ensure_running()
        try:
            given = fresh_secrets() | {"DATABASE_URL": server.url, "ARCHIVE_URL": f"{folder}/archive"}
            house = houses.build(from_mapping(given), pool_size=3)
            house.upgrade()
            yield from _rates(house, rows)
            house.close()
        finally:
            server.stop("immediate")


def _rates(house: House, rows: int) -> Iterator[Figure]:
    _put(house, _JOBS, rows)
    began = time.monotonic()
    with house.engine.begin() as connection:
        connection.execute(text("DELETE FROM pulse_job WHERE created_at < :now AND state = 'done'"), {"now": NOW})
    plain = rows / (time.monotonic() - began)
    _put(house, _JOBS, rows)
    yield Figure("purged_singly", _timed(house, rows), "rows/s", "one plain DELETE", plain)
    some = rows // 10
    _put(house, _MESSAGES, some, 93)
    yield Figure("archived_singly", _timed(house, some), "rows/s")
    _put(house, _REFERENCES, rows, 150)
    yield Figure("dropped_by_partition", _timed(house, rows), "rows/s", "one plain DELETE", plain)


def _put(house: House, statement: str, rows: int, days: int = 0) -> None:
    old = NOW - timedelta(days=days)
    with house.engine.begin() as connection:
        partitions.ensure(connection, old, 0)
        facts = {"rows": rows} | ({"first": ids.at(old)} if days else {})
        connection.execute(text(statement), facts)
    with house.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE pulse_job"))
        connection.execute(text("CHECKPOINT"))


def _timed(house: House, rows: int) -> float:
    """Return the rows a second of one run; fail unless exactly these went."""
    began = time.monotonic()
    engine.run(house.work, NOW)
    took = time.monotonic() - began
    with house.engine.connect() as connection:
        gone = connection.scalar(
            text("SELECT deleted FROM pulse_retention_run WHERE table_name = '' ORDER BY id DESC LIMIT 1")
        )
    if gone != rows:
        raise RuntimeError(f"{gone} rows went, not {rows}.")
    return rows / took
