"""What an SMSC delivers to the SMPP provider: each taken in once it is durable, and answered, whatever it is."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from connectpulse_sms.simulator.options import Options
from connectpulse_sms.simulator.smsc import Smsc
from connectpulse_sms.smpp.pdu import (
    DELIVER_SM,
    DELIVER_SM_RESP,
    TAG_RECEIPTED_MESSAGE_ID,
    UNBIND,
    Message,
    frame,
)
from connectpulse_sms.smpp.provider import SmppProvider
from hypothesis import given
from hypothesis import strategies as st
from sms_scene import Caller, Inbox, in_loop, messages, opened, provider_for, quick, scripted

from connectpulse.core.api import (
    Inbound,
)

LONG = "A text that takes several parts. " * 12


def receipt(reference: str, state: int = 2) -> bytes:
    tlvs = {TAG_RECEIPTED_MESSAGE_ID: reference.encode() + b"\0", 0x0427: bytes((state,))}
    return Message(b"923000000001", b"ACME", b"", esm_class=4, tlvs=tlvs).encode()


@in_loop
async def test_receipts_that_missed_one_session_come_in_the_next() -> None:
    inbox = Inbox()
    async with Smsc(Options(receipt_delay=0.05)) as smsc:
        async with opened(smsc.port, inbox) as provider:
            await provider.send_batch(messages(10))
        assert inbox.events == []
        async with opened(smsc.port, inbox):
            await inbox.receive(10)
    assert smsc.waiting() == 0


@in_loop
async def test_what_was_not_taken_in_is_delivered_again() -> None:
    inbox = Inbox(failures=2)
    async with Smsc(Options(retry_after=0.01)) as smsc, opened(smsc.port, inbox) as provider:
        await provider.send_batch(messages(5))
        events = await inbox.receive(5)
    assert inbox.failures == 0
    assert len(events) == 5
    assert smsc.waiting() == 0


@in_loop
async def test_a_delivery_is_answered_only_once_it_is_durable() -> None:
    stored = asyncio.Event()
    answered: list[tuple[int, bool]] = []

    async def script(caller: Caller) -> None:
        await caller.bind()
        caller.send(frame(DELIVER_SM, 1, receipt("a")), frame(DELIVER_SM, 2, receipt("b")))
        for _ in range(2):
            found = await caller.next(DELIVER_SM_RESP)
            answered.append((found[1], stored.is_set()))
        await caller.wait_closed()

    async def intake(events: object) -> None:
        await asyncio.sleep(0.05)
        stored.set()

    async with scripted(script) as port:
        provider = SmppProvider({"host": "127.0.0.1", "port": port, "system_id": "x"}, intake)
        await provider.open()
        await stored.wait()
        await provider.close()
    assert answered == [(0, True), (0, True)]


@in_loop
async def test_closing_waits_for_what_is_being_taken_in() -> None:
    taking, gate = asyncio.Event(), asyncio.Event()
    commands: list[int] = []

    async def script(caller: Caller) -> None:
        await caller.bind()
        caller.send(frame(DELIVER_SM, 1, receipt("a")))
        for _ in range(2):
            found = await caller.next()
            commands.append(found[0])
        caller.answer(found)
        await caller.wait_closed()

    async def intake(events: object) -> None:
        taking.set()
        await gate.wait()

    async with scripted(script) as port:
        provider = SmppProvider({"host": "127.0.0.1", "port": port, "system_id": "x"}, intake)
        await provider.open()
        await taking.wait()
        closing = asyncio.create_task(provider.close())
        await asyncio.wait([closing], timeout=0.05)
        gate.set()
        await closing
    assert commands == [DELIVER_SM_RESP, UNBIND]


@in_loop
async def test_many_chunks_share_few_intake_calls_and_all_are_answered() -> None:
    """While eight calls are under way, what comes waits for the ninth, together."""
    under_way = most = calls = 0
    count = 2000

    async def script(caller: Caller) -> None:
        await caller.bind()
        for sequence in range(1, count + 1):
            caller.send(frame(DELIVER_SM, sequence, receipt(f"m{sequence}")))
            await caller.writer.drain()
            await asyncio.sleep(0)
        answered = {(await caller.next(DELIVER_SM_RESP))[1:3] for _ in range(count)}
        assert answered == {(0, sequence) for sequence in range(1, count + 1)}
        complete.set()
        await caller.wait_closed()

    async def intake(events: object) -> None:
        nonlocal under_way, most, calls
        under_way += 1
        calls += 1
        most = max(most, under_way)
        await asyncio.sleep(0.005)
        under_way -= 1

    complete = asyncio.Event()
    async with scripted(script) as port:
        provider = SmppProvider({"host": "127.0.0.1", "port": port, "system_id": "x"}, intake)
        await provider.open()
        await complete.wait()
        await provider.close()
    assert most <= 8
    assert calls < count


@in_loop
async def test_each_session_gets_the_answers_to_its_own_deliveries() -> None:
    firsts = iter((1, 1000))
    complete: list[int] = []

    async def script(caller: Caller) -> None:
        await caller.bind()
        first = next(firsts)
        for sequence in range(first, first + 100):
            caller.send(frame(DELIVER_SM, sequence, receipt(f"m{sequence}")))
            await asyncio.sleep(0)
        answered = {(await caller.next(DELIVER_SM_RESP))[2] for _ in range(100)}
        assert answered == set(range(first, first + 100))
        complete.append(first)
        if len(complete) == 2:
            both.set()
        await caller.wait_closed()

    async def intake(events: object) -> None:
        await asyncio.sleep(0.002)

    both = asyncio.Event()
    async with scripted(script) as port:
        provider = SmppProvider({"host": "127.0.0.1", "port": port, "system_id": "x", "bind_mode": "pair"}, intake)
        await provider.open()
        await both.wait()
        await provider.close()


@in_loop
async def test_reading_stops_while_too_much_waits_and_goes_on_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectpulse_sms.smpp.deliveries.MOST_WAITING", 5)
    gate, complete, taken = asyncio.Event(), asyncio.Event(), 0

    async def script(caller: Caller) -> None:
        await caller.bind()
        for sequence in range(1, 201):
            caller.send(frame(DELIVER_SM, sequence, receipt(f"m{sequence}")))
            await asyncio.sleep(0)
        while not provider._sessions[0]._is_held:
            await asyncio.sleep(0)
        gate.set()
        assert {(await caller.next(DELIVER_SM_RESP))[2] for _ in range(200)} == set(range(1, 201))
        complete.set()
        await caller.wait_closed()

    async def intake(events: Sequence[object]) -> None:
        nonlocal taken
        await gate.wait()
        taken += len(events)

    async with scripted(script) as port:
        provider = SmppProvider({"host": "127.0.0.1", "port": port, "system_id": "x"}, intake)
        await provider.open()
        await complete.wait()
        await provider.close()
    assert taken == 200


@in_loop
async def test_an_unreadable_delivery_is_refused_alone() -> None:
    inbox = Inbox()
    statuses: dict[int, int] = {}

    async def script(caller: Caller) -> None:
        await caller.bind()
        caller.send(frame(DELIVER_SM, 1, b"rubbish"), frame(DELIVER_SM, 2, receipt("b")))
        for _ in range(2):
            _, status, sequence, _ = await caller.next(DELIVER_SM_RESP)
            statuses[sequence] = status
        await caller.wait_closed()

    async with scripted(script) as port, opened(port, inbox):
        await inbox.receive(1)
    assert statuses == {1: 0x65, 2: 0}


octet = st.integers(0, 255)
tags = st.sampled_from([0x001E, 0x020C, 0x020E, 0x020F, 0x0423, 0x0424, 0x0427, 0x1401])
anything = st.builds(
    lambda text, esm_class, coding, tlvs: Message(b"92300", b"8558", text, esm_class, coding, tlvs).encode(),
    st.binary(max_size=100),
    octet,
    octet,
    st.dictionaries(tags, st.binary(max_size=8), max_size=4),
)
deliveries = st.lists(st.one_of(st.binary(max_size=40), anything), min_size=1, max_size=20)


@quick
@given(deliveries)
def test_every_delivery_is_answered_whatever_it_holds(sent: list[bytes]) -> None:
    async def script(caller: Caller) -> None:
        await caller.bind()
        caller.send(*(frame(DELIVER_SM, sequence, body) for sequence, body in enumerate(sent, start=1)))
        answers = [await caller.next(DELIVER_SM_RESP) for _ in sent]
        assert {found[2] for found in answers} == set(range(1, len(sent) + 1))
        assert {found[1] for found in answers} <= {0, 0x65}
        complete.set()
        await caller.wait_closed()

    complete = asyncio.Event()

    @in_loop
    async def run() -> None:
        async with scripted(script) as port, opened(port, Inbox()):
            await complete.wait()
        complete.clear()

    run()


@in_loop
async def test_people_write_to_us() -> None:
    inbox = Inbox()
    before = datetime.now(UTC)
    async with Smsc() as smsc, opened(smsc.port, inbox):
        assert smsc.receive("+923001234567", "8558", "STOP") == 1
        assert smsc.receive("+923001234567", "8558", "بند کرو " * 30) == 4
        await inbox.receive(2)
    short, long = inbox.events
    assert isinstance(short, Inbound)
    assert isinstance(long, Inbound)
    assert (short.address, short.recipient, short.text) == ("+923001234567", "8558", "STOP")
    assert long.text == "بند کرو " * 30
    assert short.received_at is not None
    assert short.received_at >= before


@in_loop
async def test_a_long_message_survives_an_intake_that_fails_at_its_last_part() -> None:
    inbox = Inbox(failures=1)
    async with Smsc(Options(retry_after=0.01, delivery_window=1)) as smsc, opened(smsc.port, inbox):
        smsc.receive("+923001234567", "8558", LONG)
        (event,) = await inbox.receive(1)
    assert isinstance(event, Inbound)
    assert event.text == LONG


@in_loop
async def test_an_unfinished_message_is_handed_on_when_the_session_closes() -> None:
    inbox = Inbox()
    part = Message(b"923001234567", b"8558", b"\x05\x00\x03\x01\x02\x01half", esm_class=0x40).encode()
    taken = asyncio.Event()

    async def script(caller: Caller) -> None:
        await caller.bind()
        caller.send(frame(DELIVER_SM, 1, part))
        await caller.next(DELIVER_SM_RESP)
        taken.set()
        await caller.wait_closed()

    async with scripted(script) as port:
        async with opened(port, inbox):
            await taken.wait()
            assert inbox.events == []
        (event,) = inbox.events
    assert isinstance(event, Inbound)
    assert event.text == "half"


@in_loop
async def test_an_unfinished_message_is_handed_on_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectpulse_sms.smpp.provider.SWEEP_SECONDS", 0.01)
    inbox = Inbox()
    part = Message(b"923001234567", b"8558", b"\x05\x00\x03\x01\x02\x01half", esm_class=0x40).encode()

    async def script(caller: Caller) -> None:
        await caller.bind()
        caller.send(frame(DELIVER_SM, 1, part))
        await caller.wait_closed()

    async with scripted(script) as port:
        provider = provider_for(port, inbox)
        provider._joiner._patience = 0.02
        await provider.open()
        await inbox.receive(1)
        await provider.close()
    assert len(inbox.events) == 1


@in_loop
async def test_people_are_read_in_the_alphabet_of_the_connection() -> None:
    inbox = Inbox()
    body = Message(b"923001234567", b"8558", "Größe @".encode("latin-1")).encode()

    async def script(caller: Caller) -> None:
        await caller.bind()
        caller.send(frame(DELIVER_SM, 1, body))
        await caller.wait_closed()

    async with scripted(script) as port, opened(port, inbox, alphabet="latin1"):
        (event,) = await inbox.receive(1)
    assert isinstance(event, Inbound)
    assert event.text == "Größe @"
