"""Answers that must come in time: one timer for all of them, since one for each would cost as much as the request."""

import asyncio

from aiohttp.connector import Connection


class Deadlines:
    """Cuts connections off whose answer has not come by its time."""

    def __init__(self) -> None:
        self._ends: dict[Connection, float] = {}
        self._late: set[Connection] = set()
        """Those that were cut off among them, until whoever waits has heard of it."""
        self._timer: asyncio.TimerHandle | None = None

    @property
    def count(self) -> int:
        """How many answers are waited for."""
        return len(self._ends)

    def begin(self, connection: Connection, by: float) -> None:
        """Wait for an answer until `by`, a time of the loop's clock."""
        self._ends[connection] = by
        if self._timer is None or by < self._timer.when():
            self._set_timer(by)

    def end(self, connection: Connection) -> bool:
        """Wait no more; return whether it was in time."""
        self._ends.pop(connection, None)
        if connection not in self._late:
            return True
        self._late.remove(connection)
        return False

    def strike_all(self) -> None:
        """Cut off everything that is waited for."""
        self._strike(float("inf"))

    def _set_timer(self, by: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(by, self._strike, by)

    def _strike(self, until: float) -> None:
        for connection, by in self._ends.items():
            if by <= until and connection not in self._late:
                self._late.add(connection)
                if connection.transport is not None:
                    connection.transport.abort()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        coming = [by for connection, by in self._ends.items() if connection not in self._late]
        if coming:
            self._set_timer(min(coming))
