"""What the tests of the SMS plugin share: messages, an intake that remembers, and an SMSC on strings."""

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from connectpulse_sms.smpp.pdu import (
    BIND_RECEIVER,
    BIND_TRANSCEIVER,
    BIND_TRANSMITTER,
    ENQUIRE_LINK,
    IS_RESPONSE,
    SUBMIT_SM,
    UNBIND,
    Frame,
    Reader,
    frame,
)
from connectpulse_sms.smpp.provider import SmppProvider
from hypothesis import settings

from connectpulse.core.api import Events, Inbound, Receipt, Submission

quick = settings(derandomize=True, deadline=None, max_examples=200)
"""The same examples in every run, and few enough to stay quick."""

BINDS = (BIND_TRANSCEIVER, BIND_TRANSMITTER, BIND_RECEIVER)


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an async test in a loop of its own, for at most 20 seconds."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **kwargs), 20))

    return run


def submission(number: int = 1, body: str = "Hello", **changes: Any) -> Submission:
    """Return a message of its own recipient and token."""
    values: dict[str, Any] = {
        "message_id": number,
        "address": f"+92300{number:07d}",
        "sender": "ACME",
        "body": body,
        "parts": 1,
        "validity": timedelta(hours=4),
        "token": f"token-{number}",
    }
    return Submission(**values | changes)


def messages(count: int, body: str = "Hello") -> list[Submission]:
    return [submission(number, body) for number in range(1, count + 1)]


class Inbox:
    """An intake that keeps what it is given; the first `failures` calls raise."""

    def __init__(self, failures: int = 0) -> None:
        self.calls: list[Events] = []
        self.failures = failures
        self._changed = asyncio.Condition()

    async def __call__(self, events: Events) -> None:
        async with self._changed:
            self._changed.notify_all()
            if self.failures:
                self.failures -= 1
                raise OSError("the disk is full")
            self.calls.append(events)

    @property
    def events(self) -> list[Receipt | Inbound]:
        return [event for call in self.calls for event in call]

    async def receive(self, count: int) -> list[Receipt | Inbound]:
        """Return the events once there are `count`."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.events) >= count)
        return self.events


def provider_for(port: int, inbox: Inbox, window: int = 10, **changes: Any) -> SmppProvider:
    """Return a provider whose SMSC listens on a port of this machine."""
    account = {"host": "127.0.0.1", "port": port, "system_id": "pulse", "password": "pulse"}
    return SmppProvider(account | changes, inbox, window=window)


@asynccontextmanager
async def opened(port: int, inbox: Inbox, window: int = 10, **changes: Any) -> AsyncIterator[SmppProvider]:
    """Open a provider, and close it at the end."""
    provider = provider_for(port, inbox, window, **changes)
    try:
        await provider.open()
        yield provider
    finally:
        await provider.close()


class Caller:
    """The ESME's end of one connection to a `scripted` SMSC."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.stream = reader
        self.writer = writer
        self.chunks: list[bytes] = []
        self._frames: list[Frame] = []
        self._parser = Reader()

    async def next(self, *commands: int) -> Frame:
        """Return the next PDU, of one of `commands` if any are given; raise EOFError at the end."""
        while True:
            for place, found in enumerate(self._frames):
                if not commands or found[0] in commands:
                    return self._frames.pop(place)
            chunk = await self.stream.read(1 << 20)
            if not chunk:
                raise EOFError
            self.chunks.append(chunk)
            self._frames += self._parser.feed(chunk)

    def send(self, *pdus: bytes) -> None:
        self.writer.write(b"".join(pdus))

    def answer(self, asked: Frame, body: bytes = b"", status: int = 0) -> None:
        self.send(frame(asked[0] | IS_RESPONSE, asked[2], body, status))

    async def bind(self) -> None:
        self.answer(await self.next(*BINDS), b"SCRIPT\0")

    async def submits(self, count: int) -> list[Frame]:
        return [await self.next(SUBMIT_SM) for _ in range(count)]

    async def wait_closed(self) -> None:
        """Answer what is asked politely until the ESME closes the connection."""
        try:
            while True:
                asked = await self.next()
                if asked[0] in (UNBIND, ENQUIRE_LINK):
                    self.answer(asked)
        except EOFError:
            self.writer.close()


Script = Callable[[Caller], Awaitable[None]]


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[int]:
    """Run an SMSC that does what `script` says with each connection; yields its port.

    A script that fails makes the test fail.
    """
    faults: list[BaseException] = []
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await script(Caller(reader, writer))
        except (EOFError, ConnectionError):
            pass
        except Exception as fault:
            faults.append(fault)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        if tasks:
            await asyncio.wait(tasks, timeout=5)
    if faults:
        raise faults[0]
