"""What the tests of the e-mail plugin share: messages, an intake that remembers, and mail servers on loopback."""

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

from connectpulse_email.smtp.provider import SmtpProvider

from connectpulse.core.api import Events, Inbound, Receipt, Submission
from connectpulse.core.wire import egress

SENDER = "Acme News <news@acme.example>"
DOMAIN = "bounce.acme.example"
KEY = "a key that only tests know"
STOP = "https://pulse.example.org/stop/1f-0a"
URDU = "آپ کا آرڈر بھیج دیا گیا ہے۔"


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an async test in a loop of its own, for at most 20 seconds, with loopback permitted."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        before = egress.site_policy()
        egress.allow("127.0.0.0/8")
        try:
            asyncio.run(asyncio.wait_for(test(*args, **kwargs), 20))
        finally:
            egress._site = before

    return run


def shared(html: str = "<p>Hello {{ name }}</p>", keys: Any = (), files: Any = (), **more: Any) -> dict[str, Any]:
    """Return what the channel shares of a content."""
    content = {"subject": "Hello", "html": html, **more}
    return {"content": content, "sender": SENDER, "organisation": 7, "keys": keys, "files": files}


SHARED = shared()


def letter(number: int = 1, to: str = "", values: Mapping[str, str] | None = None, **changes: Any) -> Submission:
    """Return a message of its own recipient and token."""
    facts: dict[str, Any] = {
        "message_id": number,
        "address": to or f"amina{number:04d}@example.com",
        "sender": SENDER,
        "body": "Hello",
        "parts": 1,
        "validity": timedelta(hours=4),
        "token": f"{number:x}",
        "purpose": "promotional",
        "extra": {"values": {"name": "Amina"} if values is None else values},
        "shared": SHARED,
        "way_out": STOP,
        "campaign_id": 5,
    }
    return Submission(**facts | changes)


def read(content: bytes) -> EmailMessage:
    """Return a message as the standard library reads it."""
    return cast(EmailMessage, message_from_bytes(content, policy=policy.default))


def texts(mail: EmailMessage) -> tuple[str, str]:
    """Return a message's plain text and its HTML, with single line ends."""
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    return tuple(part.get_content().replace("\r\n", "\n") for part in (plain, html))  # type: ignore[return-value]


class Inbox:
    """An intake that keeps what it is given; the first `failures` calls raise."""

    def __init__(self, failures: int = 0) -> None:
        self.events: list[Receipt | Inbound] = []
        self.calls = 0
        self.failures = failures
        self._changed = asyncio.Condition()

    async def __call__(self, events: Events) -> None:
        async with self._changed:
            self.calls += 1
            self._changed.notify_all()
            if self.failures:
                self.failures -= 1
                raise OSError("the disk is full")
            self.events += cast(Any, events)

    async def receive(self, count: int) -> list[Receipt | Inbound]:
        """Return the events once there are `count`."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.events) >= count)
        return self.events


def provider_for(port: int, inbox: Inbox | None = None, **changes: Any) -> SmtpProvider:
    """Return a provider whose mail server listens on a port of this machine."""
    line = {
        "host": "127.0.0.1", "port": port, "security": "none", "countries": "PK", "patience": 5, "signs": False,
        "return_domain": DOMAIN, "return_key": KEY,
    }  # fmt: skip
    return SmtpProvider(line | changes, inbox or Inbox(), window=20)


@asynccontextmanager
async def opened(port: int, inbox: Inbox | None = None, **changes: Any) -> AsyncIterator[SmtpProvider]:
    """Open a provider, and close it at the end."""
    provider = provider_for(port, inbox, **changes)
    try:
        await provider.open()
        yield provider
    finally:
        await provider.close()


class Caller:
    """Our end of one connection to a `scripted` mail server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def line(self, verb: str = "") -> str:
        """Return the next command; raise EOFError at the end."""
        raw = await self.reader.readline()
        if not raw:
            raise EOFError
        said = raw.decode().rstrip("\r\n")
        assert said.upper().startswith(verb), f"{said!r} came instead of {verb}"
        return said

    def say(self, *lines: str) -> None:
        self.writer.write("".join(f"{line}\r\n" for line in lines).encode())

    async def welcome(self, *offers: str) -> None:
        """Greet, and offer."""
        self.say("220 mx.example")
        await self.line("EHLO")
        self.say(*(f"250-{each}" for each in ("mx.example", *offers)), "250 HELP")

    async def commands(self) -> str:
        """Return whom the next letter goes to, once all that comes before it is there."""
        await self.line("MAIL")
        whose = await self.line("RCPT")
        await self.line("DATA")
        return whose.partition("<")[2].partition(">")[0]

    async def content(self) -> bytes:
        """Return a letter, its dot included."""
        return await self.reader.readuntil(b"\r\n.\r\n")


@asynccontextmanager
async def scripted(script: Callable[[Caller], Awaitable[None]]) -> AsyncIterator[int]:
    """Run a mail server that does what `script` says with each connection; yields its port.

    A script that fails makes the test fail.
    """
    faults: list[BaseException] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
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
    if faults:
        raise faults[0]
