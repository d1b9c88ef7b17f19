"""A mail server on loopback (RFC 5321), with pipelining, enhanced codes and delivery notifications."""

import asyncio
from types import TracebackType
from typing import Final, Self, cast

from ..fates import LATER, Fate
from .options import Options
from .record import Record, Taken
from .reports import Reporter

NAME: Final = "sink.example"
_OFFER: Final = (
    "".join(
        f"250-{word}\r\n" for word in (NAME, "PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES")
    ).encode()
    + b"250 SIZE 36700160\r\n"
)
_LARGEST: Final = 36_700_160
_END: Final = b"\r\n.\r\n"


class Sink:
    """Use as an async context manager; `port` is where it listens, `record` what it took."""

    def __init__(self, options: Options | None = None, *, port: int = 0) -> None:
        self.options = options or Options()
        self.record = Record(self.options.kept)
        self.reporter = Reporter(self.options, self.record)
        self.port = port
        self.tried: set[tuple[str, str]] = set()
        """Sender and recipient of letters that had their first attempt."""
        self._server: asyncio.Server | None = None
        self._calls: set[Call] = set()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Call(self, self._calls), "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        self.reporter.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for call in list(self._calls):
            call.cut()
        await self.reporter.stop()

    def reset(self) -> None:
        """Forget what was taken and tried."""
        self.record.clear()
        self.tried.clear()

    def receive(self, sender: str, recipient: str, text: str) -> None:
        """Let a person write a mail, which goes where reports go."""
        self.reporter.owe_mail(sender, recipient, text)


class Call(asyncio.Protocol):
    """One caller. Replies to what came in one piece leave in one piece."""

    def __init__(self, sink: Sink, calls: "set[Call]") -> None:
        self._sink = sink
        self._calls = calls
        self._transport: asyncio.Transport | None = None
        self._input = bytearray()
        self._out = bytearray()
        self._is_letter = False
        self._sender: str | None = None
        self._recipients: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self._transport = cast(asyncio.Transport, transport)
        self._calls.add(self)
        self._transport.write(f"220 {NAME} ESMTP Connect Pulse sink\r\n".encode())

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the caller."""
        self._calls.discard(self)

    def cut(self) -> None:
        """End the connection without a word."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Do what is asked, as far as it came."""
        self._input += data
        while self._letter() if self._is_letter else self._line():
            pass
        if self._out and self._transport is not None:
            self._transport.write(bytes(self._out))
            self._out.clear()

    def _line(self) -> bool:
        """Obey one command; return whether there may be more."""
        end = self._input.find(b"\r\n")
        if end < 0:
            if len(self._input) > 4096:
                self.cut()
            return False
        line = self._input[:end].decode("utf-8", "replace")
        del self._input[: end + 2]
        verb = line[:4].upper()
        self._out += getattr(self, f"_do_{verb.lower()}", self._other)(line)
        return True

    def _other(self, line: str) -> bytes:
        return b"502 5.5.1 This command is not known here\r\n"

    def _do_ehlo(self, line: str) -> bytes:
        return _OFFER

    def _do_helo(self, line: str) -> bytes:
        return f"250 {NAME}\r\n".encode()

    def _do_noop(self, line: str) -> bytes:
        return b"250 2.0.0 Ok\r\n"

    def _do_rset(self, line: str) -> bytes:
        self._sender, self._recipients = None, []
        return b"250 2.0.0 Ok\r\n"

    def _do_quit(self, line: str) -> bytes:
        assert self._transport is not None
        self._transport.write(bytes(self._out) + b"221 2.0.0 Goodbye\r\n")
        self._out.clear()
        self._transport.close()
        return b""

    def _do_mail(self, line: str) -> bytes:
        self._sender, self._recipients = _path(line), []
        return b"250 2.1.0 Ok\r\n"

    def _do_rcpt(self, line: str) -> bytes:
        if self._sender is None:
            return b"503 5.5.1 Say MAIL first\r\n"
        address = _path(line)
        fate = self._sink.options.fate(address)
        refusal = fate.reply or (LATER if fate.first == "later" and self._is_first(address) else "")
        if refusal:
            self._sink.record.refused[refusal.split()[1]] += 1
            return refusal.encode() + b"\r\n"
        self._recipients.append(address)
        return b"250 2.1.5 Ok\r\n"

    def _do_data(self, line: str) -> bytes:
        if not self._recipients:
            return b"554 5.5.1 There is no recipient\r\n"
        self._is_letter = True
        return b"354 Go ahead\r\n"

    def _letter(self) -> bool:
        """Take a letter if it came whole; return whether there may be more."""
        if self._input.startswith(b".\r\n"):
            content, length = b"", 3
        else:
            end = self._input.find(_END)
            if end < 0:
                if len(self._input) > _LARGEST:
                    self.cut()
                return False
            content, length = bytes(self._input[: end + 2]), end + 5
        del self._input[:length]
        self._is_letter = False
        content = content.replace(b"\r\n..", b"\r\n.")
        for address in self._recipients:
            if not self._take(address, content):
                return False
        self._sender, self._recipients = None, []
        return True

    def _take(self, address: str, content: bytes) -> bool:
        fate = self._sink.options.fate(address)
        if fate.first == "lost" and self._is_first(address):
            self.cut()
            self._out.clear()
            return False
        if fate.end:
            self._sink.record.refused[fate.end.split()[1]] += 1
            self._out += fate.end.encode() + b"\r\n"
            return True
        taken = Taken(self._sender or "", address, content)
        self._sink.record.add(taken, is_bounced=bool(fate.bounce))
        self._report(taken, fate)
        self._out += b"250 2.0.0 Taken\r\n"
        return True

    def _report(self, taken: Taken, fate: Fate) -> None:
        if fate.bounce or fate.complains:
            self._sink.reporter.owe(taken, fate)

    def _is_first(self, address: str) -> bool:
        """Return whether this recipient's letter was never tried before, and note that it was."""
        key = ((self._sender or "").partition("@")[2], address)
        if key in self._sink.tried:
            return False
        self._sink.tried.add(key)
        return True


def _path(line: str) -> str:
    """Return the address of a MAIL or RCPT command, empty for the null sender."""
    start, end = line.find("<"), line.find(">")
    return line[start + 1 : end] if 0 <= start < end else ""
