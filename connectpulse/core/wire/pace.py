"""The speed of one session: a bucket of tokens that slows down when throttled and recovers by itself."""

import asyncio
import time

HALVE = 0.5
RECOVER = 1.05
RECOVER_EVERY = 10.0
BURST = 0.1
"""Seconds of messages a session may send at once."""


class Pace:
    """Parts per second. `ceiling` None means as fast as it goes, until the provider asks to slow down."""

    def __init__(self, ceiling: float | None) -> None:
        self.ceiling = ceiling
        self.rate = ceiling
        self._next = 0.0
        self._changed = time.monotonic()

    def room(self, window: int) -> int:
        """Return how many messages one batch may hold, at most `window`."""
        self._recover()
        return window if self.rate is None else max(1, min(window, int(self.rate * BURST)))

    async def wait(self, parts: int) -> None:
        """Return when `parts` may be handed over."""
        if self.rate is None:
            return
        now = time.monotonic()
        start = max(now, self._next)
        self._next = start + parts / self.rate
        if start > now:
            await asyncio.sleep(start - now)

    def slow_down(self, observed: float) -> None:
        """Halve the speed; without a ceiling, begin at half of what was `observed`."""
        self.rate = max(1.0, (self.rate or max(observed, 2.0)) * HALVE)
        self._changed = time.monotonic()

    def _recover(self) -> None:
        if self.rate is None or self.rate == self.ceiling:
            return
        steps = int((time.monotonic() - self._changed) / RECOVER_EVERY)
        if steps:
            self._changed += steps * RECOVER_EVERY
            self.rate *= RECOVER**steps
            if self.ceiling is not None and self.rate >= self.ceiling:
                self.rate = self.ceiling
