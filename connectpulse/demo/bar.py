"""A progress bar on standard error; where that is no terminal, a line now and then."""

import sys
import time

_CELLS = 30
_LINE_EVERY = 5.0


class Bar:
    """Draws how far something is, with its speed, as often as it is told."""

    def __init__(self, title: str, total: int) -> None:
        self._title = title
        self._total = max(total, 1)
        self._began = time.monotonic()
        self._drawn_at = self._began
        self._is_terminal = sys.stderr.isatty()

    def show(self, done: int) -> None:
        """Draw `done` of the total."""
        now = time.monotonic()
        if self._is_terminal:
            sys.stderr.write("\r" + self._line(done, now) + "\x1b[K")
        elif now - self._drawn_at >= _LINE_EVERY:
            self._drawn_at = now
            sys.stderr.write(self._line(done, now) + "\n")
        sys.stderr.flush()

    def close(self, done: int) -> None:
        """Draw the end."""
        self._drawn_at = 0.0
        self.show(done)
        if self._is_terminal:
            sys.stderr.write("\n")

    def _line(self, done: int, now: float) -> str:
        share = min(done / self._total, 1.0)
        filled = round(share * _CELLS)
        speed = done / max(now - self._began, 0.001)
        cells = "█" * filled + "░" * (_CELLS - filled)
        return f"{self._title:<12} {cells} {done:,} of {self._total:,} · {speed:,.0f}/s"
