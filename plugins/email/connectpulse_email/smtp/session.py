"""One session with a mail server: commands out, replies in, and letters, in as few round trips as the server allows.

What a lost connection means is told apart exactly: before the final dot left the house a letter certainly was not
sent, afterwards nobody can tell.
"""

import asyncio
import ssl
from base64 import b64encode
from collections import deque
from typing import Final, NamedTuple, cast

from .reply import Garbled, Replies, Reply

MAIL, RCPT, DATA, END = "MAIL", "RCPT", "DATA", "end of data"
_GREETINGS: Final = (220, 221)
"""Good replies that no step of a letter has."""
_SMALL: Final = 64 * 1024
"""Bytes of a letter that are written at once with the dot at its end; of a larger one the dot waits until it left."""


class Lost(Exception):
    """The session ended. `is_ambiguous`: a letter had left whole, and its answer had not come. `is_unheard`: a letter
    was announced with the end of the one before, and in all the time the server said nothing to it.
    """

    def __init__(self, reason: str, *, is_ambiguous: bool = False, is_unheard: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_ambiguous = is_ambiguous
        self.is_unheard = is_unheard


class Answer(NamedTuple):
    """What the server said to a letter, and at which step."""

    step: str
    reply: Reply


class Envelope(NamedTuple):
    """Where a letter comes from and goes to; `mail` and `rcpt` are further parameters, each with its space."""

    sender: str
    recipient: str
    mail: str = ""
    rcpt: str = ""


class Session(asyncio.Protocol):
    """`patience` is how long a reply may take, in seconds; `end_patience` that to a whole letter."""

    def __init__(self, patience: float, end_patience: float) -> None:
        self.features: dict[str, str] = {}
        self.letters = 0
        self.rested_at = 0.0
        self.is_closing = False
        self._patience = patience
        self._end_patience = end_patience
        self._transport: asyncio.Transport | None = None
        self._reader = Replies()
        self._waiting: deque[_Awaited] = deque()
        self._begun: tuple[Envelope, _Awaited] | None = None
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
    def is_open(self) -> bool:
        """Whether it may carry another letter: not lost, and the server has said nothing it was not asked.

        While it is asked about the next letter already, that shows in the order of its replies.
        """
        is_quiet = self._begun is not None or (not self._early and self._reader.is_empty)
        return self._lost is None and not self.is_closing and is_quiet

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

    async def hello(self, name: str) -> Reply:
        """Introduce ourselves and keep what the server offers (RFC 1869)."""
        reply = await self.ask(f"EHLO {name}")
        if reply.is_good:
            pairs = (line.partition(" ") for line in reply.lines[1:])
            self.features = {word.upper(): rest.strip() for word, _, rest in pairs}
        return reply

    async def start_tls(self, context: ssl.SSLContext, host: str) -> Reply:
        """Agree on TLS (RFC 3207); what came in clear is forgotten. Raises Lost where more came than the reply."""
        reply = await self.ask("STARTTLS")
        if reply.code != 220:
            return reply
        if self._early or not self._reader.is_empty:
            self.abort()
            raise Lost("the server went on in clear after it had agreed to encrypt")
        assert self._transport is not None
        loop = asyncio.get_running_loop()
        found = await loop.start_tls(
            self._transport, self, context, server_hostname=host, ssl_handshake_timeout=self._patience
        )
        self._transport = cast(asyncio.Transport, found)
        self._transport.set_write_buffer_limits(high=0)
        self.features = {}
        return reply

    async def log_in(self, username: str, password: str) -> Reply:
        """Log in with what the server offers, PLAIN or LOGIN (RFC 4954)."""
        if "PLAIN" in self.features.get("AUTH", "").upper().split():
            return await self.ask(f"AUTH PLAIN {_based(chr(0) + username + chr(0) + password)}")
        reply = await self.ask("AUTH LOGIN")
        for word in (username, password):
            if reply.code != 334:
                return reply
            reply = await self.ask(_based(word))
        return reply

    async def hand_over(self, envelope: Envelope, letter: bytes, following: Envelope | None = None) -> Answer:
        """Hand a letter over and return the answer that decides; raise Lost.

        `following` is the envelope of the letter that will be handed over next: where the server allows it, it leaves
        together with the end of this one (RFC 2920 section 3.1), which saves a round trip for each letter.
        """
        self.letters += 1
        replies = await self._begin(envelope)
        answers = [Answer(step, reply) for step, reply in zip((MAIL, RCPT, DATA), replies, strict=False)]
        succeeded = [self._succeeds(*answer) for answer in answers]
        if all(succeeded):
            return Answer(END, await self._transfer(letter, following))
        refused = answers[succeeded.index(False)]
        try:
            await self._forget(is_awaiting=len(succeeded) == 3 and succeeded[2], is_leaving=refused.reply.code == 421)
        except Lost:
            self.is_closing = True  # what became of the letter is known
        return refused

    async def _forget(self, *, is_awaiting: bool, is_leaving: bool) -> None:
        """Bring a session that refused a letter back to its beginning, or end it."""
        if is_awaiting:  # it wants a letter for nobody (RFC 2920 section 3.1)
            await self.ask(".")
        if is_leaving:
            self.is_closing = True
        elif (await self.ask("RSET")).code // 100 != 2:
            self.abort()

    def _succeeds(self, step: str, reply: Reply) -> bool:
        """Return whether a reply lets a letter go on from a step; raise Lost if it cannot be the reply to that.

        Replies are told apart by their order alone: where a server says one too many, this ends it.
        """
        if not reply.is_good:
            return False
        if reply.code == 354 if step == DATA else reply.code // 100 == 2 and reply.code not in _GREETINGS:
            return True
        raise self._out_of_step(f"the server said {reply.code} to {step}")

    def _out_of_step(self, reason: str) -> Lost:
        self._end(reason)
        self.abort()
        return Lost(reason)

    async def hears(self) -> bool:
        """Return whether the server answers to the letter that was announced with the last one."""
        if self._begun is None:
            return False
        try:
            await self._replied(self._begun[1].future, self._patience)
        except Lost:
            return False
        return True

    async def _begin(self, envelope: Envelope) -> list[Reply]:
        """Return the replies to the commands before a letter, as far as they were sent."""
        begun, self._begun = self._begun, None
        if begun is not None:
            if begun[0] != envelope:
                raise self._out_of_step("another letter was announced")
            try:
                return await self._replied(begun[1].future, self._patience)
            except Lost as lost:
                raise Lost(lost.reason, is_unheard=self._is_silent and not begun[1].replies) from None
        if "PIPELINING" in self.features:
            waiting = self._expect(3)
            self._write(_commands(envelope))
            return await self._replied(waiting, self._patience)
        replies: list[Reply] = []
        for command in _commands(envelope).splitlines(keepends=True):
            waiting = self._expect()
            self._write(command)
            replies += await self._replied(waiting, self._patience)
            if not replies[-1].is_good:
                break
        return replies

    async def _transfer(self, letter: bytes, following: Envelope | None) -> Reply:
        """Write a letter, its dot and what may follow at once, and return the reply to the letter."""
        if b"\r\n." in letter or letter.startswith(b"."):
            letter = (b"\r\n" + letter).replace(b"\r\n.", b"\r\n..")[2:]
        end = b".\r\n" if letter.endswith(b"\r\n") else b"\r\n.\r\n"
        if self._early or not self._reader.is_empty:
            raise self._out_of_step("the server said more than it was asked")
        waiting = self._expect()
        if len(letter) > _SMALL:
            self._write(letter)
            await self._left()
            if waiting.done():
                return self._too_early(waiting.result()[0])
            letter = b""
        if following is not None and "PIPELINING" in self.features:
            end += _commands(following)
            self._begun = following, self._await(3)
        self._write(letter + end)
        try:
            reply = await self._reply(waiting, self._end_patience)
            self._succeeds(END, reply)
        except Lost as lost:
            raise Lost(lost.reason, is_ambiguous=True) from None
        if reply.code == 421:
            self.is_closing = True
        return reply

    def _too_early(self, reply: Reply) -> Reply:
        """Return a refusal that came before the end of a large letter, whose end never leaves then; raise Lost for
        what is none.
        """
        if reply.is_good:
            raise self._out_of_step("the server took a letter before its end")
        self.abort()
        return reply

    async def _left(self) -> None:
        """Return when everything written has left; raise Lost."""
        try:
            async with asyncio.timeout(self._end_patience):
                await self._may_write.wait()
        except TimeoutError:
            self.abort()
            raise Lost("the server reads no more") from None
        if self._lost is not None:
            raise Lost(self._lost)

    async def quit(self) -> None:
        """Say goodbye and close, without waiting for long; at once where the server expects a letter."""
        if self._lost is None and self._transport is not None and self._begun is None:
            try:
                async with asyncio.timeout(2):
                    await self.ask("QUIT")
            except (Lost, TimeoutError):
                pass
        self.abort()

    def abort(self) -> None:
        """Close at once."""
        self.is_closing = True
        if self._transport is not None:
            self._transport.abort()

    def _expect(self, count: int = 1) -> "asyncio.Future[list[Reply]]":
        return self._await(count).future

    def _await(self, count: int) -> "_Awaited":
        """Return what will hold the next `count` replies."""
        awaited = _Awaited(count, asyncio.get_running_loop().create_future(), [])
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


class _Awaited(NamedTuple):
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


def _commands(envelope: Envelope) -> bytes:
    return (
        f"MAIL FROM:<{envelope.sender}>{envelope.mail}\r\nRCPT TO:<{envelope.recipient}>{envelope.rcpt}\r\nDATA\r\n"
    ).encode()


def _based(text: str) -> str:
    return b64encode(text.encode()).decode()
