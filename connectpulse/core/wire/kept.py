"""Connections between requests: one timer closes those that were idle for long, whatever their number."""

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
