"""What goes out and what comes back through the door: whole, once, and no word of it another's."""

import asyncio
import socket
import threading
from typing import Any

import pytest

from connectpulse.core.errors import Refused
from connectpulse.core.wire import http
from connectpulse.core.wire.http import AnswerLost, EgressSession
from tests.unit.core.wire.door_scene import LOOPBACK, get, ok, read_head, saying, serving

LOST = {
    "huge": ok(b"x" * (http.LARGEST_ANSWER + 1)),
    "reset before the head": b"",
    "cut in the head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "cut in the body": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
    "cut in a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    "not HTTP": b"220 smtp.example ESMTP\r\n\r\n",
}


@pytest.mark.parametrize("answer", LOST.values(), ids=LOST)
def test_an_answer_that_does_not_come_whole_is_lost(answer: bytes) -> None:
    with serving(saying(answer)) as port, pytest.raises(AnswerLost):
        get(f"http://127.0.0.1:{port}/", policy=LOOPBACK)


def test_an_answer_of_exactly_the_limit_is_read() -> None:
    with serving(saying(ok(b"x" * http.LARGEST_ANSWER))) as port:
        assert len(get(f"http://127.0.0.1:{port}/", policy=LOOPBACK).body) == http.LARGEST_ANSWER


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"])
def test_a_server_that_falls_silent_is_left_in_time(head: bytes) -> None:
    with serving(saying(head, then_close=False)) as port:
        url = f"http://127.0.0.1:{port}/?password=hunter2"
        with pytest.raises(AnswerLost, match=r"within 0\.2 seconds") as lost:
            get(url, policy=LOOPBACK, timeout=0.2)
    assert "hunter2" not in str(lost.value)


def test_drops_that_trickle_do_not_reset_the_clock() -> None:
    def loris(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        left = threading.Event()
        while not left.wait(0.01):
            connection.sendall(b"x")  # raises once the session has hung up

    with serving(loris) as port, pytest.raises(AnswerLost):
        get(f"http://127.0.0.1:{port}/", policy=LOOPBACK, timeout=0.2)


def test_a_get_is_never_sent_twice() -> None:
    """A kept-alive connection that breaks under the second GET: aiohttp by itself would repeat it."""
    requests: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        requests.append(read_head(connection))
        connection.sendall(ok())
        requests.append(read_head(connection))

    async def run(port: int) -> None:
        async with EgressSession(policy=LOOPBACK) as session:
            await session.request("GET", f"http://127.0.0.1:{port}/1")
            with pytest.raises(AnswerLost):
                await session.request("GET", f"http://127.0.0.1:{port}/2")

    with serving(talk) as port:
        asyncio.run(run(port))
    assert [request.split()[1] for request in requests] == [b"/1", b"/2"]


def heard(url: str, **options: Any) -> bytes:
    """Return the head of a request as a server got it; `{}` in the address is its port."""
    heads: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        heads.append(read_head(connection))
        connection.sendall(ok(b"" if options.get("method") == "HEAD" else b"fine"))

    with serving(talk) as port:
        assert get(url.format(port), policy=LOOPBACK, **options).status == 200
    return heads[0]


def test_a_request_says_who_asks_and_what_it_takes() -> None:
    head = heard(
        "http://127.0.0.1:{}/v1/messages?to=%2B92&x=a%20b", headers={"authorization": "Bearer t", "X-Own": "é"}
    )
    line, *fields = head.decode().strip().split("\r\n")
    assert line == "GET /v1/messages?to=%2B92&x=a%20b HTTP/1.1"
    told = dict(field.split(": ", 1) for field in fields)
    assert told.pop("Host").startswith("127.0.0.1:")
    assert {name.lower(): value for name, value in told.items()} == {
        "user-agent": "ConnectPulse", "accept": "*/*", "accept-encoding": "identity", "authorization": "Bearer t",
        "x-own": "é",
    }  # fmt: skip


def test_ones_own_headers_replace_ours_and_stand_once() -> None:
    head = heard("http://127.0.0.1:{}/", headers={"user-agent": "Acme", "ACCEPT": "text/plain"}).lower()
    assert head.count(b"user-agent:") == head.count(b"accept:") == 1
    assert b"user-agent: acme" in head
    assert b"accept: text/plain" in head


def test_who_one_is_may_stand_in_the_address() -> None:
    assert b"authorization: basic bwu6chc=" in heard("http://me:pw@127.0.0.1:{}/").lower()


def test_the_head_alone_can_be_asked_for() -> None:
    with serving(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")) as port:
        assert get(f"http://127.0.0.1:{port}/", "HEAD", policy=LOOPBACK).body == b""


@pytest.mark.parametrize("version", [b"HTTP/1.0", b"HTTP/1.1"])
def test_an_answer_may_end_with_its_connection(version: bytes) -> None:
    with serving(saying(version + b" 200 OK\r\nContent-Type: text/plain\r\n\r\nall of it")) as port:
        assert get(f"http://127.0.0.1:{port}/", policy=LOOPBACK).body == b"all of it"


def test_an_answer_in_chunks_is_read_to_its_end() -> None:
    chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nall\r\n6\r\n of it\r\n0\r\n\r\n"
    with serving(saying(chunks)) as port:
        assert get(f"http://127.0.0.1:{port}/", policy=LOOPBACK).body == b"all of it"


@pytest.mark.parametrize("word", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"])
def test_a_word_in_advance_is_no_answer(word: bytes) -> None:
    with serving(saying(word + ok())) as port:
        assert get(f"http://127.0.0.1:{port}/", policy=LOOPBACK).body == b"fine"


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/a\r\nX: y", {}), ("GET", "/a b", {}), ("GET", "/\x00", {}), ("GET", "/\ud800", {}),
        ("GET / HTTP/1.1\r\nX: y\r\n\r\nGET", "/", {}), ("", "/", {}), ("GET", "/", {"X: y\r\nZ": "1"}),
        ("POST", "/", {"Content-Length": "1"}), ("POST", "/", {"transfer-encoding": "chunked"}),
        ("GET", "/", {"": "1"}), ("GET", "/", {"X": "1\r\nY: 2"}), ("GET", "/", {"X": "\ud800"}),
    ],
)  # fmt: skip
def test_nothing_smuggles_a_line_into_a_request(method: str, path: str, headers: dict[str, str]) -> None:
    with serving(saying(ok())) as port, pytest.raises(Refused, match="not valid HTTP"):
        get(f"http://127.0.0.1:{port}{path}", method, headers, policy=LOOPBACK)


def test_one_connection_serves_many_requests_and_an_answer_too_many_is_nobodys() -> None:
    """A server that says more than it was asked: its second answer is not taken for that of the next request."""
    connections: list[int] = []

    def talk(connection: socket.socket) -> None:
        connections.append(1)
        for number in range(3):
            if not read_head(connection):
                return
            connection.sendall(ok(b"%d" % number))
        read_head(connection)
        connection.sendall(ok(b"asked") + ok(b"forged"))

    async def run(port: int) -> list[bytes]:
        async with EgressSession(policy=LOOPBACK, connections=1) as session:
            return [(await session.request("POST", f"http://127.0.0.1:{port}/", body=b"x")).body for _ in range(5)]

    with serving(talk) as port:
        assert asyncio.run(run(port)) == [b"0", b"1", b"2", b"asked", b"0"]
    assert len(connections) == 2


def test_who_waits_too_long_for_a_free_connection_has_sent_nothing() -> None:
    """One connection, kept busy: the second request is not made at all, and the first is not disturbed."""
    asked, over = threading.Event(), threading.Event()

    def talk(connection: socket.socket) -> None:
        read_head(connection)
        asked.set()
        over.wait(5)
        connection.sendall(ok())

    async def run(port: int) -> None:
        async with EgressSession(policy=LOOPBACK, connections=1, timeout=5, connect_timeout=0.1) as session:
            first = asyncio.create_task(session.request("GET", f"http://127.0.0.1:{port}/"))
            await asyncio.to_thread(asked.wait, 5)
            with pytest.raises(http.Unreachable):
                await session.request("GET", f"http://127.0.0.1:{port}/")
            over.set()
            assert (await first).body == b"fine"

    with serving(talk) as port:
        asyncio.run(run(port))


def test_who_is_cancelled_leaves_no_connection_half_used() -> None:
    def talk(connection: socket.socket) -> None:
        head = read_head(connection)
        if b"/slow" not in head:
            connection.sendall(ok(head.split()[1]))
        read_head(connection)

    async def run(port: int) -> None:
        async with EgressSession(policy=LOOPBACK, connections=1) as session:
            slow = asyncio.create_task(session.request("GET", f"http://127.0.0.1:{port}/slow"))
            await asyncio.sleep(0.05)
            slow.cancel()
            with pytest.raises(asyncio.CancelledError):
                await slow
            assert (await session.request("GET", f"http://127.0.0.1:{port}/next")).body == b"/next"

    with serving(talk) as port:
        asyncio.run(run(port))
