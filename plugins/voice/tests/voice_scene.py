"""What the tests of the voice plugin share: an intake that remembers, callees, and an open provider."""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from connectpulse_voice.simulator.callees import Callees
from connectpulse_voice.simulator.options import Options
from connectpulse_voice.sip.provider import SipProvider
from connectpulse_voice.sip.settings import FORM

from connectpulse.core.api import Accepted, Events, Inbound, Outcome, Receipt, Submission

QUICK = Options(rings=0.05, hello=0.2, greeting=4.0)


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an async test in a loop of its own, for at most a minute."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **kwargs), 60))

    return run


class Inbox:
    """An intake that keeps what it is given, and what came with outcomes."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    async def __call__(self, events: Events) -> None:
        self.events += events

    async def send(self, provider: SipProvider, *batch: Submission) -> list[Outcome]:
        """Call, and keep what came of it."""
        outcomes = await provider.send_batch(batch)
        self.events += [event for each in outcomes if isinstance(each, Accepted) for event in each.events]
        return outcomes

    @property
    def receipts(self) -> list[Receipt]:
        return [event for event in self.events if isinstance(event, Receipt)]

    @property
    def answers(self) -> list[Inbound]:
        return [event for event in self.events if isinstance(event, Inbound)]


def settings(port: int, **changes: Any) -> dict[str, Any]:
    """Return the settings of a connection to a port of this machine."""
    given = {field.name: field.default for field in FORM}
    return given | {"host": "127.0.0.1", "port": port, "user": None, "password": None} | changes


@asynccontextmanager
async def opened(port: int, inbox: Inbox, window: int = 10, **changes: Any) -> AsyncIterator[SipProvider]:
    """Open a provider, and close it at the end."""
    provider = SipProvider(settings(port, **changes), inbox, window=window)
    try:
        await provider.open()
        yield provider
    finally:
        await provider.close()


@asynccontextmanager
async def calling(inbox: Inbox, options: Options = QUICK, **changes: Any) -> AsyncIterator[tuple[SipProvider, Callees]]:
    """Open a provider whose trunk leads to callees."""
    async with Callees(options) as callees, opened(callees.port, inbox, **changes) as provider:
        yield provider, callees
