"""Connections between requests, and answers that do not come in time: nothing is kept for ever."""

import asyncio
import socket
import threading
import time
from contextlib import suppress

import pytest

from connectpulse.core.wire.http import KEEPALIVE, AnswerLost, EgressSession, Unreachable
from tests.unit.core.wire.door_scene import LOOPBACK, ok, read_head, saying, serving


class Counting:
    """Answers every request that comes over a connection, and counts the connections."""

    def __init__(self) -> None:
        self.connections = 0

    def __call__(self, connection: socket.socket) -> None:
        self.connections += 1
        while head := read_head(connection):
            connection.sendall(ok(head.split()[1]))


class Asked:
    """Says `words` to a request and falls silent; `is_asked` once the request is there, `is_left` once hung up on."""

    def __init__(self, words: bytes = b"") -> None:
        self.is_asked, self.is_left = threading.Event(), threading.Event()
        self._words = words

    def __call__(self, connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(self._words)
        self.is_asked.set()
        with suppress(OSError):
            connection.recv(1)
        self.is_left.set()


def test_an_idle_connection_is_closed_after_a_while() -> None:
    talk = Asked(ok())

    async def run(port: int) -> bool:
        async with EgressSession(policy=LOOPBACK) as session:
            await session.request("GET", f"http://127.0.0.1:{port}/")
            return await asyncio.to_thread(talk.is_left.wait, 30)

    with serving(talk) as port:
        assert asyncio.run(run(port))


def test_a_connection_that_was_idle_too_long_is_not_used_again() -> None:
    """The loop was busy when it should have been closed: its age decides, not the timer."""
    talk = Counting()

    async def run(port: int) -> None:
        async with EgressSession(policy=LOOPBACK) as session:
            await session.request("GET", f"http://127.0.0.1:{port}/")
            time.sleep(KEEPALIVE + 0.1)  # the loop stands still, and its timers with it
            await session.request("GET", f"http://127.0.0.1:{port}/")

    with serving(talk) as port:
        asyncio.run(run(port))
    assert talk.connections == 2


def test_no_connection_is_younger_for_a_request_to_another_host() -> None:
    """What was idle too long is not used, however it was kept meanwhile."""
    first, second = Counting(), Counting()

    async def run(*ports: int) -> None:
        async with EgressSession(policy=LOOPBACK) as session:
            for port in ports:
                await session.request("GET", f"http://127.0.0.1:{port}/")
                await asyncio.sleep(0.6 * KEEPALIVE)

    with serving(first) as one, serving(second) as other:
        asyncio.run(run(one, other, other, one))
    assert first.connections == 2


@pytest.mark.parametrize(
    "head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", b"HTTP/1.1 200 OK\r\n\r\nhalf"]
)
def test_a_request_ends_with_its_session(head: bytes) -> None:
    talk = Asked(head)

    async def run(port: int) -> None:
        session = EgressSession(policy=LOOPBACK, timeout=60)
        request = asyncio.create_task(session.request("GET", f"http://127.0.0.1:{port}/"))
        await asyncio.to_thread(talk.is_asked.wait, 30)
        await session.close()
        async with asyncio.timeout(30):
            with pytest.raises(AnswerLost):
                await request

    with serving(talk) as port:
        asyncio.run(run(port))


def test_who_waits_when_a_session_closes_has_sent_nothing() -> None:
    """One request is under way, one waits for its connection, one comes too late: nobody is cancelled by it."""
    talk = Asked()

    async def run(port: int) -> None:
        session = EgressSession(policy=LOOPBACK, connections=1, timeout=120, connect_timeout=60)
        asked = [asyncio.create_task(session.request("GET", f"http://127.0.0.1:{port}/")) for _ in range(2)]
        await asyncio.to_thread(talk.is_asked.wait, 30)
        await session.close()
        asked.append(asyncio.create_task(session.request("GET", f"http://127.0.0.1:{port}/")))
        ends = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(end) for end in ends] == [AnswerLost, Unreachable, Unreachable]

    with serving(talk) as port:
        asyncio.run(run(port))


def test_a_connection_kept_for_one_host_does_not_keep_another_waiting() -> None:
    async def run(*ports: int) -> None:
        async with EgressSession(policy=LOOPBACK, connections=1, connect_timeout=1) as session:
            for port in ports:
                assert (await session.request("GET", f"http://127.0.0.1:{port}/")).body == b"/"

    with serving(Counting()) as first, serving(Counting()) as second:
        asyncio.run(run(first, second, first))


def test_who_waits_for_a_connection_gets_the_next_that_is_free() -> None:
    async def run(port: int) -> list[bytes]:
        async with EgressSession(policy=LOOPBACK, connections=2) as session:
            replies = [session.request("GET", f"http://127.0.0.1:{port}/{number}") for number in range(40)]
            return [reply.body for reply in await asyncio.gather(*replies)]

    with serving(Counting()) as port:
        assert asyncio.run(run(port)) == [b"/%d" % number for number in range(40)]


def test_each_request_has_its_own_time() -> None:
    """One falls silent and is cut off in time; another, asked for later, is answered after that."""
    silent = Asked()

    def patient(connection: socket.socket) -> None:
        read_head(connection)
        silent.is_left.wait(30)
        connection.sendall(ok())

    async def run(first: int, second: int) -> None:
        async with EgressSession(policy=LOOPBACK, timeout=2) as session:
            cut = asyncio.create_task(session.request("GET", f"http://127.0.0.1:{first}/"))
            await asyncio.sleep(1)
            later = asyncio.create_task(session.request("GET", f"http://127.0.0.1:{second}/"))
            with pytest.raises(AnswerLost, match="within 2 seconds"):
                await cut
            assert (await later).body == b"fine"

    with serving(silent) as first, serving(patient) as second:
        asyncio.run(run(first, second))


def test_an_answer_cut_off_in_time_is_not_taken_for_one_that_ends_with_its_connection() -> None:
    half = b"HTTP/1.1 200 OK\r\n\r\nhalf"

    async def run(port: int) -> None:
        async with EgressSession(policy=LOOPBACK, timeout=0.2) as session:
            with pytest.raises(AnswerLost, match=r"within 0\.2 seconds"):
                await session.request("GET", f"http://127.0.0.1:{port}/")

    with serving(saying(half, then_close=False)) as port:
        asyncio.run(run(port))
