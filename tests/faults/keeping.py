"""Retention under SIGKILL: whenever it dies, each row is in exactly one place, table or archive, and none is lost.

`python -m tests.faults retention --rows 20000 --kills 40 --seed 7` starts runs in a process of their own, kills
them at random moments, and reads everything back.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from connectpulse import house as houses
from connectpulse.core.domain.settings import fresh_secrets, from_mapping
from connectpulse.core.services.retention import archives, batches, engine, merging
from connectpulse.core.services.work import SYSTEM
from connectpulse.core.storage import ids, partitions
from connectpulse.core.storage.embedded import EmbeddedServer
from connectpulse.house import House
from connectpulse.testing import factories

NOW = datetime(2026, 7, 15, 12, 0, tzinfo=UTC)
STEP = 100
"""Rows of one step of the killed runs, so that there are many moments to die in."""


def build(given: dict[str, str]) -> House:
    """Return the house of these settings."""
    return houses.build(from_mapping(given), pool_size=3)


def fill(house: House, rows: int) -> set[int]:
    """Put old messages of two organisations over two months; return their ids."""
    owners = [factories.organisation(house), factories.organisation(house)]
    first = ids.at(NOW - timedelta(days=130))
    step = ids.at(ids.EPOCH + timedelta(days=38)) // rows
    with house.engine.begin() as connection:
        for days in (130, 100, 92):
            partitions.ensure(connection, NOW - timedelta(days=days), 0)
        connection.execute(
            text(
                "INSERT INTO pulse_message (id, organisation_id, changed_at, state, parts, quantity, units, channel, "
                "address, sender, body) SELECT :first + n * :step, (:owners)[1 + n % 2], now(), 20, 1, 1, 1, 'sms', "
                "'+92300' || n, 'ACME', 'Hello ' || n FROM generate_series(1, :rows) n"
            ),
            {"first": first, "step": step, "owners": owners, "rows": rows},
        )
        return set(connection.scalars(text("SELECT id FROM pulse_message")))


def places_of(house: House) -> Counter[int]:
    """Return in how many places each row is, as the catalogue and the table say; raise Damaged for a bad file."""
    with house.work(SYSTEM) as work:
        found = Counter(work.session.scalars(text("SELECT id FROM pulse_message")))
        listed = archives.listed(work, None, ("pulse_message",), is_all=True)
    for row in listed:
        found.update(archives.read(row).column("id").to_pylist())
    return found


def trial(given: dict[str, str], rows: int, kills: int, seed: int) -> dict[str, int]:
    """Kill runs at random moments; raise AssertionError if a row is ever in no place or in two."""
    chance = random.Random(seed)
    house = build(given)
    expected = fill(house, rows)
    killed = 0
    for _ in range(kills):
        killed += _kill(given, "run", chance.uniform(0.0, 0.6))
        _check(house, expected, seed)
    finish(house)
    _check(house, expected, seed)
    unmerged = _files(house)
    for _ in range(kills):
        killed += _kill(given, "merge", chance.uniform(0.0, 0.3))
        _check(house, expected, seed)
        with house.engine.begin() as connection:  # as if the leases of who was killed were over
            connection.execute(text("UPDATE pulse_archive SET lease_until = NULL, writer = ''"))
    merged = _files(house)
    engine.run(house.work, NOW)
    _check(house, expected, seed)
    house.clock = lambda: datetime.now(UTC) + timedelta(hours=2)
    orphans = archives.sweep(house.work)
    with house.work(SYSTEM) as work:
        left = int(work.session.scalar(text("SELECT count(*) FROM pulse_message")) or 0)
        files = len(archives.listed(work, None, is_all=True))
    house.close()
    assert left == 0
    return {
        "rows": rows, "killed": killed, "orphans_swept": orphans, "unmerged": unmerged, "merged": merged,
        "archives": files,
    }  # fmt: skip


def _kill(given: dict[str, str], what: str, after: float) -> bool:
    """Start a process that runs or merges, and kill it so many seconds after it began; return whether it was."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.keeping"],
        env=os.environ | {"RETENTION_TRIAL": json.dumps(given), "RETENTION_DOES": what},
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "ready"
    time.sleep(after)
    is_killed = process.poll() is None
    if is_killed:
        process.send_signal(signal.SIGKILL)
    process.communicate()
    return is_killed


def _check(house: House, expected: set[int], seed: int) -> None:
    found = places_of(house)
    assert set(found) == expected, f"seed {seed}: {len(expected - set(found))} rows are nowhere"
    assert max(found.values()) == 1, f"seed {seed}: a row is in two places"


def _files(house: House) -> int:
    with house.work(SYSTEM) as work:
        return len(archives.listed(work, None, is_all=True))


def main(arguments: list[str]) -> None:
    """Run the trial on a server of its own and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults retention", description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=None)
    asked = parser.parse_args(arguments)
    seed = random.randrange(1 << 32) if asked.seed is None else asked.seed
    sys.stdout.write(f"seed {seed}\n")
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedServer(Path(folder) / "postgres")
        server.ensure_running()
        try:
            given = fresh_secrets() | {"DATABASE_URL": server.url, "ARCHIVE_URL": f"{folder}/archive"}
            house = build(given)
            house.upgrade()
            house.close()
            sys.stdout.write(json.dumps(trial(given, asked.rows, asked.kills, seed)) + "\n")
        finally:
            server.stop("immediate")


def finish(house: House) -> None:
    """Do one run to its end in small steps, and leave the small files as they are."""
    batches.ARCHIVED, step = STEP, batches.ARCHIVED
    merging.FEWEST, fewest = 1_000_000, merging.FEWEST
    try:
        engine.run(house.work, NOW)
    finally:
        batches.ARCHIVED, merging.FEWEST = step, fewest


def run() -> None:
    """Do one run in small steps, or merge what they left, few files at a time: what is killed."""
    house = build(json.loads(os.environ["RETENTION_TRIAL"]))
    for name in set(house.registry.rules) - {"pulse_message"}:
        del house.registry.rules[name]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    if os.environ["RETENTION_DOES"] == "run":
        finish(house)
        return
    merging.FEWEST, merging.ROWS = 2, 8 * STEP
    while merging.merge_due(house.work):
        pass


if __name__ == "__main__":
    run()
