"""Taking receipts in: many arrivals, one transaction. Each caller returns when its events are durable."""

import asyncio
from collections.abc import Awaitable, Callable

from ..domain.provider import Event, Events

MOST_EVENTS = 1_000
"""Events written in one transaction."""

Write = Callable[[int, Events], Awaitable[None]]


class Intake:
    """Gathers the events of one connection while the ones before are being written."""

    def __init__(self, connection_id: int, write: Write) -> None:
        self._connection_id = connection_id
        self._write = write
        self._waiting: list[tuple[Events, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def take(self, events: Events) -> None:
        """Return when `events` are stored; raise what kept them from being stored."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((events, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all())
        await done

    async def _write_all(self) -> None:
        while self._waiting:
            taken, events = self._gather()
            try:
                await self._write(self._connection_id, events)
            except Exception as error:
                for done in taken:
                    if not done.done():
                        done.set_exception(error)
            else:
                for done in taken:
                    if not done.done():
                        done.set_result(None)

    def _gather(self) -> tuple[list[asyncio.Future[None]], list[Event]]:
        taken: list[asyncio.Future[None]] = []
        events: list[Event] = []
        while self._waiting and len(events) < MOST_EVENTS:
            more, done = self._waiting.pop(0)
            events += more
            taken.append(done)
        return taken, events
