"""What a stand-in of a hosted provider owes: callbacks, made a moment after its answer."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout

_PATIENCE = ClientTimeout(total=10)


class Calls:
    """Calls that are under way, and the session they are made with."""

    def __init__(self, session: ClientSession) -> None:
        self._session = session
        self._owed: set[asyncio.Task[None]] = set()

    def owe(self, work: Coroutine[Any, Any, None]) -> None:
        """Make calls later; they are forgotten when the stand-in stops."""
        task = asyncio.create_task(work)
        self._owed.add(task)
        task.add_done_callback(self._owed.discard)

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        """Post once; return the status, 0 where nobody answered."""
        try:
            async with self._session.post(url, data=body, headers=headers) as answer:
                await answer.read()
                return answer.status
        except (ClientError, OSError, TimeoutError):
            return 0

    async def stop(self) -> None:
        """Forget the calls that were not made yet."""
        for task in self._owed:
            task.cancel()
        await asyncio.gather(*self._owed, return_exceptions=True)


@asynccontextmanager
async def calling() -> AsyncIterator[Calls]:
    """Yield what makes calls; those still owed at the end are forgotten."""
    async with ClientSession(timeout=_PATIENCE) as session:
        calls = Calls(session)
        try:
            yield calls
        finally:
            await calls.stop()
