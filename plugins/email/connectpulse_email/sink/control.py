"""The sink's control endpoint: what it recorded, over HTTP on loopback."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from .server import Sink


@asynccontextmanager
async def control(sink: Sink, ports: dict[str, int], port: int = 0) -> AsyncIterator[int]:
    """Serve the endpoint for as long as the context lasts; yields its port.

    `ports` is what it tells at /ports, with its own added.
    """
    runner = web.AppRunner(_app(sink, ports), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        ports["control_port"] = int(runner.addresses[0][1])
        yield ports["control_port"]
    finally:
        await runner.cleanup()


def _app(sink: Sink, ports: dict[str, int]) -> web.Application:
    async def health(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def summary(_: web.Request) -> web.Response:
        return web.json_response(sink.record.summary() | {"waiting": sink.reporter.waiting})

    async def find(request: web.Request) -> web.Response:
        return web.json_response(sink.record.find(request.match_info["recipient"]))

    async def told(_: web.Request) -> web.Response:
        return web.json_response(ports)

    async def inbound(request: web.Request) -> web.Response:
        try:
            asked = await request.json()
            sink.receive(asked["from"], asked["to"], asked["text"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return web.json_response({"error": f"Send JSON with from, to and text: {error!r}."}, status=400)
        return web.json_response({"status": "ok"})

    async def reset(_: web.Request) -> web.Response:
        sink.reset()
        return web.json_response({"status": "ok"})

    app = web.Application()
    app.add_routes(
        [
            web.get("/healthz", health),
            web.get("/record", summary),
            web.get("/record/{recipient}", find),
            web.get("/ports", told),
            web.post("/inbound", inbound),
            web.post("/reset", reset),
        ]
    )
    return app
