"""One handler served on a port of loopback, with a short way for requests that come whole in one piece."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final, NamedTuple

from aiohttp import web

_BACKLOG: Final = 1024
_SLOW: Final = ("transfer-encoding", "expect", "connection", "upgrade")
"""Headers of requests that want more than an answer."""
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Whole(NamedTuple):
    """A request that came in one piece; names of headers are in small letters."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Answer(NamedTuple):
    """A status and a JSON document."""

    status: int
    body: bytes


def response(answer: Answer) -> web.Response:
    """Return an answer as aiohttp takes it."""
    return web.Response(status=answer.status, body=answer.body, content_type="application/json")


AtOnce = Callable[[Whole], Answer | None]
"""Answers a request without waiting for anything; None leaves it to the handler."""


@asynccontextmanager
async def listening(handle: Handler, port: int = 0, at_once: AtOnce | None = None) -> AsyncIterator[int]:
    """Serve for as long as the context lasts; yield the port, a free one for 0."""
    server = web.Server(handle, access_log=None)
    listener = await asyncio.get_running_loop().create_server(
        lambda: _Connection(server(), at_once), "127.0.0.1", port, backlog=_BACKLOG
    )
    try:
        yield int(listener.sockets[0].getsockname()[1])
    finally:
        listener.close()
        server.pre_shutdown()
        await server.shutdown(0.1)
        await listener.wait_closed()


class _Connection(asyncio.Protocol):
    """Answers at once what can be, until the first request that cannot: from then on aiohttp has the connection."""

    def __init__(self, full: asyncio.Protocol, at_once: AtOnce | None) -> None:
        self._full = full
        self._at_once = at_once

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._full.connection_made(transport)
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        asked = _whole(data) if self._at_once else None
        answer = self._at_once(asked) if self._at_once and asked else None
        if answer is not None:
            self._transport.write(_written(answer))
            return
        self._at_once = None
        self._full.data_received(data)

    def eof_received(self) -> bool | None:
        return self._full.eof_received()

    def pause_writing(self) -> None:
        self._full.pause_writing()

    def resume_writing(self) -> None:
        self._full.resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        self._full.connection_lost(error)


def _whole(data: bytes) -> Whole | None:
    """Return the one request that `data` is, None where it is more, less or anything unusual (RFC 9112)."""
    head, _, body = data.partition(b"\r\n\r\n")
    line, *fields = head.decode("latin-1").split("\r\n")
    method, _, rest = line.partition(" ")
    path, _, version = rest.rpartition(" ")
    headers = {}
    for field in fields:
        name, _, value = field.partition(":")
        headers[name.lower()] = value.strip()
    if version != "HTTP/1.1" or len(headers) != len(fields) or headers.get("content-length") != str(len(body)):
        return None
    return None if any(name in headers for name in _SLOW) else Whole(method, path, headers, body)


def _written(answer: Answer) -> bytes:
    phrase = HTTPStatus(answer.status).phrase
    head = f"HTTP/1.1 {answer.status} {phrase}\r\nContent-Type: application/json\r\nContent-Length: {len(answer.body)}"
    return head.encode() + b"\r\n\r\n" + answer.body
