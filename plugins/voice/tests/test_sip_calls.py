"""Real calls on loopback: the SIP provider and callees of our own."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from connectpulse_voice.simulator.callees import Callees
from connectpulse_voice.simulator.options import Options
from connectpulse_voice.sip.provider import SipProvider
from connectpulse_voice.sip.samples import submission, tone
from voice_scene import Inbox, calling, in_loop, opened, settings

from connectpulse.core.api import (
    Accepted,
    ConnectionLost,
    ErrorClass,
    MessageState,
    Rejected,
    TryLater,
    Unknown,
)

pytestmark = pytest.mark.slow


async def said(callees: Callees, number: str) -> None:
    """Return once the called hears something: from then on both sides know that they talk."""
    while not any(call.loud for call in callees.record.find(number)):
        await asyncio.sleep(0.01)


MENU = {"answers": "1 Yes, I come", "opt_out_key": "9", "more_key": "2", "wait_seconds": 1}


@in_loop
async def test_calls_end_as_the_called_decide() -> None:
    inbox = Inbox()
    async with calling(inbox) as (provider, callees):
        batch = [submission(digits) for digits in (1, 86, 4, 3, 53, 80)]
        first, *others = await inbox.send(provider, *batch)
    assert isinstance(first, Accepted)
    assert others == [
        Rejected("busy", ErrorClass.RECIPIENT, "486"),
        Rejected("invalid_number", ErrorClass.RECIPIENT, "404"),
        Rejected("declined", ErrorClass.RECIPIENT, "603"),
        TryLater(timedelta(minutes=1), ErrorClass.PROVIDER, "congestion", "503"),
        Rejected("no_answer", ErrorClass.RECIPIENT, "480"),
    ]
    (receipt,) = inbox.receipts
    assert (receipt.reference, receipt.state, receipt.reason) == (
        first.references[0],
        MessageState.DELIVERED,
        "answered_human",
    )
    assert receipt.quantity is not None
    assert 1 <= receipt.quantity <= 5
    (heard,) = callees.record.find("+923001234501")
    assert heard.caller == "+922135300000"
    assert heard.loud >= 10, "0.3 s of a tone are 15 packets with sound"
    assert heard.hung_up_by == "caller"


@in_loop
async def test_keys_answer_and_stop_and_machines_get_the_message() -> None:
    inbox = Inbox()
    async with calling(inbox) as (provider, callees):
        batch = [submission(71, **MENU), submission(79, **MENU), submission(77)]
        assert all(isinstance(each, Accepted) for each in await inbox.send(provider, *batch))
    told = {receipt.address[-2:]: receipt for receipt in inbox.receipts if not receipt.suppress}
    assert [told[ends].code for ends in ("71", "79")] == ["1", "9"]
    assert [(each.address[-2:], each.reason) for each in inbox.receipts if each.suppress] == [("79", "opted_out")]
    (answer,) = inbox.answers
    assert (answer.address, answer.recipient, answer.text) == ("+923001234571", "+922135300000", "Yes, I come")
    assert told["77"].reason == "answered_machine"
    assert told["77"].state is MessageState.DELIVERED
    assert callees.record.find("+923001234577")[0].loud >= 10


@in_loop
async def test_a_key_asks_for_more_of_it() -> None:
    inbox = Inbox()
    async with calling(inbox) as (provider, callees):
        asked = submission(72, **MENU)
        sounds = {"recording": tone(0.3), "more_recording": tone(1)}
        await inbox.send(provider, asked._replace(shared={**(asked.shared or {}), "recordings": sounds}))
    assert callees.record.find("+923001234572")[0].loud >= 45, "a second of sound are 50 packets"


@in_loop
async def test_a_machine_may_be_hung_up_on_and_called_again() -> None:
    inbox = Inbox()
    async with calling(inbox) as (provider, callees):
        batch = [submission(77, machine="hang_up", machine_retries=1)]
        await inbox.send(provider, *batch)
    (receipt,) = inbox.receipts
    assert (receipt.state, receipt.reason) == (MessageState.UNDELIVERABLE, "answered_machine")
    assert receipt.again == timedelta(hours=1)
    assert callees.record.find("+923001234577")[0].loud == 0, "nothing was said to it"


@in_loop
async def test_it_rings_no_longer_than_it_may_and_is_taken_back_when_the_line_stops() -> None:
    inbox = Inbox()
    async with calling(inbox, Options(rings=30)) as (provider, callees):
        assert await provider.send_batch([submission(1, ring_seconds=0.3)]) == [
            Rejected("no_answer", ErrorClass.RECIPIENT, "487")
        ]
        ringing = asyncio.create_task(provider.send_batch([submission(2)]))
        while not callees.record.find("+923001234502"):
            await asyncio.sleep(0.01)
        await provider.wind_up()
        (outcome,) = await ringing
        assert isinstance(outcome, TryLater)
        assert (outcome.reason, outcome.is_attempt) == ("taken_back", False)
    assert {each.status for each in callees.record.calls} <= {0, 487}
    assert not inbox.events


@in_loop
async def test_no_call_is_made_once_the_line_stops() -> None:
    inbox = Inbox()
    async with calling(inbox) as (provider, callees):
        await provider.wind_up()
        (outcome,) = await inbox.send(provider, submission(1))
    assert isinstance(outcome, TryLater)
    assert (outcome.reason, outcome.is_attempt) == ("taken_back", False)
    assert not callees.record.calls


@in_loop
async def test_a_call_that_is_cut_short_is_hung_up_and_tells_what_was_said() -> None:
    inbox = Inbox()
    async with calling(inbox) as (provider, callees):
        talking = asyncio.create_task(inbox.send(provider, submission(1, **MENU | {"wait_seconds": 30})))
        await said(callees, "+923001234501")
        talking.cancel()
        (outcome,) = await talking
        assert callees.record.summary()["waiting"] == 0
    assert isinstance(outcome, Accepted)
    (receipt,) = inbox.receipts
    assert (receipt.reference, receipt.state) == (outcome.references[0], MessageState.DELIVERED)


@in_loop
async def test_the_other_side_may_hang_up_and_the_longest_call_ends() -> None:
    inbox = Inbox()
    async with calling(inbox) as (provider, _):
        batch = [submission(1, **MENU | {"wait_seconds": 30, "most_seconds": 1})]
        await inbox.send(provider, *batch)
    assert inbox.receipts[0].quantity in (1, 2, 3)


@in_loop
async def test_a_dead_phone_is_a_lost_session_and_not_a_dead_worker() -> None:
    """Whoever talks has got the call, what rings is unknown, and nobody is called again by us."""
    inbox = Inbox()
    async with calling(inbox, Options(rings=0.4)) as (provider, callees):
        talking = asyncio.create_task(inbox.send(provider, submission(1, **MENU | {"wait_seconds": 30})))
        await said(callees, "+923001234501")
        ringing = asyncio.create_task(provider.send_batch([submission(2)]))
        while not callees.record.find("+923001234502"):
            await asyncio.sleep(0.01)
        process = provider._exchange._process  # type: ignore[union-attr]
        assert process is not None
        process.kill()
        await provider.wait_lost()
        assert await ringing == [Unknown()]
        assert isinstance((await talking)[0], Accepted)
        assert [(each.reason, each.state) for each in inbox.receipts] == [("answered_unknown", MessageState.DELIVERED)]
        (late,) = await provider.send_batch([submission(3)])
        assert isinstance(late, TryLater)
    assert len(callees.record.calls) == 2


@in_loop
async def test_a_trunk_that_falls_silent_makes_unknown_calls_and_ends_the_session() -> None:
    inbox = Inbox()
    async with calling(inbox, Options(mute=True), asks_for_life=False) as (provider, _):
        assert await provider.send_batch([submission(1, ring_seconds=0.3)]) == [Unknown(code="silence")]
        await provider.wait_lost()


@pytest.mark.parametrize("registers", [True, False])
def test_an_account_proves_itself(registers: bool) -> None:
    @in_loop
    async def run() -> None:
        inbox = Inbox()
        options = Options(rings=0.05, hello=0.2, account="acme", password="a secret")
        given: dict[str, Any] = {"user": "acme", "password": "a secret", "registers": registers}
        async with calling(inbox, options, **given) as (provider, callees):
            assert isinstance((await provider.send_batch([submission(1)]))[0], Accepted)
            assert len(callees.record.calls) == 1
            found = await provider.check()
            assert found.is_working
            assert not any("a secret" in step for step in found.steps)
            given["password"] = "another"
            if registers:
                denied = SipProvider(settings(callees.port, **given), inbox)
                with pytest.raises(ConnectionLost) as lost:
                    await denied.open()
                await denied.close()
                assert lost.value.error is ErrorClass.CREDENTIAL
                return
            async with opened(callees.port, inbox, **given) as wrong:
                (outcome,) = await wrong.send_batch([submission(2)])
                assert not isinstance(outcome, Accepted)

    run()


@in_loop
async def test_a_call_without_sound_is_not_made() -> None:
    inbox = Inbox()
    async with calling(inbox) as (provider, callees):
        broken = submission(1)._replace(shared={"content": {"prompt": "recording"}, "recordings": {"recording": b"?"}})
        lost = submission(2)._replace(shared=None)
        assert await provider.send_batch([broken, lost]) == [Rejected("prompt_faulty", ErrorClass.CONTENT)] * 2
    assert not callees.record.calls
