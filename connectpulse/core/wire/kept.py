"""What is done for all requests at once, since for each it would cost as much as the request: keeping connections, and
ending what takes too long.
"""

import asyncio

from aiohttp.connector import Connection

Place = tuple[str, str]
"""Scheme and authority of a host."""


class Kept:
    """Connections that wait for their next request, each `seconds` at most."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._idle: dict[Place, list[tuple[float, Connection]]] = {}
        """By host, each with the time of the loop's clock since when it is idle, in that order."""
        self._timer: asyncio.TimerHandle | None = None

    @property
    def count(self) -> int:
        """How many are idle."""
        return sum(map(len, self._idle.values()))

    def take(self, place: Place) -> Connection | None:
        """Return the connection to a host that was used last, None where there is none that is fit."""
        idle = self._idle.get(place, [])
        oldest = asyncio.get_running_loop().time() - self._seconds
        while idle:
            since, connection = idle.pop()
            if since > oldest and _is_fit(connection):
                return connection
            connection.close()
        return None

    def keep(self, place: Place, connection: Connection) -> None:
        """Keep a connection whose answer is read; one that is not fit for another request is closed."""
        if not _is_fit(connection):
            connection.close()
            return
        self._idle.setdefault(place, []).append((asyncio.get_running_loop().time(), connection))
        if self._timer is None:
            self._set_timer()

    def close_oldest(self) -> None:
        """Close the connection that was not used for longest, if there is one."""
        idle = min(filter(None, self._idle.values()), key=_since, default=None)
        if idle:
            idle.pop(0)[1].close()

    def close(self) -> None:
        """Close every connection."""
        idle = [connection for each in self._idle.values() for _, connection in each]
        self._idle.clear()
        for connection in idle:
            connection.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self) -> None:
        """Come again when the oldest has been idle for long enough."""
        oldest = min(map(_since, filter(None, self._idle.values())), default=None)
        if oldest is not None:
            self._timer = asyncio.get_running_loop().call_at(oldest + self._seconds, self._sweep)

    def _sweep(self) -> None:
        self._timer = None
        oldest = asyncio.get_running_loop().time() - self._seconds
        for idle in self._idle.values():
            while idle and idle[0][0] <= oldest:
                idle.pop(0)[1].close()
        self._idle = {place: idle for place, idle in self._idle.items() if idle}
        self._set_timer()


def _since(idle: list[tuple[float, Connection]]) -> float:
    return idle[0][0]


def _is_fit(connection: Connection) -> bool:
    protocol = connection.protocol
    return protocol is not None and protocol.is_connected() and not protocol.should_close


class Deadlines:
    """Cuts connections off whose answer has not come by its time."""

    def __init__(self) -> None:
        self._ends: dict[Connection, float] = {}
        """Those that were cut off among them, until whoever waits has heard of it."""
        self._late: set[Connection] = set()
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
