"""Wakings that come too often: the first goes through, and those close behind it share one a moment later."""

import time
from collections.abc import Callable
from threading import Lock, Timer

import structlog

log = structlog.get_logger(__name__)

EVERY = 0.25
"""Seconds between two wakings for one thing by one process."""


class Wakings:
    """Decides when to wake for each of many things, by number; `wake` is called, in a thread, for what came too soon.

    A process that ends in between loses that waking: the sweep makes up for it.
    """

    def __init__(self, wake: Callable[[int], None], every: float = EVERY) -> None:
        self._wake = wake
        self._every = every
        self._woken: dict[int, float] = {}
        self._late: dict[int, Timer] = {}
        self._lock = Lock()

    def may(self, number: int) -> bool:
        """Return whether to wake now; if not, it is seen to."""
        now = time.monotonic()
        with self._lock:
            wait = self._woken.get(number, now - self._every) + self._every - now
            if wait <= 0:
                self._woken[number] = now
                return True
            if number not in self._late:
                self._late[number] = timer = Timer(wait, self._wake_late, [number])
                timer.daemon = True
                timer.start()
            return False

    def close(self) -> None:
        """Wake for nothing any more."""
        with self._lock:
            for timer in self._late.values():
                timer.cancel()

    def _wake_late(self, number: int) -> None:
        with self._lock:
            self._woken[number] = time.monotonic()
            del self._late[number]
        try:
            self._wake(number)
        except Exception as error:
            log.warning("waking_lost", number=number, error=type(error).__name__)
