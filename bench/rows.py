"""Rows into the database: an import over a bare COPY of the file, an expansion over a bare INSERT … SELECT."""

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import text

from connectpulse.core.services import imports, records
from connectpulse.core.services.connections import Limits
from connectpulse.core.storage.models import Import
from connectpulse.core.storage.session import raw
from connectpulse.testing.factories import ADMINISTRATOR

from .figure import Figure
from .line import SENDER, TEXT, people, wait_until
from .scene import Scene, scene

PATIENCE = 1800.0
WARM_UP = 5_000

_MESSAGES = """
INSERT INTO pulse_message (id, organisation_id, campaign_id, contact_id, dispatch_id, changed_at, state, parts,
    quantity, units, channel, address, sender, body)
SELECT first.id + row_number() OVER (), c.organisation_id, -1, c.id, -1, now(), 0, 1, 1, 1, 'sms', a.value, :sender,
    replace(:text, '{{ name }}', c.name)
FROM (SELECT pulse_id() AS id) first
CROSS JOIN pulse_list_member m JOIN pulse_contact c ON c.id = m.contact_id JOIN pulse_address a ON a.contact_id = c.id
WHERE m.list_id = :list
"""


def measure(rows: int) -> Iterator[Figure]:
    """Yield the rates of an import by a worker and of an expansion, each over its floor, and the import's memory."""
    with scene() as stage:
        content = people(rows)
        worker = _Memory(stage.start_worker().pid)
        _import(stage, people(WARM_UP, rows), WARM_UP)
        idle = worker.now()
        list_id, seconds = _import(stage, content, rows)
        grown = worker.peak() - idle
        stage.stop_workers()
        copied = _rate(rows, lambda: _copy(stage, content))
        yield Figure("import", rows / seconds, "rows/s", "bare COPY", copied)
        yield Figure("import_memory", grown, "MB over idle", most=300)
        stage.connect(Limits())
        campaign_id, quote_id = stage.line.campaign(list_id)
        stage.line.launch(campaign_id, quote_id)
        expanded = _rate(rows, stage.line.run_jobs)
        inserted = _rate(rows, lambda: _insert(stage, list_id))
        yield Figure("expansion", expanded, "rows/s", "bare INSERT SELECT", inserted)


class _Memory:
    """What a process holds in memory, in MB, by the kernel's own count (proc(5), status)."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")

    def now(self) -> float:
        return self._read("VmRSS")

    def peak(self) -> float:
        return self._read("VmHWM")

    def _read(self, name: str) -> float:
        line = next(line for line in self._status.read_text().splitlines() if line.startswith(name))
        return int(line.split()[1]) / 1024


def _import(stage: Scene, content: bytes, rows: int) -> tuple[int, float]:
    """Let a worker import a file; return the list and the seconds it needed."""
    with stage.house.work(ADMINISTRATOR, stage.line.organisation) as work:
        import_id = imports.upload(work, "people.csv", io.BytesIO(content)).id
    began = time.perf_counter()
    with stage.house.work(ADMINISTRATOR, stage.line.organisation) as work:
        list_id = imports.start(work, import_id, ["name", "address:phone"], new_list=f"{rows} people").list_id

    def it_is_finished() -> bool:
        with stage.house.work(ADMINISTRATOR, stage.line.organisation) as work:
            found = records.find(work, Import, import_id)
            if found.state == "failed":
                raise RuntimeError(f"The import failed. {found.reason}")
            return found.state == "finished" and found.created == rows

    wait_until(it_is_finished, PATIENCE, 0.1)
    assert list_id is not None
    return list_id, time.perf_counter() - began


def _rate(rows: int, act: Callable[[], Any]) -> float:
    began = time.perf_counter()
    act()
    return rows / (time.perf_counter() - began)


def _copy(stage: Scene, content: bytes) -> None:
    with stage.house.work(ADMINISTRATOR) as work:
        work.session.execute(text("CREATE TABLE bare (name text, phone text)"))
        with raw(work.session).cursor() as cursor, cursor.copy("COPY bare FROM STDIN (FORMAT csv, HEADER)") as copy:
            copy.write(content)


def _insert(stage: Scene, list_id: int) -> None:
    with stage.house.work(ADMINISTRATOR) as work:
        work.session.execute(text(_MESSAGES), {"sender": SENDER, "text": TEXT, "list": list_id})
