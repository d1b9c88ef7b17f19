"""The sink's control endpoint: what it recorded, over HTTP on loopback."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from .server import Sink


@asynccontextmanager
async def control(sink: Sink, port: int = 0) -> AsyncIterator[int]:
    """Serve the endpoint for as long as the context lasts; yields its port."""
    runner = web.AppRunner(_app(sink), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


def _app(sink: Sink) -> web.Application:
    async def health(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def summary(_: web.Request) -> web.Response:
        return web.json_response(sink.record.summary() | {"waiting": sink.reporter.waiting})

    async def find(request: web.Request) -> web.Response:
        return web.json_response(sink.record.find(request.match_info["recipient"]))

    async def reset(_: web.Request) -> web.Response:
        sink.reset()
        return web.json_response({"status": "ok"})

    app = web.Application()
    app.add_routes(
        [
            web.get("/healthz", health),
            web.get("/record", summary),
            web.get("/record/{recipient}", find),
            web.post("/reset", reset),
        ]
    )
    return app
