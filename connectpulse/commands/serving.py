"""The web server: granian's processes, each with a house and an application of its own."""

import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
from functools import partial
from multiprocessing.connection import wait
from typing import Any

import structlog
from granian import Granian
from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from .. import collector, logs
from .. import house as houses
from ..core.domain.settings import Settings
from ..core.errors import Misconfigured, PulseError
from . import site

log = structlog.get_logger(__name__)

CONNECTIONS = 512
"""Open connections per process; more wait in the listening queue."""
_HEADERS_WITHIN = 15_000
_LOGGING: dict[str, Any] = {"handlers": {}, "formatters": {}, "loggers": {"_granian": {"propagate": True}}}


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; running requests are answered first. Refuses a database that is behind."""
    require_port(settings)
    try:
        with site.opened(settings, stays=True) as house:
            house.wait_for_database()
        _server(settings).serve(target_loader=partial(load, settings), wrap_loader=False)
    finally:
        site.leave(settings)


def require_port(settings: Settings) -> None:
    """Raise Misconfigured if the port to serve on is taken."""
    if not settings.web_port:
        raise Misconfigured("WEB_PORT must name a port to serve on.")
    try:
        family = socket.getaddrinfo(settings.web_host, settings.web_port)[0][0]
        socket.create_server((settings.web_host, settings.web_port), family=family).close()
    except OSError as error:
        place = f"{settings.web_host}:{settings.web_port}"
        raise Misconfigured(f"The web server cannot listen on {place}: {error.strerror}. Change WEB_PORT.") from None


def load(settings: Settings) -> Any:
    """Return the application of one server process. Called once in each, by granian."""
    _end_when_asked()
    from ..app import create_app

    logs.configure(settings)
    threading.Thread(target=_end_with_parent, name="leash", daemon=True).start()
    try:
        house = houses.build(settings, pool_size=settings.web_threads + 2)
        house.patiently(lambda: site.connect_queue(house))
        house.wait_for_database()
        app = create_app(house)
        collector.calm()
        return app
    except PulseError as error:
        log.error("web_refused", reason=str(error))
        sys.exit(1)


def _end_when_asked() -> None:
    """Let a signal end a process that is still starting.

    Until granian has our application, its processes hold handlers of its first process, which only make a note:
    whoever stops a server that has just started would wait until it is killed.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def _server(settings: Settings) -> Any:
    server = Granian(
        "connectpulse",
        address=settings.web_host,
        port=settings.web_port,
        interface=Interfaces.WSGI,
        workers=settings.web_processes,
        blocking_threads=settings.web_threads,
        backpressure=CONNECTIONS,
        websockets=False,
        http1_settings=HTTP1Settings(header_read_timeout=_HEADERS_WITHIN),
        respawn_failed_workers=True,
        workers_kill_timeout=30,
        log_level=LogLevels.error,
        log_dictconfig=_LOGGING,
    )
    logs.configure(settings)  # after granian's own configuration, which would undo it
    logging.getLogger("_granian").setLevel(logging.ERROR)
    return server


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
