"""The simulator's control endpoint: what it recorded, and messages from people, over HTTP on loopback."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from .smsc import Smsc


@asynccontextmanager
async def control(smsc: Smsc, port: int = 0) -> AsyncIterator[int]:
    """Serve the endpoint for as long as the context lasts; yields its port."""
    runner = web.AppRunner(_app(smsc), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


def _app(smsc: Smsc) -> web.Application:
    async def ports(request: web.Request) -> web.Response:
        here = request.transport.get_extra_info("sockname")[1] if request.transport else 0
        return web.json_response({"smpp_port": smsc.port, "control_port": here})

    async def health(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def summary(_: web.Request) -> web.Response:
        return web.json_response(smsc.record.summary() | {"waiting": smsc.waiting()})

    async def find(request: web.Request) -> web.Response:
        return web.json_response(smsc.record.find(request.match_info["destination"]))

    async def inbound(request: web.Request) -> web.Response:
        try:
            asked = await request.json()
            parts = smsc.receive(asked["from"], asked["to"], asked["text"], asked.get("system_id"))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            wanted = "Send JSON with from, to and text, and system_id if there are several"
            return web.json_response({"error": f"{wanted}: {error!r}."}, status=400)
        return web.json_response({"parts": parts})

    async def reset(_: web.Request) -> web.Response:
        smsc.reset()
        return web.json_response({"status": "ok"})

    app = web.Application()
    app.add_routes(
        [
            web.get("/healthz", health),
            web.get("/ports", ports),
            web.get("/record", summary),
            web.get("/record/{destination}", find),
            web.post("/inbound", inbound),
            web.post("/reset", reset),
        ]
    )
    return app
