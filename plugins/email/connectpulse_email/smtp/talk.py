"""Talk with a mail server over one connection: what is said goes out, and replies are told apart by their order."""

import asyncio
from collections import deque
from typing import NamedTuple, cast

from .reply import Garbled, Replies, Reply


class Lost(Exception):
    """The session ended. `is_ambiguous`: a letter had left whole, and its answer had not come. `is_unheard`: a letter
    was announced with the end of the one before, and in all the time the server said nothing to it.
    """

    def __init__(self, reason: str, *, is_ambiguous: bool = False, is_unheard: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_ambiguous = is_ambiguous
        self.is_unheard = is_unheard


class Talk(asyncio.Protocol):
    """`patience` is how long a reply may take, in seconds."""

    def __init__(self, patience: float) -> None:
        self.is_closing = False
        self._patience = patience
        self._transport: asyncio.Transport | None = None
        self._reader = Replies()
        self._waiting: deque[Awaited] = deque()
        self._early: deque[Reply] = deque()
        self._lost: str | None = None
        self._is_silent = False
        self._may_write = asyncio.Event()
        self._may_write.set()

    # --- the protocol's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to the server."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=0)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everybody who waits."""
        self._end("the connection was closed" if exc is None else f"the connection broke ({type(exc).__name__})")

    def pause_writing(self) -> None:
        """Wait until what is written has left."""
        self._may_write.clear()

    def resume_writing(self) -> None:
        """Go on."""
        self._may_write.set()

    def data_received(self, data: bytes) -> None:
        """Give replies to those who wait for them, in order."""
        try:
            for reply in self._reader.feed(data):
                if not self._waiting:
                    self._early.append(reply)
                elif self._waiting[0].take(reply):
                    self._waiting.popleft()
        except Garbled as fault:
            self._end(f"the server said {fault}")
            self.abort()

    def _end(self, reason: str) -> None:
        if self._lost is None:
            self._lost = reason
        self._may_write.set()
        while self._waiting:
            _fail(self._waiting.popleft().future, self._lost)

    # --- ours

    @property
    def is_encrypted(self) -> bool:
        """Whether TLS is spoken."""
        return self._transport is not None and self._transport.get_extra_info("ssl_object") is not None

    @property
    def tls_version(self) -> str:
        """The version of TLS that is spoken."""
        spoken = self._transport.get_extra_info("ssl_object") if self._transport else None
        return str(spoken.version()) if spoken else ""

    @property
    def own_address(self) -> str:
        """The address of this side."""
        return str(self._transport.get_extra_info("sockname")[0]) if self._transport else ""

    async def greeting(self) -> Reply:
        """Return the server's first words."""
        return await self._reply(self._expect(), self._patience)

    async def ask(self, command: str) -> Reply:
        """Send one command and return its reply; raise Lost."""
        waiting = self._expect()
        self._write(command.encode() + b"\r\n")
        return await self._reply(waiting, self._patience)

    def _out_of_step(self, reason: str) -> Lost:
        self._end(reason)
        self.abort()
        return Lost(reason)

    async def _left(self, patience: float) -> None:
        """Return when everything written has left; raise Lost."""
        try:
            async with asyncio.timeout(patience):
                await self._may_write.wait()
        except TimeoutError:
            self.abort()
            raise Lost("the server reads no more") from None
        if self._lost is not None:
            raise Lost(self._lost)

    def abort(self) -> None:
        """Close at once."""
        self.is_closing = True
        if self._transport is not None:
            self._transport.abort()

    def _expect(self, count: int = 1) -> "asyncio.Future[list[Reply]]":
        return self._await(count).future

    def _await(self, count: int) -> "Awaited":
        """Return what will hold the next `count` replies."""
        awaited = Awaited(count, asyncio.get_running_loop().create_future(), [])
        while self._early and not awaited.future.done():
            awaited.take(self._early.popleft())
        if self._lost is not None:
            _fail(awaited.future, self._lost)
        elif not awaited.future.done():
            self._waiting.append(awaited)
        return awaited

    async def _reply(self, waiting: "asyncio.Future[list[Reply]]", patience: float) -> Reply:
        return (await self._replied(waiting, patience))[0]

    async def _replied(self, waiting: "asyncio.Future[list[Reply]]", patience: float) -> list[Reply]:
        """Return replies that are waited for; raise Lost when they do not come."""
        if waiting.done():
            return waiting.result()
        try:
            async with asyncio.timeout(patience):
                return await waiting
        except TimeoutError:
            self._is_silent = True
            self._end(f"no answer came within {patience:g} seconds")
            self.abort()
            raise Lost(str(self._lost)) from None

    def _write(self, content: bytes) -> None:
        if self._lost is not None:
            raise Lost(self._lost)
        assert self._transport is not None
        self._transport.write(content)


class Awaited(NamedTuple):
    """So many replies that are waited for together, and those that came."""

    wanted: int
    future: "asyncio.Future[list[Reply]]"
    replies: list[Reply]

    def take(self, reply: Reply) -> bool:
        """Add a reply; return whether it was the last."""
        self.replies.append(reply)
        is_whole = len(self.replies) == self.wanted
        if is_whole and not self.future.done():
            self.future.set_result(self.replies)
        return is_whole


def _fail(future: "asyncio.Future[list[Reply]]", reason: str) -> None:
    """Tell who waits that a session is lost; where nobody does, nothing is said."""
    if not future.done():
        future.set_exception(Lost(reason))
        future.exception()
