"""What the tests of hosted providers of letters share: providers as the house opens them, and servers on loopback."""

import asyncio
import contextlib
import importlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiohttp import web
from connectpulse_email.hosted.calling import application, serving
from connectpulse_email.hosted.provider import HostedProvider
from connectpulse_email.mailgun import MailgunProvider
from connectpulse_email.mailgun import peer as mailgun
from connectpulse_email.sendgrid import SendGridProvider
from connectpulse_email.sendgrid import peer as sendgrid
from connectpulse_email.ses import SesProvider
from connectpulse_email.ses import peer as ses

from connectpulse.core.api import Callback, Events, Outcome, Submission
from connectpulse.core.domain import form
from connectpulse.core.wire import egress
from connectpulse.testing.plugin import require_peer

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
CALLED_AT = "https://pulse.example.com/callbacks/7/0123456789abcdef"


class Vendor(NamedTuple):
    """A provider, settings of it, and a good answer."""

    kind: type[HostedProvider]
    settings: dict[str, Any]
    status: int
    text: str


VENDORS = {
    "sendgrid": Vendor(SendGridProvider, sendgrid.settings(), 202, ""),
    "mailgun": Vendor(MailgunProvider, mailgun.settings(), 200, '{"id": "<1@mg.acme.example>"}'),
    "ses": Vendor(SesProvider, ses.settings(), 200, '{"MessageId": "0100"}'),
}


def read(kind: type[HostedProvider], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as the house would keep them, or fail with what is wrong."""
    values = form.read(kind.settings_form, settings)
    assert kind.check_settings(values) == []
    return values


def faults(kind: type[HostedProvider], settings: Mapping[str, Any]) -> list[str]:
    return kind.check_settings(form.read(kind.settings_form, settings))


async def no_intake(events: Events) -> None:
    raise AssertionError("a hosted provider hands nothing over by itself")


@asynccontextmanager
async def connected(
    kind: type[HostedProvider], settings: Mapping[str, Any], handler: Handler | None = None, **options: Any
) -> AsyncIterator[HostedProvider]:
    """Yield an open provider; with a handler it reaches a server that answers everything by it."""
    before = egress.site_policy()
    egress.allow("127.0.0.0/8")
    app = application()
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
        egress._site = before


def send(vendor: Vendor, handler: Handler, batch: Sequence[Submission], **options: Any) -> list[Outcome]:
    """Send a batch to a server that answers with `handler`."""

    async def scene() -> list[Outcome]:
        async with connected(vendor.kind, vendor.settings, handler, **options) as provider:
            return await provider.send_batch(batch)

    return asyncio.run(asyncio.wait_for(scene(), 20))


def seen(vendor: Vendor, sent: Submission) -> tuple[web.Request, bytes]:
    """Return the one request that carries a letter, and its body."""
    requests: list[tuple[web.Request, bytes]] = []

    async def take(request: web.Request) -> web.Response:
        requests.append((request, await request.read()))
        return web.Response(status=vendor.status, text=vendor.text)

    send(vendor, take, [sent])
    (found,) = requests
    return found


def saying(text: str = "", status: int = 200, **headers: str) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(
            status=status, text=text, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )

    return answer


async def silent(request: web.Request) -> web.StreamResponse:
    """Take the letter and never answer, until the other side hangs up."""
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
    response = web.StreamResponse(status=202, headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b'{"MessageId": "1')
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
"""Answers that leave open whether the letter was taken."""


def oracle(module: str, package: str) -> Any:
    """Return a vendor's own library, which tests alone use; skip without it, or fail where peers are required."""
    try:
        return importlib.import_module(module)
    except ImportError:
        require_peer(False, package, f"uv pip install {package}")


def called(body: bytes, headers: Mapping[str, str], proof: bytes = b"") -> Callback:
    return Callback("POST", CALLED_AT, headers, (), body, "203.0.113.7", proof)


@asynccontextmanager
async def listening(
    kind: type[HostedProvider], settings: Mapping[str, Any], proof: bytes = b""
) -> AsyncIterator[tuple[str, list[Any]]]:
    """Serve a callback address; yield it and the events that genuine requests told of, proven by `proof`."""
    known, told = read(kind, settings), []

    async def take(request: web.Request) -> web.Response:
        callback = Callback(
            request.method, str(request.url), dict(request.headers), (), await request.read(), proof=proof
        )
        if not kind.verify_callback(known, callback):
            return web.Response(status=403)
        told.extend(kind.parse_callback(known, callback))
        return web.Response(text="ok")

    app = application()
    app.router.add_post("/in", take)
    async with serving(app) as address:
        yield f"{address}/in", told
