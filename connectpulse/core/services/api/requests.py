"""The log of API requests and callbacks: gathered in memory, written in batches by COPY.

No request waits for its line. A line is written within a second, and at a polite end of the process; a kill loses
the lines of that second at most. The database away, lines wait up to `MOST_WAITING`; beyond it the oldest go, and
their number is logged.
"""

import threading
from collections import deque
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import structlog
from sqlalchemy import text

from ...storage.session import AWAY, raw
from ..work import SYSTEM, Opener

log = structlog.get_logger(__name__)

EVERY = 0.5
"""Seconds between two batches."""
MOST_WAITING = 20_000
_IDLE_AFTER = 4
_COPY = (
    "COPY pulse_api_request (organisation_id, key_id, connection_id, method, route, status, size, milliseconds, "
    "address, request_id, agent) FROM STDIN"
)
_USED = text(
    "UPDATE pulse_api_key SET last_used_at = now() WHERE id = ANY(:ids) "
    "AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')"
)


class Seen(NamedTuple):
    """One request. `agent` is the header User-Agent as it came; what is kept of it is what it says."""

    organisation_id: int | None
    key_id: int | None
    connection_id: int | None
    method: str
    route: str
    status: int
    size: int
    milliseconds: int
    address: str
    request_id: str
    agent: str


class RequestLog:
    """The lines of one process that are not written yet, and the thread that writes them while there are any.

    The thread is none of those that die with the process: a polite end waits for it, and so for the lines.
    """

    def __init__(self, open_work: Opener) -> None:
        self._open_work = open_work
        self._lines: deque[Seen] = deque()
        self._lost = 0
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._hurry = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, line: Seen) -> None:
        """Take a line; it is written soon."""
        with self._lock:
            self._lines.append(line)
            if len(self._lines) > MOST_WAITING:
                self._lines.popleft()
                self._lost += 1
            if self._thread is None:
                self._hurry.clear()
                self._thread = threading.Thread(target=self._run, name="request-log", daemon=False)
                self._thread.start()

    def flush(self) -> int:
        """Write what waits, now; return how many lines. They wait on if the database is away."""
        with self._writing:
            with self._lock:
                lines, lost = list(self._lines), self._lost
                self._lines.clear()
                self._lost = 0
            if lost:
                log.warning("request_lines_lost", lines=lost)
            if not lines:
                return 0
            try:
                self._write(lines)
            except AWAY as error:
                log.warning("request_lines_wait", lines=len(lines), error=type(error).__name__)
                with self._lock:
                    self._lines.extendleft(reversed(lines))
                return 0
            except Exception:
                log.exception("request_lines_lost", lines=len(lines))  # they would be refused for ever
                return 0
            return len(lines)

    def stop(self) -> None:
        """Write what waits and end the thread; for the end of a house."""
        thread = self._thread
        if thread is not None:
            self._hurry.set()
            thread.join()

    def _run(self) -> None:
        """Write every moment; end after a while without lines, or when the process ends."""
        idle = 0
        while True:
            is_last = self._hurry.wait(EVERY) or not threading.main_thread().is_alive()
            idle = 0 if self.flush() else idle + 1
            with self._lock:
                if is_last or (idle >= _IDLE_AFTER and not self._lines):
                    self._thread = None
                    return

    def _write(self, lines: Sequence[Seen]) -> None:
        used = sorted({line.key_id for line in lines if line.key_id is not None})
        with self._open_work(SYSTEM) as work:
            with raw(work.session).cursor() as cursor, cursor.copy(_COPY) as copy:
                for line in lines:
                    copy.write_row((*line[:-1], agent(line.agent)))
            if used:
                work.session.execute(_USED, {"ids": used})


@lru_cache(maxsize=1024)
def agent(header: str) -> str:
    """Return what the header User-Agent says: browser and system, or the name of a program."""
    from ua_parser import parse

    found = parse(header[:500])
    program = " ".join(filter(None, (found.user_agent.family, found.user_agent.major))) if found.user_agent else ""
    system = found.os.family if found.os else ""
    said = " on ".join(filter(None, (program, system))) or header.partition(" ")[0]
    return said.replace("\x00", "")[:120]
