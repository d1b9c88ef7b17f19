"""One request and its answer over a connection of aiohttp's, and nothing besides.

aiohttp's own session makes a dozen objects and a task for every request, and sends a GET once more whose connection
broke. Its connector, its TLS and its parser are used here without it: a message costs a third of that in processor
time, and a request goes out once.
"""

import asyncio
import re
import ssl
from base64 import b64encode
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

import aiohttp
from aiohttp import hdrs
from aiohttp.connector import Connection
from multidict import CIMultiDict
from yarl import URL

from .deadlines import Deadlines
from .kept import Kept, Place

LARGEST_ANSWER: Final = 1 << 20
"""Bytes of an answer's body that are read at most: 1 MiB."""

_TURNS: Final = 10
"""Turns of the loop that requests get to end in when their session is closed; with TLS they need three."""

MOST_PLACES: Final = 64
"""Hosts whose connections are described at once, and heads of requests that are kept."""

_OWN: Final = {hdrs.USER_AGENT: "ConnectPulse", hdrs.ACCEPT: "*/*", hdrs.ACCEPT_ENCODING: "identity"}
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


_FRAMING: Final = frozenset({"content-length", "transfer-encoding", "connection", "expect", "trailer", "te", "upgrade"})
"""Headers that say where a request ends and what becomes of its connection: they are not for callers to write."""


class TooLarge(Exception):
    """The answer has more than LARGEST_ANSWER bytes."""


class NotSent(Exception):
    """The connection was gone before anything was written."""


class Reply(NamedTuple):
    """An answer as it came; `headers` are looked up without regard to case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Exchange:
    """Requests over the connections of `connector`. Times are in seconds: the wait for a connection at most, and how
    long an idle one is kept.
    """

    def __init__(
        self, connector: aiohttp.TCPConnector, tls: ssl.SSLContext, *, connect_timeout: float, keepalive: float
    ) -> None:
        self._connector = connector
        self._tls = tls
        self._timeout = aiohttp.ClientTimeout(connect=connect_timeout)
        self._kept = Kept(keepalive)
        self._deadlines = Deadlines()
        self._connecting: set[asyncio.Timeout] = set()
        self._is_closed = False
        self._places: dict[Place, aiohttp.ClientRequest] = {}
        self._heads: dict[tuple[Any, ...], bytes] = {}

    async def close(self) -> None:
        """Close every connection, also under requests; safe to call twice."""
        self._is_closed = True
        self._kept.close()
        for limit in self._connecting:
            limit.reschedule(asyncio.get_running_loop().time())
        self._deadlines.strike_all()
        for _ in range(_TURNS):  # the connector forgets who waits: let them hear of it first
            if not (self._deadlines.count or self._connecting):
                break
            await asyncio.sleep(0)
        await self._connector.close()

    async def connect(self, target: URL) -> Connection:
        """Return a connection to the host of `target`, a free one if there is; raise ClientError or TimeoutError."""
        kept = self._kept.take(_key(target))
        if kept is not None:
            return kept
        if self._is_closed:
            raise aiohttp.ClientConnectionError("The session is closed.")
        if self._kept.count + self._deadlines.count + len(self._connecting) >= self._connector.limit:
            self._kept.close_oldest()  # of another host: of this one none is left
        async with asyncio.timeout(None) as limit:  # which ends when the session is closed
            self._connecting.add(limit)
            try:
                return await self._connector.connect(self._place(target), [], self._timeout)
            finally:
                self._connecting.remove(limit)

    async def over(
        self,
        connection: Connection,
        method: str,
        target: URL,
        headers: Mapping[str, str],
        body: bytes | None,
        by: float,
    ) -> Reply:
        """Send one request and return its answer. The connection is kept for the next, goes to whoever waits for one,
        or is closed where it broke.

        `by` is when the answer must be there, a time of the loop's clock. Raises NotSent, or else ClientError, OSError
        (TimeoutError among them), ValueError or TooLarge.
        """
        self._deadlines.begin(connection, by)
        try:
            reply = await self._ask(connection, method, target, headers, body)
        except BaseException as error:
            is_late = not self._deadlines.end(connection)
            connection.close()
            if is_late and isinstance(error, Exception):
                raise TimeoutError from None
            raise
        if not self._deadlines.end(connection):  # what it ended with may look like the end of an answer
            connection.close()
            raise TimeoutError
        if self._connecting:  # somebody waits for a free one, or for a handshake
            connection.release()
        else:
            self._kept.keep(_key(target), connection)
        return reply

    async def _ask(
        self, connection: Connection, method: str, target: URL, headers: Mapping[str, str], body: bytes | None
    ) -> Reply:
        protocol, transport = connection.protocol, connection.transport
        if protocol is None or transport is None:
            raise NotSent
        protocol.set_response_params(skip_payload=method == hdrs.METH_HEAD, read_until_eof=True, auto_decompress=False)
        transport.write(self._written(method, target, headers, body))
        head, content = await protocol.read()
        while head.code < 200:  # a word in advance (RFC 9110, 15.2)
            head, content = await protocol.read()
        return Reply(head.code, head.headers, await _read(content))

    def _place(self, target: URL) -> aiohttp.ClientRequest:
        """Return what describes connections to a host: to the pool, a request that is never sent."""
        key = _key(target)
        found = self._places.get(key)
        if found is None:
            loop = asyncio.get_running_loop()
            found = aiohttp.ClientRequest(hdrs.METH_GET, target.origin(), loop=loop, ssl=self._tls, headers=_OWN)
            if target.user is not None or target.password is not None:
                found.headers[hdrs.AUTHORIZATION] = basic(target.user or "", target.password or "")
            if len(self._places) >= MOST_PLACES:
                self._places.clear()
            self._places[key] = found
        return found

    def _written(self, method: str, target: URL, headers: Mapping[str, str], body: bytes | None) -> bytes:
        """Return a request as it stands on the wire (RFC 9112)."""
        if body is None and method not in aiohttp.ClientRequest.POST_METHODS:
            return _head(self._place(target), method, target, headers) + b"\r\n"
        # A provider is sent the same head with every message, but for the length.
        key = (method, target, *headers.items())
        head = self._heads.get(key)
        if head is None:
            if len(self._heads) >= MOST_PLACES:
                self._heads.clear()
            head = _head(self._place(target), method, target, headers, content_type="application/octet-stream")
            self._heads[key] = head
        body = body or b""
        return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)


def _key(target: URL) -> Place:
    return target.scheme, target.raw_authority


def _head(
    place: aiohttp.ClientRequest, method: str, target: URL, headers: Mapping[str, str], content_type: str = ""
) -> bytes:
    """Return the lines of a head, without the length and the empty line behind it; `content_type` if none is given."""
    fields: CIMultiDict[str] = place.headers.copy()
    fields.update(headers)
    if content_type:
        fields.setdefault(hdrs.CONTENT_TYPE, content_type)
    lines = [f"{method} {target.raw_path_qs} HTTP/1.1", *[f"{name}: {value}" for name, value in fields.items()]]
    return "".join(f"{line}\r\n" for line in lines).encode()


def basic(name: str, password: str) -> str:
    """Return the value of an Authorization header (RFC 7617)."""
    return "Basic " + b64encode(f"{name}:{password}".encode()).decode()


def is_fit(method: str, headers: Mapping[str, str]) -> bool:
    """Return whether a method and headers can stand in a request, each in its place and none beyond it."""
    if not _NAME.fullmatch(method):
        return False
    return all(_is_field(name, value) for name, value in headers.items())


@lru_cache(maxsize=128)  # a provider sends the same ones with every message
def _is_field(name: str, value: str) -> bool:
    if name.lower() in _FRAMING:
        return False
    return bool(_NAME.fullmatch(name)) and not _CONTROL.search(value) and (value.isascii() or _is_text(value))


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


async def _read(content: Any) -> bytes:
    chunks = bytearray()
    while chunk := await content.readany():
        chunks += chunk
        if len(chunks) > LARGEST_ANSWER:
            raise TooLarge
    return bytes(chunks)
