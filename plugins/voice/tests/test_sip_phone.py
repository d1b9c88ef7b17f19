"""The phone as a process: it hangs up when its worker is gone, and says nothing but frames."""

import asyncio
import json
import sys
from typing import Any

from connectpulse_voice.simulator.callees import Callees
from connectpulse_voice.sip import frames
from connectpulse_voice.sip.legs import Leg, Switchboard
from connectpulse_voice.sip.settings import terms
from voice_scene import QUICK, in_loop, settings

_SCRIPT = {"keys": {"1": "answer"}, "wait": 30, "leave": True, "longest": 60}


async def phone() -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "connectpulse_voice.sip.phone",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


@in_loop
async def test_a_phone_without_a_worker_hangs_up_and_ends() -> None:
    async with Callees(QUICK) as callees:
        process = await phone()
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        trunk = settings(callees.port)
        process.stdin.write(frames.written({"do": "start", **terms(trunk, "127.0.0.1")}))
        to = f"sip:+923001234501@127.0.0.1:{callees.port}"
        call = {"do": "call", "call": 1, "to": to, "from": "+9221", "ring": 5, "split": 1600, "script": _SCRIPT}
        process.stdin.write(frames.written(call, bytes(1600)))
        told = [await frames.read(process.stdout) for _ in range(2)]
        assert [each.words["is"] for each in told if each] == ["ready", "answered"]
        process.stdin.close()  # as the system does for a worker that was killed
        over = await frames.read(process.stdout)
        assert over is not None
        assert (over.words["is"], over.words["call"]) == ("over", 1)
        assert await frames.read(process.stdout) is None
        assert await process.wait() == 0
        assert await process.stderr.read() == b"", "numbers would be in it"
        assert callees.record.find("+923001234501")[0].hung_up_by == "caller"


@in_loop
async def test_a_phone_that_cannot_start_says_why() -> None:
    process = await phone()
    bad: dict[str, Any] = terms(settings(5060), "127.0.0.1") | {"interface": "127.0.0.1 x", "registers": False}
    out, _ = await process.communicate(frames.written({"do": "start", **bad}))
    assert json.loads(out)["is"] == "lost"


@in_loop
async def test_frames_carry_sound_and_end_with_their_writer() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(frames.written({"do": "a"}, b"\n{}\n") + frames.written({"do": "b"}) + b'{"do": "c"')
    reader.feed_eof()
    assert await frames.read(reader) == frames.Frame({"do": "a"}, b"\n{}\n")
    assert await frames.read(reader) == frames.Frame({"do": "b"})
    assert await frames.read(reader) is None


class _Call:
    handle = 5
    call_id = None


def test_events_that_come_before_their_call_are_not_lost() -> None:
    from baresip import Event, StackEvent

    board = Switchboard()
    board.route(StackEvent(Event.CALL_INCOMING, call=9))
    board.route(StackEvent(Event.CALL_CLOSED, call=9))
    board.route(StackEvent(Event.CALL_CLOSED, call=5, call_id="x", text="486 Busy Here"))
    leg = board.leg(_Call())  # type: ignore[arg-type]
    assert isinstance(leg, Leg)
    assert (leg.status, leg.why, leg.reference, leg.closed.is_set()) == ("486", "refused", "x", True)
