"""The SMPP provider against the simulator, and against an SMSC on strings where things must go wrong."""

import asyncio
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from connectpulse_sms.simulator.options import Options
from connectpulse_sms.simulator.samples import peer
from connectpulse_sms.simulator.smsc import Smsc
from connectpulse_sms.smpp.pdu import (
    DELIVER_SM,
    DELIVER_SM_RESP,
    SUBMIT_SM,
    TAG_RECEIPTED_MESSAGE_ID,
    UNBIND,
    Message,
    frame,
)
from connectpulse_sms.smpp.provider import SmppProvider
from connectpulse_sms.smpp.settings import FORM, Settings
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from sms_scene import Caller, Inbox, in_loop, messages, opened, provider_for, quick, scripted, submission

from connectpulse.core.api import (
    Accepted,
    ConnectionLost,
    ErrorClass,
    Inbound,
    MessageState,
    Receipt,
    Rejected,
    TryLater,
    Unknown,
)

LONG = "A text that takes several parts. " * 12


def receipt(reference: str, state: int = 2) -> bytes:
    tlvs = {TAG_RECEIPTED_MESSAGE_ID: reference.encode() + b"\0", 0x0427: bytes((state,))}
    return Message(b"923000000001", b"ACME", b"", esm_class=4, tlvs=tlvs).encode()


@in_loop
async def test_a_batch_goes_out_and_its_receipts_come_in() -> None:
    inbox = Inbox()
    async with Smsc(Options(undeliverable=30)) as smsc, opened(smsc.port, inbox, window=7) as provider:
        batch = messages(100)
        outcomes = await provider.send_batch(batch)
        receipts = await inbox.receive(100)
        assert smsc.record.summary()["distinct"] == 100
    references = [outcome.references for outcome in outcomes if isinstance(outcome, Accepted)]
    reported = {event.reference: event for event in receipts if isinstance(event, Receipt)}
    assert {(reference,) for reference in reported} == set(references)
    assert {reported[pair[0]].address for pair in references} == {one.address for one in batch}
    assert {event.state for event in reported.values()} == {MessageState.DELIVERED, MessageState.UNDELIVERABLE}


@in_loop
async def test_batches_may_be_under_way_together() -> None:
    inbox = Inbox()
    async with Smsc() as smsc, opened(smsc.port, inbox, window=5) as provider:
        batches = [[submission(100 * batch + place) for place in range(40)] for batch in range(6)]
        outcomes = await asyncio.gather(*(provider.send_batch(batch) for batch in batches))
        await inbox.receive(240)
        for batch, answered in zip(batches, outcomes, strict=True):
            for one, outcome in zip(batch, answered, strict=True):
                assert isinstance(outcome, Accepted)
                (event,) = (e for e in inbox.events if isinstance(e, Receipt) and e.reference == outcome.references[0])
                assert event.address == one.address


@pytest.mark.parametrize("options", [
    Options(is_early=True),
    Options(is_shuffled=True, is_duplicated=True),
    Options(receipt_delay=0.02),
    Options(receipt_form="text"),
    Options(receipt_form="tlv"),
    Options(delivery_window=1),
])  # fmt: skip
def test_receipts_in_any_order_and_form(options: Options) -> None:
    @in_loop
    async def run() -> None:
        inbox = Inbox()
        async with Smsc(options) as smsc, opened(smsc.port, inbox) as provider:
            outcomes = await provider.send_batch(messages(60))
            await inbox.receive(120 if options.is_duplicated else 60)
        accepted = {outcome.references[0] for outcome in outcomes if isinstance(outcome, Accepted)}
        assert {event.reference for event in inbox.events if isinstance(event, Receipt)} == accepted
        assert smsc.waiting() == 0

    run()


@in_loop
async def test_ids_in_two_bases_meet() -> None:
    inbox = Inbox()
    options = Options(answer_ids="hex", receipt_ids="decimal")
    async with Smsc(options) as smsc, opened(smsc.port, inbox, message_id_base="hex-to-decimal") as provider:
        outcomes = await provider.send_batch(messages(20))
        await inbox.receive(20)
    assert [outcome.references for outcome in outcomes if isinstance(outcome, Accepted)] == [
        (event.reference,) for event in inbox.events if isinstance(event, Receipt)
    ]


@in_loop
async def test_intermediate_states_come_before_the_final_one() -> None:
    inbox = Inbox()
    async with Smsc() as smsc, opened(smsc.port, inbox, receipts="intermediate") as provider:
        await provider.send_batch(messages(1))
        events = await inbox.receive(2)
    assert [event.state for event in events if isinstance(event, Receipt)] == [
        MessageState.SENT,
        MessageState.DELIVERED,
    ]


@in_loop
async def test_a_long_message_is_one_to_its_reader_and_has_a_reference_per_part() -> None:
    for way in ("udh", "sar", "payload"):
        inbox = Inbox()
        async with Smsc() as smsc, opened(smsc.port, inbox, long_text=way) as provider:
            (outcome,) = await provider.send_batch([submission(body=LONG, parts=3)])
            (found,) = smsc.record.find("+923000000001")
        parts = 1 if way == "payload" else 3
        assert isinstance(outcome, Accepted)
        assert (len(outcome.references), found["parts"], found["text"]) == (parts, parts, LONG)


@in_loop
async def test_a_pair_sends_on_one_line_and_hears_on_the_other() -> None:
    inbox = Inbox()
    async with Smsc() as smsc, opened(smsc.port, inbox, bind_mode="pair") as provider:
        assert len(smsc.links) == 2
        await provider.send_batch(messages(30))
        await inbox.receive(30)
        lost = asyncio.create_task(provider.wait_lost())
        smsc.cut()
        await lost


@in_loop
async def test_refusals_become_outcomes_by_the_table() -> None:
    async with peer() as settings, opened(settings["port"], Inbox()) as provider:
        for one, error in SmppProvider.samples().refused:
            (outcome,) = await provider.send_batch([one])
            assert isinstance(outcome, Rejected | TryLater)
            assert outcome.error is error


@in_loop
async def test_what_cannot_be_sent_does_not_hold_up_its_neighbours() -> None:
    batch = [submission(1), submission(2, sender="بینک"), submission(3), submission(4, address="nowhere")]
    async with Smsc() as smsc, opened(smsc.port, Inbox()) as provider:
        outcomes = await provider.send_batch(batch)
    assert [type(outcome) for outcome in outcomes] == [Accepted, Rejected, Accepted, Rejected]


@in_loop
async def test_throttled_messages_are_tried_later() -> None:
    async with Smsc(Options(throttle_every=5)) as smsc, opened(smsc.port, Inbox()) as provider:
        outcomes = await provider.send_batch(messages(20))
    late = [outcome for outcome in outcomes if isinstance(outcome, TryLater)]
    assert len(late) == 4
    assert {(one.error, one.after) for one in late} == {(ErrorClass.THROTTLE, timedelta(seconds=1))}


@in_loop
async def test_no_answer_is_unknown() -> None:
    inbox = Inbox()
    async with Smsc(Options(stall_every=4)) as smsc, opened(smsc.port, inbox, response_timeout=0.2) as provider:
        outcomes = await provider.send_batch(messages(8))
        await inbox.receive(8)
    assert [type(outcome) for outcome in outcomes] == ([Accepted] * 3 + [Unknown]) * 2


@in_loop
async def test_when_the_line_breaks_written_is_unknown_and_unwritten_is_tried_later() -> None:
    async with Smsc(Options(drop_every=10)) as smsc, opened(smsc.port, Inbox(), window=5) as provider:
        outcomes = await provider.send_batch(messages(20))
        await provider.wait_lost()
        with pytest.raises(ConnectionLost, match=r"closed|broke"):
            await provider.send_batch(messages(1))
        kinds = [type(outcome) for outcome in outcomes]
        assert kinds == [Accepted] * 5 + [Unknown] * 5 + [TryLater] * 10
        assert smsc.record.summary()["parts"] == 10
    assert outcomes[-1] == TryLater(timedelta(0), ErrorClass.PROVIDER, "session_ended")


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


@pytest.mark.parametrize(
    ("status", "error", "sentence"),
    [
        (0x0E, ErrorClass.CREDENTIAL, "password is wrong"),
        (0x0F, ErrorClass.CREDENTIAL, "does not know this system id"),
        (0x0D, ErrorClass.CREDENTIAL, "does not admit"),
        (0x05, ErrorClass.CREDENTIAL, "already bound"),
        (0x08, ErrorClass.PROVIDER, "ESME_RSYSERR"),
        (0x401, ErrorClass.PROVIDER, "0x401"),
    ],
)
def test_a_refused_bind_says_whose_fault_it_is(status: int, error: ErrorClass, sentence: str) -> None:
    async def script(caller: Caller) -> None:
        caller.answer(await caller.next(), status=status)
        await caller.wait_closed()

    @in_loop
    async def run() -> None:
        async with scripted(script) as port:
            provider = provider_for(port, Inbox())
            with pytest.raises(ConnectionLost, match=sentence) as lost:
                await provider.open()
            assert lost.value.error is error
            await provider.close()

    run()


@in_loop
async def test_settings_no_bind_can_carry_are_a_persons_fault() -> None:
    provider = provider_for(1, Inbox(), password="پاس")
    with pytest.raises(ConnectionLost, match="Password") as lost:
        await provider.open()
    assert lost.value.error is ErrorClass.CREDENTIAL
    await provider.close()


@in_loop
async def test_the_simulator_refuses_strangers() -> None:
    async with Smsc() as smsc:
        for field in ("password", "system_id"):
            provider = provider_for(smsc.port, Inbox(), 10, **{field: "stranger"})
            with pytest.raises(ConnectionLost) as lost:
                await provider.open()
            assert lost.value.error is ErrorClass.CREDENTIAL
            await provider.close()


@in_loop
async def test_a_bind_without_an_answer_is_the_providers_fault() -> None:
    async def script(caller: Caller) -> None:
        await caller.wait_closed()

    async def hang_up(caller: Caller) -> None:
        await caller.next()

    for played, sentence in ((script, "did not answer the bind"), (hang_up, "closed the connection")):
        async with scripted(played) as port:
            provider = provider_for(port, Inbox(), response_timeout=0.1)
            with pytest.raises(ConnectionLost, match=sentence) as lost:
                await provider.open()
            assert lost.value.error is ErrorClass.PROVIDER
            await provider.close()


@in_loop
async def test_hosts_that_cannot_be_reached() -> None:
    async with Smsc() as smsc:
        closed = smsc.port
    for host, sentence in (("127.0.0.1", "cannot be reached"), ("no.such.invalid", "resolved")):
        provider = provider_for(closed, Inbox(), host=host)
        with pytest.raises(ConnectionLost, match=sentence) as lost:
            await provider.open()
        assert lost.value.error is ErrorClass.PROVIDER
        await provider.close()


@in_loop
async def test_a_provider_that_is_not_open_sends_nothing() -> None:
    with pytest.raises(ConnectionLost, match="not open"):
        await provider_for(1, Inbox()).send_batch(messages(1))


@in_loop
async def test_the_check_tells_every_step() -> None:
    async with Smsc() as smsc:
        found = await provider_for(smsc.port, Inbox(), bind_mode="pair").check()
        assert found.is_working
        told = " ".join(found.steps)
        for word in ("Resolved", "Connected", "transmitter", "receiver", "answered after", "Unbound"):
            assert word in told
        failed = await provider_for(smsc.port, Inbox(), password="wrong").check()
        assert not failed.is_working
        assert "password is wrong" in failed.steps[-1]
        assert smsc.record.summary()["parts"] == 0


@in_loop
async def test_a_session_the_smsc_forgot_is_given_up() -> None:
    async def script(caller: Caller) -> None:
        await caller.bind()
        caller.answer(await caller.next(SUBMIT_SM), status=0x04)
        await caller.wait_closed()

    async with scripted(script) as port, opened(port, Inbox()) as provider:
        (outcome,) = await provider.send_batch(messages(1))
        assert isinstance(outcome, TryLater)
        assert outcome.after == timedelta(0)
        await provider.wait_lost()


def certificate(folder: Path) -> ssl.SSLContext:
    """Return the server's side of TLS with a certificate nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "smsc.pem"
    path.write_bytes(secret + signed.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@in_loop
async def test_tls_with_any_certificate_or_a_verified_one(tmp_path: Path) -> None:
    inbox = Inbox()
    async with Smsc(tls=certificate(tmp_path)) as smsc:
        async with opened(smsc.port, inbox, tls="unverified") as provider:
            await provider.send_batch(messages(50))
            await inbox.receive(50)
            found = await provider.check()
        assert any("TLSv1.3, certificate not verified" in step for step in found.steps)
        strict = await provider_for(smsc.port, inbox, tls="verified").check()
        assert "The certificate of 127.0.0.1 is not valid" in strict.steps[-1]
    async with Smsc() as plain:
        mistaken = await provider_for(plain.port, inbox, tls="unverified", response_timeout=1).check()
        assert "TLS with 127.0.0.1" in mistaken.steps[-1]


def test_what_is_disclosed() -> None:
    found = SmppProvider.disclosure({"host": "smsc.example", "system_id": "x"})
    assert found.hosts == ("smsc.example:2775",)
    assert set(found.fields) == {"recipient number", "sender", "text", "validity"}


def test_settings_that_no_string_of_smpp_carries() -> None:
    assert SmppProvider.check_settings({"host": "a", "system_id": "x", "password": "y"}) == []
    (fault,) = SmppProvider.check_settings({"host": "a", "system_id": "x", "password": "پاس"})
    assert fault.startswith("Password:")
    assert {field.name for field in FORM} == set(Settings.__dataclass_fields__)


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
