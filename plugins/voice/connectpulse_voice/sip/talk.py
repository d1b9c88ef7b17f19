"""A call from answer to hang-up: it listens who is there, speaks, and does what keys ask for."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final, Protocol

from ..menu import Deed
from .ears import RATE, Answer, Ears

BYTES_A_SECOND: Final = 2 * RATE
_LOOK: Final = 0.1
"""Seconds between two looks at the line."""
_TICK: Final = 0.04
"""Two packets: within that a line has forgotten what it was told to."""
_CHUNK: Final = BYTES_A_SECOND // 4
_AFTER_THE_BEEP: Final = 1.0
_LONGEST_GREETING: Final = 30.0
_NOTHING: Final = 1.0
"""Seconds without a packet that are silence, as on lines that send nothing in a pause; less is a delay."""


class Line(Protocol):
    """One answered call, as sound: 16-bit samples, mono, 8 kHz. Nothing here waits or raises, also once it is over."""

    def say(self, pcm: bytes) -> int:
        """Queue sound; return how many bytes of it were taken."""

    def unsaid(self) -> int:
        """Return how many bytes are queued and not yet said."""

    def hush(self) -> None:
        """Forget what is queued."""

    def heard(self) -> bytes:
        """Return what was heard since the last time."""


@dataclass(frozen=True, slots=True)
class Script:
    """What one call does. `keys` are deeds by digit; seconds are of the wall clock."""

    prompt: bytes
    more: bytes = b""
    keys: Mapping[str, Deed] = field(default_factory=dict)
    wait: float = 5.0
    is_message_left: bool = True
    longest: float = 120.0

    @classmethod
    def of(cls, words: Mapping[str, Any], sounds: Sequence[bytes]) -> "Script":
        """Return the script that a worker wrote."""
        keys = {digit: Deed(deed) for digit, deed in words["keys"].items()}
        more = sounds[1] if len(sounds) > 1 else b""
        return cls(sounds[0], more, keys, words["wait"], words["leave"], words["longest"])


class Talk:
    """One talk over one line. `over` is set by whoever notices that the other side hung up."""

    def __init__(self, line: Line, script: Script) -> None:
        self.answer = Answer.UNCLEAR
        self.keys = ""
        self.is_heard = True
        self.over = asyncio.Event()
        self._line = line
        self._script = script
        self._pressed: list[str] = []
        self._until = monotonic() + script.longest
        self._heard_at = monotonic()

    def press(self, digit: str) -> None:
        """The person pressed a key; those of no meaning in this call are not kept."""
        if digit in self._script.keys:
            self.answer = Answer.HUMAN
            self.keys += digit
            self._pressed.append(digit)

    async def run(self) -> None:
        """Talk to the end: the last word, a key that ends it, the longest time, or the other side's hang-up."""
        self.answer = await self._listen()
        if self.answer is Answer.MACHINE:
            if not self._script.is_message_left:
                self.is_heard = False
                return
            await self._wait_for_the_beep()
            await self._say(self._script.prompt)
            return
        await self._say(self._script.prompt)
        while (deed := await self._next_deed()) in (Deed.REPEAT, Deed.MORE):
            await self._say(self._script.more if deed is Deed.MORE else self._script.prompt)

    async def _listen(self) -> Answer:
        ears = Ears()
        while self._goes_on() and not self._pressed:
            await self._look()
            answer = ears.hear(self._heard())
            if answer is not None:
                return answer
        return self.answer

    async def _wait_for_the_beep(self) -> None:
        ears, until = Ears(), monotonic() + _LONGEST_GREETING
        while self._goes_on() and monotonic() < until and ears.quiet < _AFTER_THE_BEEP:
            await self._look()
            ears.hear(self._heard())

    def _heard(self) -> bytes:
        """Return what was heard since the last look; a line on which nothing comes for long is silent."""
        sound, now = self._line.heard(), monotonic()
        if not sound and now - self._heard_at < _NOTHING:
            return b""
        silence = bytes(2 * int((now - self._heard_at) * RATE))
        self._heard_at = now
        return sound or silence

    async def _say(self, pcm: bytes) -> None:
        """Say it until a key is pressed or the call is over."""
        at = 0
        while self._goes_on() and not self._pressed and (at < len(pcm) or self._line.unsaid()):
            at += self._line.say(pcm[at : at + _CHUNK]) if at < len(pcm) else 0
            await self._look()
        if self._pressed:
            self._line.hush()
            await asyncio.sleep(_TICK)  # what is queued before that would be forgotten as well

    async def _next_deed(self) -> Deed | None:
        """Return what the next key asks for, None where none is pressed in time."""
        until = monotonic() + (self._script.wait if self._script.keys else 0)
        while self._goes_on() and not self._pressed and monotonic() < until:
            await self._look()
        return self._script.keys[self._pressed.pop(0)] if self._pressed else None

    def _goes_on(self) -> bool:
        return not self.over.is_set() and monotonic() < self._until

    async def _look(self) -> None:
        try:
            await asyncio.wait_for(self.over.wait(), _LOOK)
        except TimeoutError:
            return
