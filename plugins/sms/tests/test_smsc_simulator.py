"""The simulator, driven by clients we did not write: `smpp34` (Rust) and `smpplib`."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import smpp34
import smpplib.client
import smpplib.exceptions
import smpplib.gsm
from connectpulse_sms.simulator.__main__ import main
from connectpulse_sms.simulator.control import control
from connectpulse_sms.simulator.network import Network
from connectpulse_sms.simulator.options import Options
from connectpulse_sms.simulator.smsc import Smsc
from connectpulse_sms.smpp.pdu import (
    BIND_RECEIVER,
    BIND_TRANSCEIVER,
    DELIVER_SM,
    DELIVER_SM_RESP,
    SUBMIT_SM,
    SUBMIT_SM_RESP,
    Frame,
    Message,
    frame,
)
from hypothesis import given
from hypothesis import strategies as st
from sms_scene import Caller, Inbox, in_loop, messages, opened, quick, submission


@asynccontextmanager
async def rust(port: int, bind_type: str = "TRX") -> AsyncIterator[smpp34.Smsc]:
    """Bind the client of `smpp34`."""
    client = smpp34.Client("127.0.0.1", port, "pulse", "pulse", bind_type=bind_type)
    bound = await client.connect()
    try:
        yield bound
    finally:
        await client.stop()


async def delivered(client: smpp34.Smsc) -> smpp34.DeliverSmEvent:
    """Return the next deliver_sm."""
    event = await client.next()
    assert isinstance(event, smpp34.DeliverSmEvent)
    return event


async def submit(client: smpp34.Smsc, number: int, text: bytes = b"Hello", **fields: Any) -> smpp34.SubmitSmResp:
    return await client.submit_sm(
        f"92300{number:07d}", text, source_addr="ACME", source_addr_ton=5, registered_delivery=1, **fields
    )


@asynccontextmanager
async def dialled(port: int) -> AsyncIterator[Caller]:
    """Bind by hand, for what no client would do."""
    caller = Caller(*await asyncio.open_connection("127.0.0.1", port))
    caller.send(frame(BIND_TRANSCEIVER, 1, b"pulse\0pulse\0\0\x34\0\0\0"))
    assert (await caller.next())[1] == 0
    try:
        yield caller
    finally:
        caller.writer.close()


def body(number: int) -> bytes:
    return Message(b"ACME", b"92300%07d" % number, b"Hello", registered_delivery=1).encode()


@in_loop
async def test_the_rust_client_sends_and_gets_its_receipts() -> None:
    async with Smsc() as smsc, rust(smsc.port) as client:
        answers = await asyncio.gather(*(submit(client, number) for number in range(50)))
        assert all(answer.is_success for answer in answers)
        receipts = [await delivered(client) for _ in answers]
        ids = {answer.message_id for answer in answers}
        assert {tlv.as_string() for one in receipts for tlv in one.tlvs if tlv.tag == 0x001E} == ids
        assert {tlv.as_int() for one in receipts for tlv in one.tlvs if tlv.tag == 0x0427} == {2}
        assert all(b"stat:DELIVRD" in one.short_message and one.esm_class == 4 for one in receipts)
        assert smsc.record.summary() == {
            "parts": 50, "distinct": 50, "duplicates": 0, "messages": 50, "incomplete": 0,
            "states": {"DELIVRD": 50}, "refused": {}, "delivered": 50, "undeliverable": 0,
        }  # fmt: skip


@in_loop
async def test_smpplib_sends_in_parts_and_gets_its_receipts() -> None:
    text = "A text of several parts. " * 10

    def run(port: int) -> list[str]:
        client = smpplib.client.Client("127.0.0.1", port, allow_unknown_opt_params=True)
        reported: list[str] = []
        client.set_message_sent_handler(lambda pdu: None)
        client.set_message_received_handler(lambda pdu: reported.append(pdu.receipted_message_id.decode()))
        client.connect()
        client.bind_transceiver(system_id="pulse", password="pulse")
        parts, coding, kind = smpplib.gsm.make_parts(text)
        for part in parts:
            client.send_message(
                source_addr_ton=5, source_addr="ACME", dest_addr_ton=1, destination_addr="923001234567",
                short_message=part, data_coding=coding, esm_class=kind, registered_delivery=True,
            )  # fmt: skip
        while len(reported) < len(parts):
            client.read_once()
        client.unbind()
        client.disconnect()
        return reported

    async with Smsc() as smsc:
        assert sorted(await asyncio.to_thread(run, smsc.port)) == ["1", "2"]
        assert smsc.record.find("+923001234567") == [{"from": "ACME", "text": text, "parts": 2, "state": "DELIVRD"}]
        assert smsc.record.summary()["messages"] == 1


@in_loop
async def test_a_transmitter_hears_nothing_and_a_receiver_gets_it_all() -> None:
    async with Smsc() as smsc, rust(smsc.port, bind_type="TX") as sender:
        await submit(sender, 1)
        async with rust(smsc.port, bind_type="RX") as receiver:
            assert b"stat:DELIVRD" in (await delivered(receiver)).short_message


@in_loop
async def test_strangers_are_refused() -> None:
    def bind(port: int, system_id: str, password: str) -> None:
        client = smpplib.client.Client("127.0.0.1", port, allow_unknown_opt_params=True)
        client.connect()
        try:
            client.bind_transceiver(system_id=system_id, password=password)
        finally:
            client.disconnect()

    async with Smsc() as smsc:
        for system_id, password, status in (("pulse", "wrong", 0x0E), ("stranger", "pulse", 0x0F)):
            with pytest.raises(smpplib.exceptions.PDUError) as refused:
                await asyncio.to_thread(bind, smsc.port, system_id, password)
            assert status in refused.value.args
        caller = Caller(*await asyncio.open_connection("127.0.0.1", smsc.port))
        caller.send(frame(SUBMIT_SM, 1, body(1)))
        assert (await caller.next())[:2] == (SUBMIT_SM_RESP, 0x04)
        caller.writer.close()


@in_loop
async def test_a_second_bind_is_refused_and_the_first_stands() -> None:
    async with Smsc() as smsc, dialled(smsc.port) as caller:
        caller.send(frame(BIND_RECEIVER, 2, b"pulse\0pulse\0\0\x34\0\0\0"), frame(SUBMIT_SM, 3, body(1)))
        assert (await caller.next())[1] == 0x05
        assert (await caller.next())[:2] == (SUBMIT_SM_RESP, 0)


def test_a_destinations_fate_is_the_same_in_every_run_and_shares_are_kept() -> None:
    options = Options(undeliverable=20, expired=10, rejected=5, seed=3)
    destinations = [b"92300%07d" % number for number in range(5000)]
    fates = [Network(options).fate(destination) for destination in destinations]
    assert fates == [Network(options).fate(destination) for destination in destinations]
    for state, share in (("UNDELIV", 0.20), ("EXPIRED", 0.10), ("REJECTD", 0.05), ("DELIVRD", 0.65)):
        assert abs(fates.count(state) / len(fates) - share) < 0.03
    assert fates != [Network(Options(undeliverable=20, seed=4)).fate(destination) for destination in destinations]
    with pytest.raises(ValueError, match="110 percent"):
        Options(undeliverable=60, expired=50)


@in_loop
async def test_every_nth_is_throttled_and_the_rest_recorded() -> None:
    async with Smsc(Options(throttle_every=3)) as smsc, rust(smsc.port) as client:
        statuses = [(await submit(client, number)).command_status for number in range(9)]
        assert statuses == [0, 0, 0x58] * 3
        assert smsc.record.summary()["refused"] == {"0x58": 3}


@in_loop
async def test_more_than_a_rate_is_throttled() -> None:
    async with Smsc(Options(most_per_second=5)) as smsc, dialled(smsc.port) as caller:
        caller.send(*(frame(SUBMIT_SM, number, body(number)) for number in range(100)))
        statuses = [(await caller.next(SUBMIT_SM_RESP))[1] for _ in range(100)]
        assert statuses[:5] == [0] * 5
        assert statuses.count(0) <= 10
        assert set(statuses) == {0, 0x58}


@in_loop
async def test_destinations_are_refused_by_table() -> None:
    async with Smsc(Options(refuse={"+923000000007": 0x0B})) as smsc, rust(smsc.port) as client:
        assert (await submit(client, 7)).command_status == 0x0B
        assert (await submit(client, 8)).is_success


@in_loop
async def test_repetitions_are_counted() -> None:
    async with Smsc() as smsc, opened(smsc.port, Inbox()) as provider:
        long = "A text of several parts. " * 10
        for _ in range(2):
            await provider.send_batch([*messages(3), submission(1, long)])
        summary = smsc.record.summary()
        assert (summary["parts"], summary["distinct"], summary["duplicates"]) == (10, 5, 5)
        assert (summary["messages"], summary["incomplete"]) == (8, 0)
        assert [one["text"] for one in smsc.record.find("+923000000001")].count(long) == 2


@in_loop
async def test_an_incomplete_message_is_told_apart() -> None:
    part = Message(b"ACME", b"923000000001", b"\x05\x00\x03\x01\x02\x01half", esm_class=0x40).encode()
    async with Smsc() as smsc, dialled(smsc.port) as caller:
        caller.send(frame(SUBMIT_SM, 1, part))
        await caller.next(SUBMIT_SM_RESP)
        assert smsc.record.summary() | {"messages": 0, "incomplete": 1, "states": {}} == smsc.record.summary()


@in_loop
async def test_a_receipt_is_repeated_until_it_is_answered_well() -> None:
    async with Smsc(Options(retry_after=0.01)) as smsc, dialled(smsc.port) as caller:
        caller.send(frame(SUBMIT_SM, 1, body(1)))
        first = await caller.next(DELIVER_SM)
        caller.answer(first, b"\0", status=0x64)
        second = await caller.next(DELIVER_SM)
        assert first[3] == second[3]
        assert smsc.waiting() == 1
        caller.answer(second, b"\0")
        caller.send(frame(0x15, 9))
        await caller.next(0x80000015)
        assert smsc.waiting() == 0


@in_loop
async def test_an_unanswered_receipt_comes_in_the_next_session() -> None:
    async with Smsc() as smsc:
        async with dialled(smsc.port) as caller:
            caller.send(frame(SUBMIT_SM, 1, body(1)))
            first = await caller.next(DELIVER_SM)
        async with dialled(smsc.port) as caller:
            assert (await caller.next(DELIVER_SM))[3] == first[3]


@in_loop
async def test_a_receipt_in_flight_moves_to_another_session_of_the_account() -> None:
    async with Smsc() as smsc, dialled(smsc.port) as other:
        async with dialled(smsc.port) as caller:
            caller.send(frame(SUBMIT_SM, 1, body(1)))
            first = await caller.next(DELIVER_SM)
        assert (await other.next(DELIVER_SM))[3] == first[3]


async def exchange(options: Options, count: int) -> list[Frame]:
    """Submit by hand and return all that comes back, receipts being answered."""
    async with Smsc(options) as smsc, dialled(smsc.port) as caller:
        caller.send(*(frame(SUBMIT_SM, number, body(number)) for number in range(count)))
        found = []
        receipts = count * (2 if options.is_duplicated else 1)
        while receipts:
            found.append(await caller.next())
            if found[-1][0] == DELIVER_SM:
                receipts -= 1
                caller.send(frame(DELIVER_SM_RESP, found[-1][2], b"\0"))
        return found


@pytest.mark.parametrize("is_early", [True, False])
def test_receipts_before_or_after_their_answers(is_early: bool) -> None:
    @in_loop
    async def run() -> None:
        commands = [found[0] for found in await exchange(Options(is_early=is_early), 5)]
        assert commands == ([] if is_early else [SUBMIT_SM_RESP] * 5) + [DELIVER_SM] * 5

    run()


@in_loop
async def test_receipts_out_of_order_and_twice() -> None:
    plain = [found[3] for found in await exchange(Options(), 20) if found[0] == DELIVER_SM]
    shuffled = [found[3] for found in await exchange(Options(is_shuffled=True), 20) if found[0] == DELIVER_SM]
    doubled = [found[3] for found in await exchange(Options(is_duplicated=True), 20) if found[0] == DELIVER_SM]
    assert plain != shuffled
    assert sorted(plain) == sorted(shuffled)
    assert sorted(plain * 2) == sorted(doubled)


@in_loop
async def test_no_more_receipts_than_the_window_are_under_way() -> None:
    async with Smsc(Options(delivery_window=2)) as smsc, dialled(smsc.port) as caller:
        caller.send(*(frame(SUBMIT_SM, number, body(number)) for number in range(5)))
        taken = [await caller.next(DELIVER_SM) for _ in range(2)]
        assert [len(link.unanswered) for link in smsc.links] == [2]
        for _ in range(3):
            caller.answer(taken.pop(0), b"\0")
            taken.append(await caller.next(DELIVER_SM))


@quick
@given(st.binary(min_size=1, max_size=200))
def test_no_rubbish_ends_the_simulator(rubbish: bytes) -> None:
    @in_loop
    async def run() -> None:
        async with Smsc() as smsc:
            async with dialled(smsc.port) as caller:
                caller.send(rubbish)
                caller.writer.write_eof()
                await caller.stream.read()
            async with rust(smsc.port) as client:
                assert (await submit(client, 1)).is_success

    run()


@in_loop
async def test_the_control_endpoint() -> None:
    async with Smsc() as smsc, control(smsc) as port, aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
        async with http.get("/healthz") as answer:
            assert await answer.json() == {"status": "ok"}
        async with rust(smsc.port) as client:
            await submit(client, 1, "سلام".encode("utf-16-be"), data_coding=8)
            await delivered(client)
            person = {"from": "+923001234567", "to": "8558", "text": "جی ہاں " * 20}
            async with http.post("/inbound", json=person) as answer:
                assert await answer.json() == {"parts": 3}
            assert [(await delivered(client)).esm_class for _ in range(3)] == [0x40] * 3
        async with http.get("/record") as answer:
            assert (await answer.json())["messages"] == 1
        async with http.get("/record/+923000000001") as answer:
            expected = [{"from": "ACME", "text": "سلام", "parts": 1, "state": "DELIVRD"}]
            assert await answer.json() == expected
        async with http.post("/reset") as answer:
            assert answer.status == 200
        async with http.get("/record") as answer:
            summary = await answer.json()
        assert (summary["parts"], summary["waiting"]) == (0, 0)


@pytest.mark.parametrize("asked", [b"", b"[]", b'{"from": "+1"}', b'{"from": 1, "to": "2", "text": "x"}'])
def test_a_wrong_request_is_told_what_is_wrong(asked: bytes) -> None:
    @in_loop
    async def run() -> None:
        async with Smsc() as smsc, control(smsc) as port, aiohttp.ClientSession() as http:
            answer = await http.post(f"http://127.0.0.1:{port}/inbound", data=asked)
            assert answer.status == 400
            assert "Send JSON with from, to and text" in (await answer.json())["error"]

    run()


@in_loop
async def test_the_command_prints_its_ports_and_ends_at_sigterm() -> None:
    options = ("--account", "shop:secret", "--refuse", "923000000007=0x0B", "--undeliverable", "100")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "connectpulse_sms.simulator", *options, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    ports = json.loads(await process.stdout.readline())
    client = smpp34.Client("127.0.0.1", ports["smpp_port"], "shop", "secret")
    bound = await client.connect()
    assert (await submit(bound, 7)).command_status == 0x0B
    assert (await submit(bound, 8)).is_success
    assert b"stat:UNDELIV" in (await delivered(bound)).short_message
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{ports['control_port']}/record") as answer:
        assert (await answer.json())["refused"] == {"0x0B": 1}
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
    await client.stop()


@pytest.mark.parametrize("wrong", [["--undeliverable", "101"], ["--refuse", "923=often"], ["--account", "shop"]])
def test_the_command_refuses_what_makes_no_sense(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(wrong)
    assert "error:" in capsys.readouterr().err
