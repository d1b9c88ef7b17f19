"""One session against an SMSC that does as it is told, over real sockets."""

import asyncio
import socket

import pytest
from connectpulse_sms.smpp.pdu import (
    DELIVER_SM,
    DELIVER_SM_RESP,
    ENQUIRE_LINK,
    ENQUIRE_LINK_RESP,
    GENERIC_NACK,
    HEADER,
    SUBMIT_SM,
    UNBIND,
    UNBIND_RESP,
    frame,
)
from connectpulse_sms.smpp.session import UNANSWERED, UNSENT, Answer, Delivery, Session
from hypothesis import given
from hypothesis import strategies as st
from sms_scene import Caller, in_loop, quick, scripted

OK: Answer = (0, b"id\0")


def ignore(session: Session, deliveries: list[Delivery]) -> None:
    """Take deliveries without answering them."""


async def connect(port: int, window: int = 10, timeout: float = 5, enquire_every: float = 60) -> Session:
    _, session = await asyncio.get_running_loop().create_connection(
        lambda: Session(window, timeout, enquire_every, ignore), "127.0.0.1", port
    )
    return session


async def finish(session: Session) -> str:
    session.end("The test is over.")
    return await session.lost


@in_loop
async def test_a_window_leaves_in_one_write_and_never_more(monkeypatch: pytest.MonkeyPatch) -> None:
    chunks: list[list[int]] = []
    writes: list[int] = []

    async def script(caller: Caller) -> None:
        for size in (4, 4, 2):
            asked = await caller.submits(size)
            chunks.append([len(chunk) for chunk in caller.chunks])
            caller.chunks = []
            for one in asked:
                caller.answer(one, b"id\0")

    async with scripted(script) as port:
        session = await connect(port, window=4)
        assert session._transport is not None
        write = session._transport.write

        def counted(pdus: bytes) -> None:
            writes.append(len(pdus))
            write(pdus)

        monkeypatch.setattr(session._transport, "write", counted)
        answers = await session.submit([b"x" * 100] * 10)
        await finish(session)
    assert answers == [OK] * 10
    assert writes == [4 * 116, 4 * 116, 2 * 116]
    assert chunks == [[size] for size in writes]


@in_loop
async def test_one_answer_makes_room_for_one() -> None:
    async def script(caller: Caller) -> None:
        waiting = await caller.submits(3)
        for _ in range(17):
            caller.answer(waiting.pop(0), b"id\0")
            waiting += await caller.submits(1)
            assert len(waiting) == 3
        for one in waiting:
            caller.answer(one, b"id\0")

    async with scripted(script) as port:
        session = await connect(port, window=3)
        assert await session.submit([b"x"] * 20) == [OK] * 20
        await finish(session)


@in_loop
async def test_batches_at_once_share_the_window_and_keep_their_answers() -> None:
    async def script(caller: Caller) -> None:
        while True:
            asked = await caller.next(SUBMIT_SM)
            caller.answer(asked, asked[3])

    async with scripted(script) as port:
        session = await connect(port, window=3)
        batches = [[b"%d-%d\0" % (batch, place) for place in range(20)] for batch in range(5)]
        answers = await asyncio.gather(*(session.submit(bodies) for bodies in batches))
        await finish(session)
    assert answers == [[(0, body) for body in bodies] for bodies in batches]


@in_loop
async def test_nothing_waits_for_acknowledgements_of_the_network() -> None:
    """A peer that delays its TCP acknowledgements must not slow fifty windows down (40 ms each if it did)."""

    async def script(caller: Caller) -> None:
        peer: socket.socket = caller.writer.get_extra_info("socket")
        while True:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
            for asked in await caller.submits(2):
                caller.answer(asked, b"id\0")

    async with scripted(script) as port:
        session = await connect(port, window=2)
        started = asyncio.get_running_loop().time()
        assert await session.submit([b"x" * 100] * 100) == [OK] * 100
        assert asyncio.get_running_loop().time() - started < 1
        assert session._transport is not None
        own: socket.socket = session._transport.get_extra_info("socket")
        assert own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        await finish(session)


@in_loop
async def test_an_answer_that_does_not_come_in_time_is_given_up_alone() -> None:
    async def script(caller: Caller) -> None:
        first, second = await caller.submits(2)
        caller.answer(second, b"id\0")
        (third,) = await caller.submits(1)
        caller.answer(first, b"late\0")
        caller.answer(third, b"id\0")

    async with scripted(script) as port:
        session = await connect(port, window=2, timeout=0.2)
        assert await session.submit([b"1", b"2"]) == [UNANSWERED, OK]
        assert await session.submit([b"3"]) == [OK]
        await finish(session)


@in_loop
async def test_when_the_line_breaks_what_was_written_is_told_from_what_was_not() -> None:
    async def script(caller: Caller) -> None:
        first, *_ = await caller.submits(3)
        caller.answer(first, b"id\0")
        await caller.submits(1)

    async with scripted(script) as port:
        session = await connect(port, window=3)
        answers = await session.submit([b"x"] * 6)
        reason = await session.lost
        assert await session.submit([b"y"]) == [UNSENT]
    assert answers == [OK, UNANSWERED, UNANSWERED, UNANSWERED, UNSENT, UNSENT]
    assert reason == "The SMSC closed the connection."


@in_loop
async def test_a_silent_peer_is_asked_and_kept_while_it_answers() -> None:
    asked = asyncio.Event()

    async def script(caller: Caller) -> None:
        for _ in range(3):
            caller.answer(await caller.next(ENQUIRE_LINK))
        asked.set()

    async with scripted(script) as port:
        session = await connect(port, enquire_every=0.05)
        await asked.wait()
        assert not session.lost.done() or "closed" in session.lost.result()
        await finish(session)


@in_loop
async def test_a_peer_that_stays_silent_is_left() -> None:
    async def script(caller: Caller) -> None:
        await caller.next(ENQUIRE_LINK)
        await caller.next()

    async with scripted(script) as port:
        session = await connect(port, timeout=0.1, enquire_every=0.05)
        assert "did not answer enquire_link" in await session.lost


@in_loop
async def test_a_peer_that_stops_reading_is_left_too() -> None:
    gate = asyncio.Event()

    async def script(caller: Caller) -> None:
        await gate.wait()

    async with scripted(script) as port:
        session = await connect(port, window=10_000, timeout=0.2, enquire_every=0.1)
        answers = await session.submit([b"x" * 60_000] * 1000)
        assert "did not answer enquire_link" in await session.lost
        gate.set()
    assert set(answers) <= {UNANSWERED, UNSENT}


@in_loop
async def test_requests_of_the_smsc_are_answered() -> None:
    async def script(caller: Caller) -> None:
        caller.send(frame(ENQUIRE_LINK, 5), frame(0x0103, 6, b"data_sm"), frame(UNBIND, 7))
        assert await caller.next() == (ENQUIRE_LINK_RESP, 0, 5, b"")
        assert await caller.next() == (GENERIC_NACK, 3, 6, b"")
        assert await caller.next() == (UNBIND_RESP, 0, 7, b"")
        with pytest.raises(EOFError):
            await caller.next()

    async with scripted(script) as port:
        session = await connect(port)
        assert await session.lost == "The SMSC ended the session (unbind)."


@in_loop
async def test_a_generic_nack_answers_its_request() -> None:
    async def script(caller: Caller) -> None:
        asked = await caller.next(SUBMIT_SM)
        caller.send(frame(GENERIC_NACK, asked[2], status=3))

    async with scripted(script) as port:
        session = await connect(port)
        assert await session.submit([b"x"]) == [(3, b"")]
        await finish(session)


@pytest.mark.parametrize("length", [3, 0, 0x7FFFFFFF])
def test_what_is_no_pdu_ends_the_session_with_a_reason(length: int) -> None:
    @in_loop
    async def run() -> None:
        async def script(caller: Caller) -> None:
            asked = await caller.submits(2)
            caller.answer(asked[0], b"id\0")
            caller.send(HEADER.pack(length, SUBMIT_SM, 0, 1))
            assert (await caller.next(GENERIC_NACK))[1] == 2

        async with scripted(script) as port:
            session = await connect(port)
            answers = await session.submit([b"x", b"y"])
            assert f"claims {length} octets" in await session.lost
        assert answers == [OK, UNANSWERED]

    run()


@quick
@given(st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=5))
def test_no_rubbish_does_more_than_end_the_session(rubbish: list[bytes]) -> None:
    """Whatever comes, in whatever pieces, the session ends with a reason or goes on; the loop lives."""

    async def script(caller: Caller) -> None:
        for piece in rubbish:
            caller.send(piece)
            await caller.writer.drain()
        caller.writer.write_eof()
        await caller.stream.read()

    @in_loop
    async def run() -> None:
        async with scripted(script) as port:
            session = await connect(port)
            answers = await session.submit([b"x"])
            assert len(answers) == 1
            assert await session.lost

    run()


@in_loop
async def test_what_is_held_back_is_never_late() -> None:
    """While the house cannot take more in nothing is read, and no answer is overdue, nor just after."""
    release = asyncio.Event()

    async def script(caller: Caller) -> None:
        first, second = await caller.submits(2)
        caller.answer(first, b"id\0")
        await release.wait()
        caller.answer(second, b"id\0")
        await caller.wait_closed()

    async with scripted(script) as port:
        session = await connect(port, timeout=0.2)
        first = asyncio.create_task(session.submit([b"x"]))
        second = asyncio.create_task(session.submit([b"y"]))
        await asyncio.sleep(0)
        session.hold(True)
        done, _ = await asyncio.wait([first, second], timeout=0.4)
        assert not done
        session.hold(False)
        done, _ = await asyncio.wait([second], timeout=0.1)
        assert not done
        release.set()
        assert await first == await second == [OK]
        await finish(session)


@in_loop
async def test_a_cancelled_batch_sends_nothing_more() -> None:
    received: list[bytes] = []

    async def script(caller: Caller) -> None:
        (first,) = await caller.submits(1)
        received.append(first[3])
        caller.answer(first, b"id\0")
        while True:
            asked = await caller.next(SUBMIT_SM)
            received.append(asked[3])
            caller.answer(asked, b"id\0")

    async with scripted(script) as port:
        session = await connect(port, window=1)
        cancelled = asyncio.create_task(session.submit([b"1", b"2", b"3"]))
        await asyncio.sleep(0)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        assert await session.submit([b"4"]) == [OK]
        await finish(session)
    assert received == [b"1", b"4"]


@in_loop
async def test_deliveries_of_one_chunk_arrive_in_one_call() -> None:
    calls: list[list[int]] = []
    arrived = asyncio.Event()

    def take(session: Session, deliveries: list[Delivery]) -> None:
        calls.append([sequence for sequence, _ in deliveries])
        session.reply(b"".join(frame(DELIVER_SM_RESP, sequence, b"\0") for sequence, _ in deliveries))
        arrived.set()

    async def script(caller: Caller) -> None:
        caller.send(*(frame(DELIVER_SM, sequence, b"x") for sequence in range(1, 51)))
        assert [(await caller.next())[2] for _ in range(50)] == list(range(1, 51))
        assert len(caller.chunks) == 1

    async with scripted(script) as port:
        _, session = await asyncio.get_running_loop().create_connection(
            lambda: Session(1, 5, 60, take), "127.0.0.1", port
        )
        await arrived.wait()
        await session.lost
    assert calls == [list(range(1, 51))]
