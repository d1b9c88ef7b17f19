"""Sessions that are kept for the next letter: a few at once, each for so many letters."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from .connect import connect
from .session import Session
from .settings import Settings

_STALE: Final = 30.0
"""Seconds an idle session is kept: fewer than servers keep theirs."""


class Pool:
    """At most `settings.sessions` open sessions."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._free = asyncio.Semaphore(settings.sessions)
        self._idle: list[Session] = []

    @asynccontextmanager
    async def session(self, *, is_fresh: bool = False) -> AsyncIterator[Session]:
        """Lend a session, an idle one or, with `is_fresh`, always a new one; raises ConnectionLost."""
        async with self._free:
            session = (None if is_fresh else await self._take()) or await connect(self._settings)
            try:
                yield session
            except BaseException:
                session.abort()
                raise
            await self._put(session)

    async def close(self) -> None:
        """Say goodbye on every idle session."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(session.quit() for session in idle))

    @property
    def has_idle(self) -> bool:
        """Whether a session waits for its next letter."""
        return bool(self._idle)

    def keep(self, session: Session) -> None:
        """Keep a session that was opened elsewhere for the next letter."""
        session.rested_at = time.monotonic()
        self._idle.append(session)

    async def _take(self) -> Session | None:
        while self._idle:
            session = self._idle.pop()
            if session.is_open and time.monotonic() - session.rested_at < _STALE:
                return session
            await session.quit()
        return None

    async def _put(self, session: Session) -> None:
        if session.is_open and session.letters < self._settings.letters:
            self.keep(session)
        else:
            await session.quit()
