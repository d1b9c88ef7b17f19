"""A worker: the queue's consumer, the wire, and the sweeps, in one process. Any number may run anywhere.

SIGTERM and SIGINT end it gracefully: running steps finish, what is on the wire is answered and recorded,
the rest is given back. SIGKILL loses nothing: leases end and others take over.
"""

import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any

import psycopg
import structlog
from huey.consumer import Consumer

from .core.services.desk import ServiceDesk
from .core.services.expansion import CHANNEL_OF_NOTIFY
from .core.wire.wire import Wire
from .house import House
from .tasks import core as tasks
from .tasks.queue import Scheduler, make_queue

log = structlog.get_logger(__name__)

SWEEP_EVERY = 5.0


class _Consumer(Consumer):
    """huey's consumer without signal handlers: the worker has its own, for the wire's sake."""

    def _set_signal_handlers(self) -> None:
        """Leave the signals to the worker."""


class Worker:
    """One worker process's parts; `start` returns at once, `stop` when everything has ended."""

    def __init__(self, house: House) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"[:80]
        self.house = house
        self._stopping = threading.Event()
        url = house.engine.url.render_as_string(hide_password=False)
        self._dsn = url.replace("postgresql+psycopg://", "postgresql://")
        self.queue = make_queue(house.settings, url)
        self.scheduler = Scheduler(house.engine)
        self.queue.scheduler = self.scheduler
        tasks.register(self.queue, house, self.name, self._stopping.is_set)
        self.wire = Wire(ServiceDesk(house.work, self.name, house.settings.public_url.rstrip("/")))
        self._consumer = _Consumer(
            self.queue,
            workers=house.settings.worker_threads,
            worker_type="thread",
            graceful_signal="TERM",
            shutdown_timeout=30,
            check_worker_health=False,
        )
        self._threads = [
            threading.Thread(target=self._sweep, name="sweeps", daemon=True),
            threading.Thread(target=self._listen, name="listener", daemon=True),
            *self._apart(),
        ]

    def start(self) -> None:
        self.house.wait_for_database()
        self._consumer.start()
        self.wire.start()
        for thread in self._threads:
            thread.start()
        log.info("worker_started", worker=self.name)

    def stop(self) -> None:
        self._stopping.set()
        self._consumer.stop(graceful=True)
        self.wire.stop()
        for thread in self._threads:
            thread.join(SWEEP_EVERY + 1)
        self.scheduler.resign()
        self.queue.close()
        log.info("worker_stopped", worker=self.name)

    def _sweep(self) -> None:
        while not self._stopping.wait(SWEEP_EVERY):
            tasks.sweep_often(self.house)

    def _apart(self) -> list[threading.Thread]:
        """Return the threads of duties that may wait for a store."""
        if not self.house.settings.backup_wal_days:
            return []
        return [
            threading.Thread(
                target=tasks.repeat, args=(self.house, name, duty, every, self._stopping), name=name, daemon=True
            )
            for name, duty, every in tasks.APART
        ]

    def _listen(self) -> None:
        """Pass on what the database says about fresh dispatches; they would be found a second later anyway."""
        while not self._stopping.is_set():
            try:
                with psycopg.connect(self._dsn, autocommit=True) as connection:
                    connection.execute(f"LISTEN {CHANNEL_OF_NOTIFY}")
                    while not self._stopping.is_set():
                        for notify in connection.notifies(timeout=1.0):
                            self.wire.wake(int(notify.payload) if notify.payload.isdigit() else None)
            except psycopg.Error as error:
                log.warning("listener_lost", error=str(error)[:200])
                self._stopping.wait(2.0)


def run_until_signalled(start: Callable[[], Any], stop: Callable[[], Any]) -> None:
    """Start, wait for SIGTERM or SIGINT, stop. A second signal during the stop ends the process at once."""
    ended = threading.Event()

    def handle(number: int, frame: Any) -> None:
        if ended.is_set():
            os._exit(128 + number)
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)
    start()
    while not ended.wait(1.0):
        pass
    stop()
