"""Leaving a recipient's domain alone for a while after it asked for patience, so that one slow host slows nobody else.

Letters to it are put off without being tried, all to the same second, so that they come back together.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta
from math import ceil
from typing import Final

_STEPS: Final = (30, 60, 120, 300, 900)
"""Seconds of rest, longer each time a domain asks again."""
_FORGET: Final = 3600
"""Seconds after its rest until a domain begins with a short one again."""
_MOST: Final = 10_000


class Rests:
    """The domains that rest; `clock` counts seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def begin(self, domain: str) -> None:
        """Let a domain rest; one that rests already is not told twice for answers that were under way."""
        now = self._clock()
        until, times = self._until.get(domain, (0.0, 0))
        if until > now:
            return
        times = 0 if now - until > _FORGET else times
        self._until[domain] = (now + _STEPS[min(times, len(_STEPS) - 1)], times + 1)
        self._until.move_to_end(domain)
        while len(self._until) > _MOST:
            self._until.popitem(last=False)

    def end(self, domain: str) -> None:
        """A letter was taken: the domain is well."""
        self._until.pop(domain, None)

    def left(self, domain: str) -> timedelta | None:
        """Return how long a domain still rests, in whole seconds, None if it does not."""
        if domain not in self._until:
            return None
        seconds = self._until[domain][0] - self._clock()
        return timedelta(seconds=ceil(seconds)) if seconds > 0 else None
