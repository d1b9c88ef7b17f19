"""Servers on loopback that say exactly what a test wants, and one request to them."""

import asyncio
import contextlib
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from connectpulse.core.wire import http
from connectpulse.core.wire.egress import Policy
from connectpulse.core.wire.http import EgressSession

Talk = Callable[[socket.socket], None]
LOOPBACK = Policy.of(["127.0.0.0/8", "::1"])


class _Server(socketserver.ThreadingTCPServer):
    """One thread a connection, joined at the end, so that nothing of a test outlives it."""

    allow_reuse_address = True
    request_queue_size = 64
    talk: Talk
    tls: ssl.SSLContext | None

    def finish_request(self, request: Any, client_address: Any) -> None:
        with contextlib.suppress(OSError):  # the other side left: what many of these tests are about
            if self.tls:
                request = self.tls.wrap_socket(request, server_side=True)
            with request:
                self.talk(request)


class _ServerOf6(_Server):
    address_family = socket.AF_INET6


@contextmanager
def serving(talk: Talk, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None, port: int = 0) -> Iterator[int]:
    """Serve `talk` on `host`, by default on a free port; yield the port."""
    server = (_ServerOf6 if ":" in host else _Server)((host, port), socketserver.BaseRequestHandler)
    server.talk = staticmethod(talk)
    server.tls = tls
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def read_head(connection: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head and (chunk := connection.recv(4096)):
        head += chunk
    return head


def saying(answer: bytes, *, then_close: bool = True) -> Talk:
    def talk(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(answer)
        while not then_close and connection.recv(4096):
            pass

    return talk


def ok(body: bytes = b"fine") -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def get(url: str, method: str = "GET", headers: dict[str, str] | None = None, **options: Any) -> http.Reply:
    async def run() -> http.Reply:
        async with EgressSession(**{"timeout": 5, **options}) as session:
            return await session.request(method, url, headers=headers)

    return asyncio.run(run())
