"""What a stand-in of a hosted provider needs: an address on loopback, and calls made a moment after its answer."""

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, web

_PATIENCE = ClientTimeout(total=10)
_LARGEST = 40 << 20


class Calls:
    """Calls that are under way, the session they are made with, and the statuses they were answered with."""

    def __init__(self, session: ClientSession) -> None:
        self._session = session
        self._owed: set[asyncio.Task[None]] = set()
        self.answers: list[int] = []

    def owe(self, work: Coroutine[Any, Any, None]) -> None:
        """Make calls later; they are forgotten when the stand-in stops."""
        task = asyncio.create_task(work)
        self._owed.add(task)
        task.add_done_callback(self._owed.discard)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Post once; keep the status, 0 where nobody answered."""
        try:
            async with self._session.post(url, data=body, headers=headers) as answer:
                await answer.read()
                self.answers.append(answer.status)
        except (ClientError, OSError, TimeoutError):
            self.answers.append(0)

    async def settled(self) -> None:
        """Return once every call that is owed was made."""
        while self._owed:
            await asyncio.gather(*self._owed)

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


def application() -> web.Application:
    """Return an application that takes letters with files."""
    return web.Application(client_max_size=_LARGEST)


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """Serve `app` on a free port of loopback; yield its address."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


def said(document: Any, status: int = 200, **headers: str) -> web.Response:
    """Return a JSON answer."""
    return web.Response(status=status, text=json.dumps(document), content_type="application/json", headers=headers)
