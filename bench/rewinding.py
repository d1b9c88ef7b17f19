"""How fast a lost database is turned back: its base and its log from the store, rolled forward, by the gigabyte."""

import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import make_url

from connectpulse import house as houses
from connectpulse.core.domain.settings import fresh_secrets, from_mapping
from connectpulse.core.services.backups import bases, line, pipes, plan, rewinding
from connectpulse.core.storage.embedded import EmbeddedServer
from connectpulse.core.storage.stores import Store, places
from connectpulse.house import House, embedded_server

from .backups import MB, fill
from .figure import Figure


def measure(rows: int) -> Iterator[Figure]:
    """Yield rates of a log of `rows` messages in its base and as many in the segments after it."""
    with tempfile.TemporaryDirectory() as folder:
        identity, recipient = pipes.fresh_keys()
        given = fresh_secrets() | {"VAR_DIR": f"{folder}/var", "BACKUP_URL": f"{folder}/store"}
        settings = from_mapping(given | {"BACKUP_RECIPIENT": recipient, "BACKUP_WAL_DAYS": "2"})
        house = houses.build(settings, pool_size=3)
        server = embedded_server(settings)
        try:
            house.upgrade()
            fill(house, rows)
            yield from _rates(house, server, identity, Path(folder), rows)
        finally:
            house.close()
            server.stop("immediate")


def _rates(house: House, server: EmbeddedServer, identity: str, folder: Path, rows: int) -> Iterator[Figure]:
    store, key = places.backup, plan.read_recipient(plan.site().recipient)
    line.ship(server.folder, store, key, lambda why: None)
    began = time.monotonic()
    base = bases.make_due(server.folder, make_url(server.url), store, lambda: datetime.now(UTC))
    assert base is not None
    yield Figure("base_made", base.tar_size / MB / (time.monotonic() - began), "MB/s of files")
    fill(house, rows)
    shipped, seconds = _ship_all(house, server, store)
    yield Figure("log_put_away", shipped * 16.8 / seconds, "MB/s")
    with house.engine.connect() as connection:
        size = int(connection.scalar(text("SELECT pg_database_size(current_database())")) or 0) / MB
    server.stop("immediate")
    way = rewinding.find(store, None)
    began = time.monotonic()
    rewinding.fetch(store, way, pipes.read_identity(identity), folder / "back" / "cluster")
    fetched = time.monotonic()
    rewinding.recover(folder / "back", way.base, None)
    ended = time.monotonic()
    yield Figure("fetched", size / (fetched - began), "MB of database/s")
    yield Figure("rolled_forward", len(way.names) * 16.8 / (ended - fetched), "MB of log/s")
    yield Figure("rto_of_10_gb_to_a_moment", 10_000 / size * (ended - began) / 60, "minutes")


def _ship_all(house: House, server: EmbeddedServer, store: Store) -> tuple[int, float]:
    """Put everything away that was written; return how many segments, and the seconds that putting away took."""
    key, shipped, seconds = plan.read_recipient(plan.site().recipient), 0, 0.0
    with house.engine.connect() as connection:
        last = str(connection.scalar(text("SELECT pg_walfile_name(pg_switch_wal() - 1)")))
    while True:
        is_last = any(path.name >= last for path in line.waiting(server.folder))
        began = time.monotonic()
        found = line.ship(server.folder, store, key, lambda why: None)
        shipped, seconds = shipped + found, seconds + (time.monotonic() - began if found else 0.0)
        if is_last:
            return shipped, seconds
        time.sleep(0.1)
