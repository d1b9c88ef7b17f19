"""What the tests of hosted calls share: providers whose settings were read as the house reads them, and peers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from connectpulse_voice.twilio import TwilioCallsProvider, peer
from connectpulse_voice.twilio.peer import serving

from connectpulse.core.api import Callback, Events, Outcome, Submission
from connectpulse.core.domain import form
from connectpulse.core.wire import egress

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
ACCOUNT = peer.settings()
CALLBACKS = "https://pulse.example.com/callbacks/7/0123456789abcdef"


async def no_intake(events: Events) -> None:
    raise AssertionError("a hosted provider hands nothing over by itself")


def read(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as the house would keep them, or fail with what is wrong."""
    values = form.read(TwilioCallsProvider.settings_form, settings)
    assert TwilioCallsProvider.check_settings(values) == []
    return values


@asynccontextmanager
async def connected(
    settings: Mapping[str, Any], handler: Handler | None = None, callback_url: str = CALLBACKS, **options: Any
) -> AsyncIterator[TwilioCallsProvider]:
    """Yield an open provider; with a handler it reaches a server that answers everything by it."""
    egress.allow("127.0.0.0/8")
    app = web.Application(client_max_size=1 << 22)
    if handler:
        app.router.add_route("*", "/{rest:.*}", handler)
    try:
        async with serving(app) as address:
            values = read({**settings, "base_url": address} if handler else settings)
            provider = TwilioCallsProvider(values, no_intake, callback_url=callback_url, **options)
            try:
                await provider.open()
                yield provider
            finally:
                await provider.close()
    finally:
        egress.allow()


def send(
    handler: Handler, batch: Sequence[Submission], settings: Mapping[str, Any] = ACCOUNT, **options: Any
) -> list[Outcome]:
    """Send a batch to a server that answers with `handler`."""

    async def scene() -> list[Outcome]:
        async with connected(settings, handler, **options) as provider:
            return await provider.send_batch(batch)

    return asyncio.run(asyncio.wait_for(scene(), 20))


def saying(text: str = "", status: int = 200, **headers: str) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(
            status=status, text=text, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )

    return answer


def posted(url: str, body: bytes, headers: Mapping[str, str]) -> Callback:
    return Callback("POST", url, headers, (), body, "203.0.113.7")
