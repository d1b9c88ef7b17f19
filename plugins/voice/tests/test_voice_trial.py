"""The provider without a network, and callees: outcomes by the last two digits."""

import asyncio
import json
import shutil
import urllib.request

import pytest
from connectpulse_voice.plugin import VoicePlugin
from connectpulse_voice.simulator import fates
from connectpulse_voice.simulator.callees import Callees
from connectpulse_voice.simulator.control import control
from connectpulse_voice.simulator.scene import TRIAL
from connectpulse_voice.simulator.trial import TrialProvider
from connectpulse_voice.sip.samples import submission
from voice_scene import QUICK, Inbox, in_loop

from connectpulse.core.api import Accepted, MessageState, normalise_address
from connectpulse.testing.plugin import require_peer


@pytest.mark.parametrize("digits", sorted(fates.FATES))
def test_the_trial_provider_keeps_to_the_table(digits: str) -> None:
    @in_loop
    async def run() -> None:
        inbox = Inbox()
        provider = TrialProvider({"receipt_delay": 600}, inbox)
        asked = submission(int(digits), answers="1 Yes\n2 No", opt_out_key="9")
        (outcome,) = await provider.send_batch([asked])
        assert not inbox.events, "a talk takes its time"
        await provider.close()
        fate = fates.FATES[digits]
        ends = [each.reason for each in inbox.receipts if not each.suppress]
        assert ends == ([fate.ending] if fate.status == 200 else [])
        assert isinstance(outcome, Accepted) is (fate.status == 200)
        assert [each.text for each in inbox.answers] == {"1": ["Yes"], "2": ["No"]}.get(fate.keys, [])
        assert any(each.suppress for each in inbox.receipts) is (fate.keys == "9")

    run()


def test_the_summary_tells_the_table() -> None:
    assert all(digits in TrialProvider.summary for digits in fates.FATES)


@in_loop
async def test_a_machine_that_is_hung_up_on_is_no_delivery() -> None:
    inbox = Inbox()
    provider = TrialProvider({"receipt_delay": 0}, inbox)
    await provider.send_batch([submission(77, machine="hang_up")])
    await provider.close()
    assert inbox.receipts[0].state is MessageState.UNDELIVERABLE


def test_people_of_the_trial_answer_but_for_the_share_that_does_not_exist() -> None:
    numbers = [TRIAL.address(n) for n in range(2000)]
    assert len(set(numbers)) == 2000
    assert all(normalise_address("phone", each, "PK") == each for each in numbers[:50])
    assert {fates.of(each).status for each in numbers} == {200}
    gone = sum(fates.of(each, 3).status == 404 for each in numbers)
    assert 30 <= gone <= 90
    assert VoicePlugin().pulse_trials() == [TRIAL]


@in_loop
async def test_sipp_calls_the_callees() -> None:
    require_peer(shutil.which("sipp") is not None, "SIPp", "apt-get install sip-tester")
    async with Callees(QUICK) as callees, control(callees) as http:
        process = await asyncio.create_subprocess_exec(
            "sipp", "-sn", "uac", f"127.0.0.1:{callees.port}", "-i", "127.0.0.1", "-m", "3", "-d", "100", "-s",
            "+923001234501", "-nostdin", stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert await process.wait() == 0, "SIPp found fault with an answer of theirs"
        found = await asyncio.to_thread(_get, f"http://127.0.0.1:{http}/record")
        assert (found["calls"], found["duplicates"], found["waiting"]) == (3, 1, 0)
        heard = await asyncio.to_thread(_get, f"http://127.0.0.1:{http}/record/%2B923001234501")
        assert [each["hung_up_by"] for each in heard] == ["caller"] * 3
        assert (await asyncio.to_thread(_get, f"http://127.0.0.1:{http}/ports"))["sip_port"] == callees.port
        assert (await asyncio.to_thread(_get, f"http://127.0.0.1:{http}/reset", b""))["status"] == "ok"
        assert not callees.record.calls


def _get(url: str, body: bytes | None = None) -> object:
    with urllib.request.urlopen(url, body) as answer:
        return json.load(answer)
