"""Connections between requests, and answers that do not come in time: nothing is kept for ever."""

import asyncio
import socket
import threading
import time

import pytest

from connectpulse.core.wire.http import KEEPALIVE, AnswerLost, EgressSession, Unreachable
from tests.unit.core.wire.door_scene import LOOPBACK, ok, read_head, saying, serving


def test_an_idle_connection_is_closed_after_a_while() -> None:
    closed = threading.Event()

    def talk(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(ok())
        if not connection.recv(1):
            closed.set()

    async def run(port: int) -> bool:
        async with EgressSession(policy=LOOPBACK) as session:
            await session.request("GET", f"http://127.0.0.1:{port}/")
            return await asyncio.to_thread(closed.wait, 3 * KEEPALIVE)

    with serving(talk) as port:
        assert asyncio.run(run(port))


def test_a_connection_that_was_idle_too_long_is_not_used_again() -> None:
    """The loop was busy when it should have been closed: its age decides, not the timer."""
    connections: list[int] = []

    def talk(connection: socket.socket) -> None:
        connections.append(1)
        while read_head(connection):
            connection.sendall(ok())

    async def run(port: int) -> None:
        async with EgressSession(policy=LOOPBACK) as session:
            await session.request("GET", f"http://127.0.0.1:{port}/")
            time.sleep(KEEPALIVE + 0.1)  # the loop stands still, and its timers with it
            await session.request("GET", f"http://127.0.0.1:{port}/")

    with serving(talk) as port:
        asyncio.run(run(port))
    assert len(connections) == 2


def test_no_connection_is_younger_for_a_request_to_another_host() -> None:
    """Two hosts by turns over few connections: what was idle too long is not used, however it was kept."""
    connections: list[int] = []

    def talk(connection: socket.socket) -> None:
        connections.append(1)
        while read_head(connection):
            connection.sendall(ok())

    async def run(first: int, second: int) -> None:
        async with EgressSession(policy=LOOPBACK) as session:
            for port in (first, second, second):
                await session.request("GET", f"http://127.0.0.1:{port}/")
                await asyncio.sleep(0.6 * KEEPALIVE)
            await session.request("GET", f"http://127.0.0.1:{first}/")

    with serving(talk) as first, serving(talk) as second:
        asyncio.run(run(first, second))
    assert len(connections) == 3


@pytest.mark.parametrize(
    "head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", b"HTTP/1.1 200 OK\r\n\r\nhalf"]
)
def test_a_request_ends_with_its_session(head: bytes) -> None:
    async def run(port: int) -> None:
        session = EgressSession(policy=LOOPBACK, timeout=60)
        request = asyncio.create_task(session.request("GET", f"http://127.0.0.1:{port}/"))
        await asyncio.sleep(0.1)
        await session.close()
        async with asyncio.timeout(10):
            with pytest.raises(AnswerLost):
                await request

    with serving(saying(head, then_close=False)) as port:
        asyncio.run(run(port))


def test_who_waits_when_a_session_closes_has_sent_nothing() -> None:
    """One request is under way, one waits for its connection, one comes too late: nobody is cancelled by it."""

    async def run(port: int) -> None:
        session = EgressSession(policy=LOOPBACK, connections=1)
        asked = [asyncio.create_task(session.request("GET", f"http://127.0.0.1:{port}/")) for _ in range(2)]
        await asyncio.sleep(0.1)
        await session.close()
        asked.append(asyncio.create_task(session.request("GET", f"http://127.0.0.1:{port}/")))
        ends = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(end) for end in ends] == [AnswerLost, Unreachable, Unreachable]

    with serving(saying(b"", then_close=False)) as port:
        asyncio.run(run(port))


def test_a_connection_kept_for_one_host_does_not_keep_another_waiting() -> None:
    def talk(connection: socket.socket) -> None:
        while read_head(connection):
            connection.sendall(ok())

    async def run(*ports: int) -> None:
        async with EgressSession(policy=LOOPBACK, connections=1, connect_timeout=1) as session:
            for port in ports:
                assert (await session.request("GET", f"http://127.0.0.1:{port}/")).body == b"fine"

    with serving(talk) as first, serving(talk) as second:
        asyncio.run(run(first, second, first))


def test_who_waits_for_a_connection_gets_the_next_that_is_free() -> None:
    def talk(connection: socket.socket) -> None:
        while head := read_head(connection):
            connection.sendall(ok(head.split()[1]))

    async def run(port: int) -> list[bytes]:
        async with EgressSession(policy=LOOPBACK, connections=2, connect_timeout=2) as session:
            replies = [session.request("GET", f"http://127.0.0.1:{port}/{number}") for number in range(40)]
            return [reply.body for reply in await asyncio.gather(*replies)]

    with serving(talk) as port:
        assert asyncio.run(run(port)) == [b"/%d" % number for number in range(40)]


def test_each_request_has_its_own_time() -> None:
    """One falls silent, and another's answer, asked for later, is not cut off with it."""

    def talk(connection: socket.socket) -> None:
        if b"/silent" in read_head(connection):
            connection.recv(1)
            return
        time.sleep(0.3)
        connection.sendall(ok())

    async def run(port: int) -> None:
        async with EgressSession(policy=LOOPBACK, timeout=0.5) as session:
            silent = asyncio.create_task(session.request("GET", f"http://127.0.0.1:{port}/silent"))
            await asyncio.sleep(0.3)
            later = asyncio.create_task(session.request("GET", f"http://127.0.0.1:{port}/later"))
            with pytest.raises(AnswerLost, match=r"within 0\.5 seconds"):
                await silent
            assert (await later).body == b"fine"

    with serving(talk) as port:
        asyncio.run(run(port))


def test_an_answer_cut_off_in_time_is_not_taken_for_one_that_ends_with_its_connection() -> None:
    half = b"HTTP/1.1 200 OK\r\n\r\nhalf"

    async def run(port: int) -> None:
        async with EgressSession(policy=LOOPBACK, timeout=0.2) as session:
            with pytest.raises(AnswerLost, match=r"within 0\.2 seconds"):
                await session.request("GET", f"http://127.0.0.1:{port}/")

    with serving(saying(half, then_close=False)) as port:
        asyncio.run(run(port))
