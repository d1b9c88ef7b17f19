"""The wire: one event loop in a worker that keeps the sessions of all connections open and moves batches.

It runs in a thread of its own. The database is only touched in the threads of a small pool, so the loop
never waits for it, and no database session is held while a provider is spoken to.
"""

import asyncio
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from sqlalchemy.exc import DBAPIError

from ..domain.provider import Events
from ..domain.redaction import told
from ..storage.session import AWAY, is_passing
from .desk import Desk, LineFacts
from .intake import Intake
from .line import Line

log = structlog.get_logger(__name__)

LOOK_EVERY = 2.0
KEEP_EVERY = 5.0
SHARE_AFTER = 10.0
"""Seconds other workers have to take a session before a worker takes a second one of the same connection."""
STOP_WITHIN = 20.0
DATABASE_THREADS = 4


class Wire:
    """Serves the connections of one worker."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._pool = ThreadPoolExecutor(DATABASE_THREADS, thread_name_prefix="wire-db")
        self._lines: dict[tuple[int, int], tuple[Line, asyncio.Task[None]]] = {}
        self._intakes: dict[int, Intake] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = threading.Event()
        self._stopped: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="wire", daemon=True)
        self._since = time.monotonic()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish what is on the wire, give the rest back, and end; returns when that is done."""
        self._stopping.set()
        if self._loop is not None and self._stopped is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(STOP_WITHIN + 10)

    def wake(self, connection_id: int | None) -> None:
        """There may be something to send over this connection, or over any. Safe from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake, connection_id)

    def states(self) -> dict[str, str]:
        """Return the state of each session, for health and metrics."""
        return {f"{line.facts.name}/{line.slot}": line.state for line, _ in list(self._lines.values())}

    def _run(self) -> None:
        asyncio.run(self._main())
        self._pool.shutdown()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        if self._stopping.is_set():
            return
        looking = asyncio.create_task(self._every(LOOK_EVERY, self._look))
        keeping = asyncio.create_task(self._every(KEEP_EVERY, self._keep))
        await self._stopped.wait()
        looking.cancel()
        await self._end(list(self._lines))
        keeping.cancel()  # what was still out was not to be taken for lost

    async def _every(self, seconds: float, duty: Callable[[], Any]) -> None:
        while True:
            try:
                await duty()
            except Exception:
                log.exception("wire_duty_failed", duty=duty.__name__)
            await asyncio.sleep(seconds)

    async def _look(self) -> None:
        """Open sessions for what is to be served, end those that are not, renew those whose settings changed."""
        wanted = {facts.connection_id: facts for facts in await self.call(self._desk.lines)}
        for key, (line, task) in list(self._lines.items()):
            facts = wanted.get(line.facts.connection_id)
            if task.done():
                self._gone(key)
            elif facts is None or facts.revision != line.facts.revision:
                line.stop()
        for facts in wanted.values():
            await self._open(facts)

    async def _open(self, facts: LineFacts) -> None:
        held = sum(key[0] == facts.connection_id for key in self._lines)
        if held >= facts.sessions or (held and time.monotonic() - self._since < SHARE_AFTER):
            return
        slot = await self.call(self._desk.hold, facts.connection_id, facts.sessions)
        if slot is None:
            return
        intake = self._intakes.setdefault(facts.connection_id, Intake(facts.connection_id, self._take_in))
        line = Line(self._desk, facts, slot, intake, self.call)
        self._lines[facts.connection_id, slot] = (line, asyncio.create_task(line.run()))
        log.info("session_taken", connection=facts.name, slot=slot)

    async def _keep(self) -> None:
        states = {key: (line.state, line.detail) for key, (line, task) in self._lines.items() if not task.done()}
        if not states:
            return
        kept = await self.call(self._desk.keep, states)
        for key in set(states) - kept:
            log.warning("session_lease_lost", connection=key[0], slot=key[1])
            self._lines[key][0].stop()

    async def _end(self, keys: list[tuple[int, int]]) -> None:
        tasks = []
        for key in keys:
            line, task = self._lines[key]
            line.stop()
            tasks.append(task)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=STOP_WITHIN)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _gone(self, key: tuple[int, int]) -> None:
        _, task = self._lines.pop(key)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("line_ended", connection=key[0], error=told(error))

    def _wake(self, connection_id: int | None) -> None:
        for (serving, _), (line, _) in self._lines.items():
            if connection_id in (None, serving):
                line.wake()

    async def _take_in(self, connection_id: int, events: Events) -> None:
        await self.call(self._desk.take_in, connection_id, events)

    async def call(self, method: Callable[..., Any], *arguments: Any) -> Any:
        """Run a method of the desk in a thread; repeat it while the database is away."""
        loop = asyncio.get_running_loop()
        attempt = 0
        while True:
            try:
                return await loop.run_in_executor(self._pool, method, *arguments)
            except (DBAPIError, *AWAY) as error:
                if not is_passing(error):
                    raise
                attempt += 1
                log.warning("database_away", attempt=attempt, error=str(getattr(error, "orig", error))[:200])
                await asyncio.sleep(min(5.0, 0.1 * 2**attempt) * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
