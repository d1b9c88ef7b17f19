"""A worker's own page for watchers on the same machine: /healthz and /metrics."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import REGISTRY, generate_latest

from .core.errors import Misconfigured
from .house import House
from .metrics import CONTENT_TYPE, exposition


@contextmanager
def page(house: House, port: int) -> Iterator[int]:
    """Serve the page on loopback while the context lasts; yields its port, 0 where none is wanted."""
    if not port:
        yield 0
        return

    class Page(BaseHTTPRequestHandler):
        """Answers the two addresses."""

        def do_GET(self) -> None:
            if self.path == "/healthz":
                self._answer(HTTPStatus.OK, "text/plain; charset=utf-8", b"ok\n")
            elif self.path == "/metrics":
                # The site's figures, and this process's own: memory, processor time, garbage collection.
                self._answer(HTTPStatus.OK, CONTENT_TYPE, exposition(house) + generate_latest(REGISTRY))
            else:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", b"There is no such page.\n")

        def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Keep quiet: watchers come every few seconds."""

    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), Page)
    except OSError as error:
        raise Misconfigured(
            f"A worker's page cannot listen on port {port}: {error.strerror}. Change WORKER_PORT."
        ) from None
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="page", daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
