"""The control endpoint of callees: what they remember, over HTTP on loopback."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict

from aiohttp import web

from .callees import HOST, Callees


@asynccontextmanager
async def control(callees: Callees, port: int = 0) -> AsyncIterator[int]:
    """Serve the endpoint for as long as the context lasts; yields its port."""
    runner = web.AppRunner(_app(callees), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


def _app(callees: Callees) -> web.Application:
    async def health(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def summary(_: web.Request) -> web.Response:
        return web.json_response(callees.record.summary())

    async def find(request: web.Request) -> web.Response:
        return web.json_response([asdict(each) for each in callees.record.find(request.match_info["number"])])

    async def ports(request: web.Request) -> web.Response:
        sock = request.transport.get_extra_info("sockname") if request.transport else ("", 0)
        return web.json_response({"sip_port": callees.port, "control_port": sock[1]})

    async def reset(_: web.Request) -> web.Response:
        callees.record.reset()
        return web.json_response({"status": "ok"})

    app = web.Application()
    app.add_routes(
        [
            web.get("/healthz", health),
            web.get("/ports", ports),
            web.get("/record", summary),
            web.get("/record/{number}", find),
            web.post("/reset", reset),
        ]
    )
    return app
