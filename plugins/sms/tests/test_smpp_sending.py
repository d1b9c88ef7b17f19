"""What the SMPP provider sends, against the simulator, and what becomes of it where things go wrong."""

import asyncio
from datetime import timedelta

import pytest
from connectpulse_sms.simulator.options import Options
from connectpulse_sms.simulator.samples import peer
from connectpulse_sms.simulator.smsc import Smsc
from connectpulse_sms.smpp.provider import SmppProvider
from sms_scene import Inbox, in_loop, messages, opened, provider_for, submission

from connectpulse.core.api import (
    Accepted,
    ConnectionLost,
    ErrorClass,
    MessageState,
    Receipt,
    Rejected,
    TryLater,
    Unknown,
)

LONG = "A text that takes several parts. " * 12


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
async def test_a_provider_that_is_not_open_sends_nothing() -> None:
    with pytest.raises(ConnectionLost, match="not open"):
        await provider_for(1, Inbox()).send_batch(messages(1))
