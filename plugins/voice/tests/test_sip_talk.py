"""A talk on a line of the test's own: who is there, what is said, which keys do what. And ears, on sounds alone."""

import asyncio
import itertools
import math
from array import array
from collections.abc import Sequence

import pytest
from connectpulse_voice.menu import Deed
from connectpulse_voice.sip import talk as talks
from connectpulse_voice.sip.ears import Answer, Ears
from connectpulse_voice.sip.talk import Script, Talk
from voice_scene import in_loop

PROMPT, MORE = b"\1\0" * 800, b"\2\0" * 800


def sound(seconds: float) -> bytes:
    return array("h", (int(6000 * math.sin(each * 0.3)) for each in range(int(seconds * 8000)))).tobytes()


def hush(seconds: float) -> bytes:
    return array("h", ((-1) ** each * 60 for each in range(int(seconds * 8000)))).tobytes()


@pytest.mark.parametrize(
    ("heard", "answer"),
    [
        (hush(0.4) + sound(0.5) + hush(0.8), Answer.HUMAN),
        (sound(0.3) + hush(0.2) + sound(0.3) + hush(0.8), Answer.HUMAN),
        (hush(0.2) + sound(3), Answer.MACHINE),
        (sound(1.2) + hush(0.4) + sound(1.3), Answer.MACHINE),
        (hush(1.6), Answer.UNCLEAR),
        (sound(0.5) + hush(0.3), None),
        (b"", None),
    ],
)
def test_ears_tell_people_from_machines(heard: bytes, answer: Answer | None) -> None:
    ears = Ears()
    assert ears.hear(heard) is answer
    for step in (333, 4096):
        pieces = Ears()
        for start in range(0, len(heard), step):
            pieces.hear(heard[start : start + step])
        assert pieces.answer is answer, "however it comes in pieces"


class Line:
    """A line that plays a script of looks: sounds that are heard, keys by the look at which they are pressed."""

    def __init__(self, heard: Sequence[bytes] = (), keys: dict[int, str] | None = None) -> None:
        self.said: list[bytes] = []
        self.hushed = 0
        self.talk: Talk | None = None
        self._heard = list(heard)
        self._keys = keys or {}
        self._looks = itertools.count()

    def say(self, pcm: bytes) -> int:
        self.said.append(pcm)
        return len(pcm)

    def unsaid(self) -> int:
        self._press()
        return 0

    def hush(self) -> None:
        self.hushed += 1

    def heard(self) -> bytes:
        self._press()
        return self._heard.pop(0) if self._heard else hush(0.1)

    def _press(self) -> None:
        key = self._keys.get(next(self._looks))
        if key and self.talk is not None:
            self.talk.press(key)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(talks, "_LOOK", 0.001)


async def run(line: Line, **script: object) -> Talk:
    talk = line.talk = Talk(line, Script(PROMPT, MORE, **script))  # type: ignore[arg-type]
    await talk.run()
    return talk


@in_loop
async def test_a_person_hears_it_to_the_end() -> None:
    line = Line([sound(0.5), hush(0.8)])
    talk = await run(line)
    assert (talk.answer, talk.keys, talk.is_heard) == (Answer.HUMAN, "", True)
    assert b"".join(line.said) == PROMPT


@in_loop
async def test_keys_repeat_it_and_ask_for_more_until_one_answers() -> None:
    keys = {"*": Deed.REPEAT, "2": Deed.MORE, "1": Deed.ANSWER}
    line = Line([sound(0.5) + hush(0.8)])
    talk = line.talk = Talk(line, Script(PROMPT, MORE, keys, wait=5))
    running = asyncio.create_task(talk.run())
    for key, said in (("7", PROMPT), ("*", PROMPT), ("2", PROMPT * 2), ("1", PROMPT * 2 + MORE)):
        while b"".join(line.said) != said:
            await asyncio.sleep(0.001)
        talk.press(key)
    await running
    assert b"".join(line.said) == PROMPT * 2 + MORE
    assert talk.keys == "*21", "a key without a meaning is not kept"


@in_loop
async def test_a_key_at_hello_is_a_person() -> None:
    line = Line([hush(0.1)] * 5, {1: "1"})
    talk = await run(line, keys={"1": Deed.ANSWER})
    assert (talk.answer, talk.keys) == (Answer.HUMAN, "1")


@in_loop
async def test_a_machine_hears_it_after_its_beep() -> None:
    greeting = [sound(0.5)] * 8
    line = Line([*greeting, hush(0.5), hush(0.6)])
    talk = await run(line, keys={"1": Deed.ANSWER}, wait=60)
    assert talk.answer is Answer.MACHINE
    assert b"".join(line.said) == PROMPT
    assert not line._heard, "it waited for silence"


@in_loop
async def test_sound_that_is_late_is_no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(talks, "_NOTHING", 60)
    line = Line([sound(1.5), *[b""] * 20, sound(1.5)])
    talk = await run(line, is_message_left=False)
    assert talk.answer is Answer.MACHINE


@in_loop
async def test_a_line_that_sends_nothing_in_a_pause_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(talks, "_NOTHING", 0.01)
    line = Line([sound(0.5), *[b""] * 2000])
    talk = await run(line)
    assert talk.answer is Answer.HUMAN
    assert b"".join(line.said) == PROMPT
    assert len(line._heard) > 500, "it did not wait for the longest time"


@in_loop
async def test_a_machine_may_be_told_nothing() -> None:
    line = Line([sound(0.5)] * 8)
    talk = await run(line, is_message_left=False)
    assert (talk.answer, talk.is_heard, line.said) == (Answer.MACHINE, False, [])


@in_loop
async def test_the_longest_time_ends_it_and_so_does_the_other_side() -> None:
    line = Line()
    await run(line, keys={"1": Deed.ANSWER}, wait=60, longest=0.05)
    talk = Talk(Line(), Script(PROMPT, longest=60))
    talk.over.set()
    await talk.run()
    assert talk.answer is Answer.UNCLEAR
