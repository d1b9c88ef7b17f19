"""What the tests of the WhatsApp plugin share: messages, an open provider, and a listener for webhooks."""

import asyncio
import contextlib
import importlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from aiohttp import web
from connectpulse_whatsapp.cloud.provider import CloudProvider
from connectpulse_whatsapp.simulator.options import NUMBER, Options, settings

from connectpulse.core.api import Callback, Events, Outcome, Submission
from connectpulse.core.domain import form
from connectpulse.core.wire import egress
from connectpulse.testing.plugin import require_peer

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

TEMPLATE: Mapping[str, Any] = {
    "body": 'Hello {{ name | default("friend") }}, our new collection has arrived in the shop near you.',
    "footer": "Reply STOP to end these messages",
    "buttons": "stop: Stop these messages",
}
CONTENT: Mapping[str, Any] = {"content": TEMPLATE}
"""One object, as the house gives it: shared by every message made with it."""


def message(to: str = "+923217654321", token: str = "1f", **more: Any) -> Submission:
    facts: dict[str, Any] = {
        "message_id": 31, "sender": NUMBER, "body": "Hello Amina", "parts": 1, "validity": timedelta(hours=4),
        "shared": CONTENT, "extra": {"body": ["Amina"]}, **more,
    }  # fmt: skip
    return Submission(facts.pop("message_id"), to, facts.pop("sender"), facts.pop("body"), token=token, **facts)


def read(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as the house would keep them, or fail with what is wrong."""
    values = form.read(CloudProvider.settings_form, given)
    assert CloudProvider.check_settings(values) == []
    return values


async def no_intake(events: Events) -> None:
    raise AssertionError("the Cloud API hands nothing over by itself")


@asynccontextmanager
async def serving(handler: Handler, method: str = "*") -> AsyncIterator[str]:
    """Serve one handler for everything on a free port; yield its address."""
    app = web.Application(client_max_size=1 << 25)
    app.router.add_route(method, "/{rest:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def connected(given: Mapping[str, Any], window: int = 10) -> AsyncIterator[CloudProvider]:
    """Yield an open provider with these settings."""
    egress.allow("127.0.0.0/8")
    provider = CloudProvider(read(given), no_intake, window=window)
    try:
        await provider.open()
        yield provider
    finally:
        await provider.close()
        egress.allow()


def send(handler: Handler, batch: Sequence[Submission], window: int = 10, **more: Any) -> list[Outcome]:
    """Send a batch to a server that answers everything with `handler`."""

    async def scene() -> list[Outcome]:
        async with serving(handler) as address, connected({**settings(Options(), address), **more}, window) as provider:
            return await provider.send_batch(batch)

    return asyncio.run(asyncio.wait_for(scene(), 20))


def run(scene: Awaitable[Any]) -> Any:
    """Run a scene in a loop of its own, for at most 20 seconds."""

    async def bounded() -> Any:
        return await asyncio.wait_for(scene, 20)

    return asyncio.run(bounded())


def saying(text: str = "", status: int = 200, **headers: str) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, text=text, headers=named)

    return answer


def failing(code: int, status: int = 400, **more: Any) -> Handler:
    """Answer with an error of Meta's."""

    async def answer(request: web.Request) -> web.Response:
        return web.json_response(
            {"error": {"message": "(#1) no", "type": "OAuthException", "code": code, **more}}, status=status
        )

    return answer


async def silent(request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


async def trickling(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000000"})
    await response.prepare(request)
    with contextlib.suppress(OSError):
        while True:
            await response.write(b"{")
            await asyncio.sleep(0.05)
    return response


async def half_open(request: web.Request) -> web.StreamResponse:
    """Break off in the middle of an answer."""
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b'{"messages": [{"id": "wamid.1"')
    assert request.transport is not None
    request.transport.abort()
    return response


async def resetting(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


class Listener:
    """A callback address that believes what is genuine, and keeps what it was told."""

    def __init__(self, known: Mapping[str, Any]) -> None:
        self.known = known
        self.callbacks: list[Callback] = []
        self.events: list[Any] = []
        self.refuses = 0

    async def take(self, request: web.Request) -> web.Response:
        callback = Callback(
            request.method, str(request.url), dict(request.headers), list(request.query.items()), await request.read()
        )
        if self.refuses and request.method == "POST":
            self.refuses -= 1
            return web.Response(status=503)
        if not CloudProvider.verify_callback(self.known, callback):
            return web.Response(status=403)
        self.callbacks.append(callback)
        self.events.extend(CloudProvider.parse_callback(self.known, callback))
        media, word = CloudProvider.answer_callback(self.known, callback)
        return web.Response(text=word, content_type=media)

    async def wait(self, count: int) -> list[Any]:
        """Return the events once there are `count`."""
        async with asyncio.timeout(10):
            while len(self.events) < count:
                await asyncio.sleep(0.005)
        return list(self.events)


def oracle(module: str, package: str) -> Any:
    """Return somebody else's library, which tests alone use; skip without it, or fail where peers are required."""
    try:
        return importlib.import_module(module)
    except ImportError:
        require_peer(False, package, f"uv pip install {package}")
