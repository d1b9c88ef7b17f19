"""Whether a person or a machine answered, by how long they speak before they pause."""

from array import array
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

RATE: Final = 8000
_FRAME: Final = 160
"""Samples of 20 ms, the grain of what follows."""
_LOUD: Final = 400
"""The mean amplitude of 16 bits from which on a frame counts as speech; noise of a line stays below."""
_SECOND: Final = RATE // _FRAME


class Answer(StrEnum):
    HUMAN = "answered_human"
    MACHINE = "answered_machine"
    UNCLEAR = "answered_unknown"


class Ears:
    """Listens to the first seconds of a call.

    People say a word or two and wait; machines speak on. Speech of more than `machine` seconds without a pause is
    a machine; shorter speech with a pause of `pause` seconds behind it a person. Where nothing is heard for
    `patience` seconds, or nothing is decided after `longest`, nobody knows.
    """

    def __init__(
        self, *, machine: float = 2.5, pause: float = 0.7, patience: float = 1.5, longest: float = 6.0
    ) -> None:
        self.answer: Answer | None = None
        self._machine, self._pause = int(machine * _SECOND), int(pause * _SECOND)
        self._patience, self._longest = int(patience * _SECOND), int(longest * _SECOND)
        self._heard = self._spoken = self._quiet = 0
        self._rest = b""

    @property
    def quiet(self) -> float:
        """Seconds of silence until now."""
        return self._quiet / _SECOND

    def hear(self, pcm: bytes) -> Answer | None:
        """Take in what was heard since: 16-bit samples of 8 kHz; return the answer once there is one."""
        for is_loud in self._frames(pcm):
            self._heard += 1
            if is_loud:
                self._spoken += 1 + (self._quiet if self._spoken else 0)
                self._quiet = 0
            else:
                self._quiet += 1
            if self.answer is None:
                self.answer = self._judge()
        return self.answer

    def _judge(self) -> Answer | None:
        if self._spoken > self._machine:
            return Answer.MACHINE
        if self._spoken and self._quiet >= self._pause:
            return Answer.HUMAN
        if not self._spoken and self._heard >= self._patience:
            return Answer.UNCLEAR
        return Answer.UNCLEAR if self._heard >= self._longest else None

    def _frames(self, pcm: bytes) -> Iterator[bool]:
        pcm = self._rest + pcm
        whole = len(pcm) - len(pcm) % (2 * _FRAME)
        self._rest = pcm[whole:]
        samples = array("h", pcm[:whole])
        for start in range(0, len(samples), _FRAME):
            some = samples[start : start + _FRAME : 4]
            yield sum(map(abs, some)) > _LOUD * len(some)
