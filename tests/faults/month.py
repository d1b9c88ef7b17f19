"""Thirty days of hourly retention runs: no row goes before its time, none is there an hour after it, none is lost.

`python -m tests.faults retention-month --rows 20000 --seed 7` puts rows at random moments into four logs, moves the
time on by an hour a run, and looks after each run at what is gone and what is still there.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from connectpulse.core.domain.settings import fresh_secrets
from connectpulse.core.services.retention import archives, engine
from connectpulse.core.services.work import SYSTEM
from connectpulse.core.storage import ids, partitions
from connectpulse.core.storage.embedded import EmbeddedServer
from connectpulse.house import House
from connectpulse.testing import factories
from tests.faults.keeping import build

START = datetime(2026, 7, 1, 0, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
RUNS = 720
KEPT = {
    "pulse_message": timedelta(days=90),
    "pulse_receipt": timedelta(days=90),
    "pulse_callback": timedelta(days=7),
    "pulse_job": timedelta(days=7),
}
ARCHIVED = ("pulse_message", "pulse_receipt")
_PUT = {
    "pulse_message": "INSERT INTO pulse_message (id, organisation_id, changed_at, state, parts, quantity, units, "
    "channel, address, sender, body) SELECT id, (:owners)[1 + id % 2], now(), 20, 1, 1, 1, 'sms', '+92300' || id, "
    "'ACME', 'Hello' FROM unnest(CAST(:ids AS bigint[])) id",
    "pulse_receipt": "INSERT INTO pulse_receipt (id, organisation_id, connection_id, reference, state) "
    "SELECT id, (:owners)[1 + id % 2], 1, id::text, 20 FROM unnest(CAST(:ids AS bigint[])) id",
    "pulse_callback": "INSERT INTO pulse_callback (id, connection_id, method, url, headers, body, state) "
    "SELECT id, 1, 'GET', '', '{}', '', 'done' FROM unnest(CAST(:ids AS bigint[])) id",
    "pulse_job": "INSERT INTO pulse_job (id, kind, subject_id, state, created_at) OVERRIDING SYSTEM VALUE "
    "SELECT number, 'x', number, 'done', at FROM unnest(CAST(:ids AS bigint[]), CAST(:moments AS timestamptz[])) "
    "AS made (number, at)",
}


def fill(house: House, rows: int, seed: int, runs: int) -> dict[str, dict[int, datetime]]:
    """Put `rows` rows at random moments into each log; return when each is due, by table and id.

    Their times end between the first run and a little after the last.
    """
    chance = random.Random(seed)
    owners = [factories.organisation(house), factories.organisation(house)]
    due: dict[str, dict[int, datetime]] = {}
    with house.engine.begin() as connection:
        for table, keep in KEPT.items():
            moments = sorted(START + timedelta(seconds=chance.uniform(1, runs * 4_000)) for _ in range(rows))
            made = {
                (number if table == "pulse_job" else ids.at(moment - keep) + number % 1000): moment
                for number, moment in enumerate(moments, 1)
            }
            due[table] = made if table == "pulse_job" else {id: ids.moment(id) + keep for id in made}
            for days in range(-1, 36):
                if table != "pulse_job":
                    partitions.ensure(connection, START - keep + timedelta(days=days), 0)
            given = {"ids": list(made), "owners": owners, "moments": [moment - keep for moment in made.values()]}
            named = {name: given[name] for name in given if f":{name}" in _PUT[table]}
            connection.execute(text(_PUT[table]), named)
    return due


def left(house: House, table: str) -> set[int]:
    with house.engine.connect() as connection:
        return set(connection.scalars(text(f"SELECT id FROM {table}")))


def trial(house: House, rows: int, seed: int, runs: int = RUNS) -> dict[str, int | float]:
    """Do the runs; return how many rows went early, were late, or are not in exactly one place."""
    for name in set(house.registry.rules) - set(KEPT):
        del house.registry.rules[name]
    due = fill(house, rows, seed, runs)
    there = {table: set(made) for table, made in due.items()}
    early = late = gone = 0
    began = time.monotonic()
    for number in range(runs + 1):
        moment = START + number * HOUR
        engine.run(house.work, moment)
        for table, ends in due.items():
            now = left(house, table)
            went = there[table] - now
            early += sum(ends[id] > moment for id in went)
            late += sum(ends[id] <= moment - HOUR for id in went | now)
            late += sum(ends[id] <= moment for id in now)
            gone += len(went)
            there[table] = now
            for id in went:
                del ends[id]
    found = _places(house, there)
    return {
        "runs": runs + 1, "rows": rows * len(KEPT), "gone": gone, "early": early, "late": late,
        "in_no_place_or_two": 2 * rows - sum(count == 1 for count in found.values()),
        "errors": _errors(house), "seconds": round(time.monotonic() - began, 1),
    }  # fmt: skip


def _places(house: House, there: dict[str, set[int]]) -> Counter[tuple[str, int]]:
    """Return in how many places each row of the archived logs is."""
    found = Counter((table, id) for table in ARCHIVED for id in there[table])
    with house.work(SYSTEM) as work:
        listed = archives.listed(work, None, ARCHIVED, is_all=True)
    for row in listed:
        found.update((row.table_name, id) for id in archives.read(row).column("id").to_pylist())
    return found


def _errors(house: House) -> int:
    with house.engine.connect() as connection:
        return int(connection.scalar(text("SELECT count(*) FROM pulse_retention_run WHERE error <> ''")) or 0)


def main(arguments: list[str]) -> None:
    """Run the trial on a server of its own and print what was found; exit 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults retention-month", description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000, help="of each log")
    parser.add_argument("--seed", type=int, default=None)
    asked = parser.parse_args(arguments)
    seed = random.randrange(1 << 32) if asked.seed is None else asked.seed
    sys.stdout.write(f"seed {seed}\n")
    sys.stdout.flush()
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedServer(Path(folder) / "postgres", {"fsync": "off", "synchronous_commit": "off"})
        server.ensure_running()
        try:
            house = build(fresh_secrets() | {"DATABASE_URL": server.url, "ARCHIVE_URL": f"{folder}/archive"})
            house.upgrade()
            found = trial(house, asked.rows, seed)
            house.close()
        finally:
            server.stop("immediate")
    sys.stdout.write(json.dumps(found) + "\n")
    sys.exit(any(found[name] for name in ("early", "late", "in_no_place_or_two", "errors")))
