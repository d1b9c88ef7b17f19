"""The action log: what a transaction pays for its place in a chain, and how fast chains are verified.

Transactions are measured from several processes at once, each with organisations of its own and all of them
with some in common, against the same transactions with entries that are inserted and not chained.
"""

import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import text

from connectpulse import house as houses
from connectpulse.core.domain import chain
from connectpulse.core.domain.settings import from_mapping
from connectpulse.core.services import audit
from connectpulse.core.services.action_log import exporting, verifying
from connectpulse.core.storage import sealing
from connectpulse.core.storage.sealing import Draft
from connectpulse.core.storage.session import raw
from connectpulse.core.storage.trust import trust
from connectpulse.testing import factories
from connectpulse.testing.factories import ADMINISTRATOR

from .figure import Figure
from .scene import scene

PROCESSES = max(2, os.cpu_count() or 2)
THREADS = 6
ORGANISATIONS = 48
AT_A_TIME = 5_000

_UNCHAINED = """
INSERT INTO bare_entry (organisation_id, verb, actor_kind, actor_id, actor_name, object_type, object_id, object_name,
    detail)
VALUES (%s, 'list.created', 'user', 1, 'Amina Administrator', 'ContactList', '1', 'Spring', '{"size": 1}')
"""


def measure(entries: int) -> Iterator[Figure]:
    """Yield transactions a second with and without a chain, and entries verified a second, offline and online."""
    with scene() as stage:
        organisations = [factories.organisation(stage.house) for _ in range(ORGANISATIONS)]
        with stage.house.engine.begin() as connection:
            connection.execute(text(
                "CREATE TABLE bare_entry (LIKE pulse_audit INCLUDING DEFAULTS INCLUDING INDEXES)"
            ))  # fmt: skip
            for name in ("seal", "actor_digest", "object_digest"):
                connection.execute(text(f"ALTER TABLE bare_entry ALTER COLUMN {name} DROP NOT NULL"))
        turns = max(50, entries // 4_000)
        best: dict[bool, float] = {}
        for is_chained in (True, False, True, False):
            rate = _rate(stage.environment, organisations, turns, is_chained=is_chained)
            best[is_chained] = max(rate, best.get(is_chained, 0.0))
        yield Figure("chained_transactions", best[True], "tx/s", "unchained", best[False])
        one = _rate(stage.environment, organisations[:1], turns, is_chained=True)
        yield Figure("chained_one_organisation", one, "tx/s")
        _fill(stage.house, organisations[:4], entries)
        yield from _verified(stage.house)


def _rate(environment: dict[str, str], organisations: list[int], turns: int, *, is_chained: bool) -> float:
    """Return transactions a second of all processes together, from the first to begin to the last to end."""
    context = multiprocessing.get_context("spawn")
    start, spans = context.Barrier(PROCESSES), context.Queue()
    processes = [
        context.Process(target=_write, args=(environment, organisations, number, turns, is_chained, start, spans))
        for number in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    found = [spans.get(timeout=600) for _ in processes]
    for process in processes:
        process.join()
    seconds: float = max(end for _, end in found) - min(begin for begin, _ in found)
    return PROCESSES * THREADS * turns / seconds


def _write(
    environment: dict[str, str], organisations: list[int], number: int, turns: int, is_chained: bool, start: Any,
    spans: Any,
) -> None:  # fmt: skip
    from concurrent.futures import ThreadPoolExecutor

    house = houses.build(from_mapping(environment), pool_size=THREADS, pre_ping=False)

    def run(thread: int, count: int) -> None:
        for turn in range(count):
            place = (number * THREADS + thread + turn * PROCESSES * THREADS) % len(organisations)
            organisation = organisations[place]
            with house.work(ADMINISTRATOR, organisation) as work:
                if is_chained:
                    audit.record_named(work, "list.created", organisation, "ContactList", 1, "Spring", size=1)
                else:
                    raw(work.session).execute(_UNCHAINED, [organisation])

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(run, range(THREADS), [20] * THREADS))
        start.wait()
        begun = time.time()
        list(pool.map(run, range(THREADS), [turns] * THREADS))
        spans.put((begun, time.time()))
    house.close()


def _fill(house: houses.House, organisations: list[int], entries: int) -> None:
    for begun in range(0, entries, AT_A_TIME):
        organisation = organisations[begun // AT_A_TIME % len(organisations)]
        with house.engine.begin() as connection:
            draft = Draft(
                organisation, "list.updated", "user", 1, "ContactList", "12", "8c1f00e5a1b2c3d4", "Amina Administrator",
                "203.0.113.9", "Spring", '{"changes": {"name": ["Spring", "Spring offers"]}}',
            )  # fmt: skip
            driver: Any = connection.connection.driver_connection
            with driver.cursor() as cursor:
                sealing.append(cursor, [draft] * AT_A_TIME)


def _verified(house: houses.House) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="pulse-bench-") as folder:
        place = Path(folder) / "export"
        entries = exporting.export(house.work, place)
        key = chain.sealer(trust.key("audit chain"))
        largest = max(place.glob("chain-*.copy"), key=lambda path: path.stat().st_size)
        content = largest.read_bytes().rstrip(b"\n").split(b"\n")
        begun = time.perf_counter()
        chain.walk(key, content)
        yield Figure("verify_one_process", len(content) / (time.perf_counter() - begun), "entries/s")
        begun = time.perf_counter()
        report = exporting.verify(place)
        assert report.holds, report.sentences()
        yield Figure("verify_offline", entries / (time.perf_counter() - begun), "entries/s")
    begun = time.perf_counter()
    report = verifying.verify(house.work)
    assert report.holds, report.sentences()
    yield Figure("verify_in_database", report.entries / (time.perf_counter() - begun), "entries/s")
