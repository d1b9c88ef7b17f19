"""One handler served on a port of loopback."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

_BACKLOG: Final = 1024
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def listening(handle: Handler, port: int = 0) -> AsyncIterator[int]:
    """Serve for as long as the context lasts; yield the port, a free one for 0."""
    runner = web.ServerRunner(web.Server(handle, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port, backlog=_BACKLOG).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
