"""One call of the SIP stack, and the switchboard that gives each call its own events."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Final

from baresip import AudioNotActive, AudioRestarted, BaresipError, Call, Event, StackEvent
from baresip.errors import split_status

_CLOSE_WITHIN: Final = 2.0
_MEDIA_WITHIN: Final = 2.0
_MOST_HEARD: Final = 32_768
_SIGNS_OF_LIFE: Final = frozenset({Event.CALL_RINGING, Event.CALL_PROGRESS, Event.CALL_ESTABLISHED})

NO_ANSWER, TAKEN_BACK, SILENCE = "no_answer", "taken_back", "silence"
"""Why a call ended that nobody refused: it rang in vain, it was taken back, not even a sign of ringing came."""


class Leg:
    """One call; as a `talk.Line` it is sound that may be gone at any time."""

    def __init__(self, call: Call) -> None:
        self.reference = call.call_id or ""
        self.status = ""
        self.why = ""
        self.answered_at: float | None = None
        self.closed_at: float | None = None
        self.closed = asyncio.Event()
        self.on_key: Callable[[str], None] = lambda digit: None
        self._call = call
        self._is_alive = False
        self._decided = asyncio.Event()

    def take(self, event: StackEvent) -> None:
        """Learn from an event of this call."""
        self.reference = self.reference or event.call_id or ""
        if event.event in _SIGNS_OF_LIFE:
            self._is_alive = True
        if event.event is Event.CALL_ESTABLISHED and not self.why:
            self.answered_at = self.answered_at or monotonic()
            self._decided.set()
        elif event.event is Event.CALL_CLOSED:
            self.closed_at = monotonic()
            if not self.why:  # else we took it back, and it was not answered before that
                status, text = split_status(event.text or "")
                self.status, self.why = (str(status), "refused") if status else ("", _why(text))
            self._decided.set()
            self.closed.set()
        elif event.event is Event.CALL_DTMF_START and event.text:
            self.on_key(event.text)

    async def wait_answer(self, ring: float, is_taken_back: asyncio.Event) -> None:
        """Return when it was answered or is over: refused, or taken back after `ring` seconds or when asked to."""
        waits = [asyncio.create_task(event.wait()) for event in (self._decided, is_taken_back)]
        await asyncio.wait(waits, timeout=ring, return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()
        if not self._decided.is_set():
            self.why = TAKEN_BACK if is_taken_back.is_set() else NO_ANSWER if self._is_alive else SILENCE
            await self.hang_up()

    async def hang_up(self) -> None:
        """End the call, and return when it is over."""
        if self.closed.is_set():
            return
        with suppress(BaresipError):
            await self._call.hangup()
        with suppress(TimeoutError):
            await asyncio.wait_for(self.closed.wait(), _CLOSE_WITHIN)
        self.closed_at = self.closed_at or monotonic()

    def say(self, pcm: bytes) -> int:
        try:
            return int(self._call.audio.write(pcm))
        except AudioRestarted:
            return 0
        except AudioNotActive:
            return 0 if self._may_begin() else len(pcm)

    def unsaid(self) -> int:
        try:
            return int(self._call.audio.info().tx_buffered)
        except (AudioNotActive, AudioRestarted):
            return 0

    def hush(self) -> None:
        with suppress(AudioNotActive, AudioRestarted):
            self._call.audio.flush_tx()

    def heard(self) -> bytes:
        try:
            return bytes(self._call.audio.read(_MOST_HEARD))
        except (AudioNotActive, AudioRestarted):
            return b""

    def _may_begin(self) -> bool:
        """Return whether sound may still come about: it does a moment after the answer."""
        return not self.closed.is_set() and monotonic() - (self.answered_at or 0) < _MEDIA_WITHIN


class Switchboard:
    """Gives events to the leg they are about. Those of a call that is only being made wait for it.

    Calls that come in have no leg here, and their events are nobody's.
    """

    def __init__(self) -> None:
        self._legs: dict[int, Leg] = {}
        self._early: dict[int, list[StackEvent]] = {}
        self._foreign: set[int] = set()

    def route(self, event: StackEvent) -> None:
        """Take an event of the stack."""
        if not event.call:
            return
        if event.event is Event.CALL_INCOMING:
            self._foreign.add(event.call)
        leg = self._legs.get(event.call)
        if leg is not None:
            leg.take(event)
        elif event.call not in self._foreign:
            self._early.setdefault(event.call, []).append(event)
        if event.event is Event.CALL_CLOSED:
            self._legs.pop(event.call, None)
            self._foreign.discard(event.call)

    def leg(self, call: Call) -> Leg:
        """Return the leg of a call that was just made, with all that happened to it already."""
        made = Leg(call)
        self._legs[call.handle] = made
        for event in self._early.pop(call.handle, ()):
            self.route(event)
        return made


def _why(text: str) -> str:
    """Return what a transport's failure means: `unreachable` where certainly nothing arrived, else `silence`."""
    return "unreachable" if any(sign in text.lower() for sign in _NEVER_LEFT) else SILENCE


_NEVER_LEFT: Final = ("refused", "unreachable", "no route", "name or service")
