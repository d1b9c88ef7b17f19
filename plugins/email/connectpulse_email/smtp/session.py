"""One session with a mail server: commands out, replies in, and letters, in as few round trips as the server allows.

What a lost connection means is told apart exactly: before the final dot left the house a letter certainly was not
sent, afterwards nobody can tell.
"""

import asyncio
import ssl
from base64 import b64encode
from typing import Final, NamedTuple, cast

from .reply import Reply
from .talk import Awaited, Lost, Talk

MAIL, RCPT, DATA, END = "MAIL", "RCPT", "DATA", "end of data"
_GREETINGS: Final = (220, 221)
"""Good replies that no step of a letter has."""
_SMALL: Final = 64 * 1024
"""Bytes of a letter that are written at once with the dot at its end; of a larger one the dot waits until it left."""


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


class Session(Talk):
    """`patience` is how long a reply may take, in seconds; `end_patience` that to a whole letter."""

    def __init__(self, patience: float, end_patience: float) -> None:
        super().__init__(patience)
        self.features: dict[str, str] = {}
        self.letters = 0
        self.rested_at = 0.0
        self._end_patience = end_patience
        self._begun: tuple[Envelope, Awaited] | None = None

    @property
    def is_open(self) -> bool:
        """Whether it may carry another letter: not lost, and the server has said nothing it was not asked.

        While it is asked about the next letter already, that shows in the order of its replies.
        """
        is_quiet = self._begun is not None or (not self._early and self._reader.is_empty)
        return self._lost is None and not self.is_closing and is_quiet

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
            await self._left(self._end_patience)
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

    async def quit(self) -> None:
        """Say goodbye and close, without waiting for long; at once where the server expects a letter."""
        if self._lost is None and self._transport is not None and self._begun is None:
            try:
                async with asyncio.timeout(2):
                    await self.ask("QUIT")
            except (Lost, TimeoutError):
                pass
        self.abort()


def _commands(envelope: Envelope) -> bytes:
    return (
        f"MAIL FROM:<{envelope.sender}>{envelope.mail}\r\nRCPT TO:<{envelope.recipient}>{envelope.rcpt}\r\nDATA\r\n"
    ).encode()


def _based(text: str) -> str:
    return b64encode(text.encode()).decode()
