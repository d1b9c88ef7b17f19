"""A live site on loopback: the panel behind a real server, a worker, and the simulated SMSC."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from connectpulse.house import House
from connectpulse.worker import Worker


class _Patient(WSGIRequestHandler):
    """Reads a request, but not for ever: a browser opens connections that it never uses."""

    timeout = 10


@contextmanager
def served(app: Flask, port: int = 0) -> Iterator[str]:
    """Serve `app`, on `port` if one is given; yields its address. Requests on their way are waited for."""
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=_Patient)
    server.daemon_threads = False  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def working(house: House) -> Iterator[Worker]:
    """Run a worker of `house` in this process; the house's waker is the queue from then on."""
    worker = Worker(house)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()


@contextmanager
def smsc(*options: str) -> Iterator[dict[str, int]]:
    """Run the simulated SMSC as a process of its own; yields its ports."""
    with simulator("connectpulse_sms.simulator", *options) as ports:
        yield ports


@contextmanager
def simulator(module: str, *options: str) -> Iterator[dict[str, int]]:
    """Run a channel's simulator as a process of its own; yields its ports."""
    process = subprocess.Popen([sys.executable, "-m", module, *options], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()
