"""What is done for all requests at once, since for each it would cost as much as the request: keeping connections, and
ending what takes too long.
"""

import asyncio
from collections import defaultdict

from aiohttp.connector import Connection

Place = tuple[str, str]
"""Scheme and authority of a host."""


class Kept:
    """Connections that wait for their next request, each `seconds` at most."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._idle: defaultdict[Place, list[tuple[Connection, float]]] = defaultdict(list)
        self._timer: asyncio.TimerHandle | None = None

    def take(self, place: Place) -> Connection | None:
        """Return the connection to a host that was used last, None where there is none that is fit."""
        idle = self._idle[place]
        oldest = asyncio.get_running_loop().time() - self._seconds
        while idle:
            connection, since = idle.pop()
            if since > oldest and _is_fit(connection):
                return connection
            connection.close()
        return None

    def keep(self, place: Place, connection: Connection) -> None:
        """Keep a connection whose answer is read; one that is not fit for another request is closed."""
        if not _is_fit(connection):
            connection.close()
            return
        loop = asyncio.get_running_loop()
        self._idle[place].append((connection, loop.time()))
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._sweep)

    def let_go(self) -> None:
        """Give every connection back to the pool it came from."""
        idle = [connection for each in self._idle.values() for connection, _ in each]
        self._idle.clear()
        for connection in idle:
            connection.release()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _sweep(self) -> None:
        loop, self._timer = asyncio.get_running_loop(), None
        oldest = loop.time() - self._seconds
        for place, idle in list(self._idle.items()):
            self._idle[place] = [each for each in idle if each[1] > oldest]
            for connection, since in idle:
                if since <= oldest:
                    connection.close()
        if any(self._idle.values()):
            self._timer = loop.call_later(self._seconds, self._sweep)


class Deadlines:
    """Cuts connections off whose answer has not come by its time."""

    def __init__(self) -> None:
        self._ends: dict[Connection, float] = {}
        self._late: set[Connection] = set()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, connection: Connection, by: float) -> None:
        """Wait for an answer until `by`, a time of the loop's clock."""
        self._ends[connection] = by
        if self._timer is None or by < self._timer.when():
            self._strike_at(by)

    def end(self, connection: Connection) -> bool:
        """Wait no more; return whether it was in time."""
        self._ends.pop(connection, None)
        if connection not in self._late:
            return True
        self._late.remove(connection)
        return False

    def close(self) -> None:
        """Cut nothing off any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _strike_at(self, by: float) -> None:
        self.close()
        self._timer = asyncio.get_running_loop().call_at(by, self._strike)

    def _strike(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        for connection in [each for each, by in self._ends.items() if by <= now]:
            del self._ends[connection]
            self._late.add(connection)
            if connection.transport is not None:
                connection.transport.abort()
        if self._ends:
            self._strike_at(min(self._ends.values()))


def _is_fit(connection: Connection) -> bool:
    protocol = connection.protocol
    return protocol is not None and protocol.is_connected() and not protocol.should_close
