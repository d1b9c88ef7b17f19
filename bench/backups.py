"""How fast a site is backed up and brought back, each beside PostgreSQL's own programs without the rest of the way."""

import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import URL, text

from connectpulse import house as houses
from connectpulse.core.domain.settings import fresh_secrets, from_mapping
from connectpulse.core.services.backups import manifest, pipes, programs, restoring, taking
from connectpulse.core.storage import partitions
from connectpulse.core.storage.embedded import EmbeddedServer
from connectpulse.core.storage.stores import places
from connectpulse.house import House
from connectpulse.testing.plugin import fresh_database

from .figure import Figure

MB: Final = 1_000_000
SERVER: Final = 18
_MESSAGES = """
INSERT INTO pulse_message (id, organisation_id, changed_at, state, parts, quantity, units, channel, address, sender,
    body)
SELECT first.id + n, 1, now(), 20, 1, 1, 1, 'sms', '+92' || (3000000000 + n * 7919::bigint % 999999999), 'ACME',
    'Dear customer, your code is ' || substr(md5(n::text), 1, 8) || '. It holds until ' || (n % 24) || ' h.'
FROM generate_series(1, :rows) n CROSS JOIN (SELECT pulse_id() AS id) first
"""


def measure(rows: int) -> Iterator[Figure]:
    """Yield megabytes of dump a second, made and brought back, of a log of `rows` messages; and what was kept."""
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedServer(Path(folder) / "postgres")
        identity, recipient = pipes.fresh_keys()
        try:
            given = fresh_secrets() | {"DATABASE_URL": server.ensure_running(), "BACKUP_RECIPIENT": recipient}
            house = houses.build(from_mapping(given | {"BACKUP_URL": f"{folder}/backups"}), pool_size=3)
            house.upgrade()
            fill(house, rows)
            yield from _rates(house, server, identity, Path(folder))
            house.close()
        finally:
            server.stop("immediate")


def fill(house: House, rows: int) -> None:
    """Write `rows` messages into the log."""
    with house.engine.begin() as connection:
        partitions.ensure(connection, house.clock())
        connection.execute(text(_MESSAGES), {"rows": rows})


def _rates(house: House, server: EmbeddedServer, identity: str, folder: Path) -> Iterator[Figure]:
    url, plain = house.engine.url, folder / "plain.dump"
    _bare_dump(url, Path("/dev/null"))  # so that both find the pages in memory
    bare = _timed(lambda: _bare_dump(url, plain))
    before = _memory()
    ours = _timed(lambda: taking.make(url, places.backup, "pulse-bench", house.clock, lambda dumped: None))
    made = manifest.read(places.backup, "pulse-bench")
    size = made.dump_size / MB
    yield Figure("backed_up", size / ours, "MB/s", "pg_dump to a file", size / bare)
    yield Figure("backup_size", made.size / MB, "MB", "its dump", size)
    yield Figure("backup_memory_growth", _memory() - before, "MB")
    yield Figure("verified", size / _timed(lambda: manifest.verify(places.backup, made.name)), "MB/s")
    with fresh_database(server) as empty:
        bare = _timed(lambda: _bare_restore(_at(empty, url), plain))
    with fresh_database(server) as empty:
        key = pipes.read_identity(identity)
        ours = _timed(lambda: restoring.load(places.backup, made, key, _at(empty, url)))
    yield Figure("brought_back", size / ours, "MB/s", "pg_restore of a file", size / bare)
    yield Figure("rto_of_10_gb", 10_000 / (size / ours) / 60, "minutes")


def _at(address: str, url: URL) -> URL:
    return url.set(database=address.rpartition("/")[2])


def _bare_dump(url: URL, into: Path) -> None:
    address, env = programs.place(url)
    program = str(programs.find("pg_dump", SERVER, SERVER))
    with into.open("wb") as out:
        subprocess.run(
            [program, "-Fc", "--compress=0", f"--dbname={address}"], env=env, stdout=out, check=True
        )  # fmt: skip


def _bare_restore(url: URL, plain: Path) -> None:
    address, env = programs.place(url)
    program = str(programs.find("pg_restore", SERVER, SERVER))
    command = [program, "--single-transaction", "--no-owner", "--no-privileges", f"--dbname={address}"]
    with plain.open("rb") as dump:
        subprocess.run(command, env=env, stdin=dump, check=True)


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def _timed(do: Callable[[], object]) -> float:
    began = time.monotonic()
    do()
    return time.monotonic() - began
