"""What the tests of the HTTP gateway share: a scripted gateway on loopback and a provider that reaches it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar

from aiohttp import web
from connectpulse_sms.gateway import GatewayProvider
from connectpulse_sms.gateway.peer import serving

from connectpulse.core.api import Events, Outcome, Submission
from connectpulse.core.wire import egress

T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

BASIC: Mapping[str, Any] = {
    "base_url": "https://sms.example.com",
    "countries": "PK",
    "path": "/send",
    "query": "to={to}&from={from}&text={text}",
    "success": "regex: ^OK",
}
"""The least a connection needs."""


def run(work: Coroutine[Any, Any, T], seconds: float = 20) -> T:
    """Run `work` in a loop of its own, for at most `seconds`."""
    return asyncio.run(asyncio.wait_for(work, seconds))


async def no_intake(events: Events) -> None:
    raise AssertionError("a gateway hands nothing over by itself")


def message(text: str = "hello", to: str = "+923001234567", token: str = "t-1", **more: Any) -> Submission:
    facts: dict[str, Any] = {"sender": "PULSE", "parts": 1, "validity": timedelta(hours=4), **more}
    return Submission(1, to, facts.pop("sender"), text, token=token, **facts)


def make(settings: Mapping[str, Any], **options: Any) -> GatewayProvider:
    """Return a provider whose settings were accepted first, as the house would."""
    assert GatewayProvider.check_settings(settings) == []
    return GatewayProvider(settings, no_intake, **options)


@asynccontextmanager
async def connected(
    handler: Handler, settings: Mapping[str, Any] = BASIC, **options: Any
) -> AsyncIterator[GatewayProvider]:
    """Serve every request with `handler`; yield an open provider that sends there."""
    app = web.Application(client_max_size=1 << 22)
    app.router.add_route("*", "/{rest:.*}", handler)
    egress.allow("127.0.0.0/8")
    try:
        async with serving(app) as address:
            provider = make({**settings, "base_url": address}, **options)
            try:
                await provider.open()
                yield provider
            finally:
                await provider.close()
    finally:
        egress.allow()


def saying(text: str = "OK", status: int = 200, **headers: str) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, text=text, headers=headers)

    return answer


async def send(
    handler: Handler, settings: Mapping[str, Any], batch: Sequence[Submission] = (message(),), **options: Any
) -> list[Outcome]:
    """Send `batch` to a gateway that answers with `handler`."""
    async with connected(handler, settings, **options) as provider:
        return await provider.send_batch(batch)


def outcome(handler: Handler, settings: Mapping[str, Any] = BASIC, **options: Any) -> Outcome:
    """Return what becomes of one message."""
    return run(send(handler, settings, **options))[0]
