"""What the tests of hosted providers share: providers whose settings were read as the house reads them, and peers."""

import asyncio
import contextlib
import importlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from aiohttp import web
from connectpulse_sms.gateway.peer import serving

from connectpulse.core.api import Callback, Events, Outcome, Provider, Submission
from connectpulse.core.domain import form
from connectpulse.core.wire import egress
from connectpulse.testing.plugin import require_peer

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def no_intake(events: Events) -> None:
    raise AssertionError("a hosted provider hands nothing over by itself")


def read(kind: type[Provider], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as the house would keep them, or fail with what is wrong."""
    values = form.read(kind.settings_form, settings)
    assert kind.check_settings(values) == []
    return values


def faults(kind: type[Provider], settings: Mapping[str, Any]) -> list[str]:
    return kind.check_settings(form.read(kind.settings_form, settings))


def message(text: str = "hello", to: str = "+923001234567", token: str = "1a", **more: Any) -> Submission:
    facts: dict[str, Any] = {"message_id": 1, "sender": "PULSE", "parts": 1, "validity": timedelta(hours=4), **more}
    return Submission(facts.pop("message_id"), to, facts.pop("sender"), text, token=token, **facts)


@asynccontextmanager
async def connected(
    kind: type[Provider], settings: Mapping[str, Any], handler: Handler | None = None, **options: Any
) -> AsyncIterator[Provider]:
    """Yield an open provider; with a handler it reaches a server that answers everything by it."""
    egress.allow("127.0.0.0/8")
    app = web.Application(client_max_size=1 << 22)
    if handler:
        app.router.add_route("*", "/{rest:.*}", handler)
    try:
        async with serving(app) as address:
            values = read(kind, {**settings, "base_url": address} if handler else settings)
            provider = kind(values, no_intake, **options)
            try:
                await provider.open()
                yield provider
            finally:
                await provider.close()
    finally:
        egress.allow()


def send(
    kind: type[Provider],
    settings: Mapping[str, Any],
    handler: Handler,
    batch: Sequence[Submission],
    **options: Any,
) -> list[Outcome]:
    """Send a batch to a server that answers with `handler`."""

    async def scene() -> list[Outcome]:
        async with connected(kind, settings, handler, **options) as provider:
            return await provider.send_batch(batch)

    return asyncio.run(asyncio.wait_for(scene(), 20))


def saying(text: str = "", status: int = 200, **headers: str) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(
            status=status, text=text, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )

    return answer


async def silent(request: web.Request) -> web.StreamResponse:
    """Take the message and never answer, until the other side hangs up."""
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
    await response.write(b'{"sid": "SM1"')
    assert request.transport is not None
    request.transport.abort()
    return response


async def resetting(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


AFTER_LEAVING: dict[str, Handler] = {
    "no answer": silent,
    "slow": trickling,
    "half-open": half_open,
    "reset": resetting,
    "huge": saying("{" + " " * (1 << 20) + "}"),
    "not json": saying("<html>Welcome to nginx!"),
    "a list": saying("[1]"),
    "nested": saying("[" * 100_000),
    "redirect": saying("{}", 302, Location="http://127.0.0.1:1/elsewhere"),
    "500": saying("{}", 500),
    "503": saying("busy", 503),
}
"""Answers that leave open whether the message was taken."""


def oracle(module: str, package: str) -> Any:
    """Return a vendor's own library, which tests alone use; skip without it, or fail where peers are required."""
    try:
        return importlib.import_module(module)
    except ImportError:
        require_peer(False, package, f"uv pip install {package}")


def posted(url: str, body: bytes, headers: Mapping[str, str]) -> Callback:
    return Callback("POST", url, headers, (), body, "203.0.113.7")
