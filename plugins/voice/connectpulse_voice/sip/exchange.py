"""The worker's side of the phone: it starts the process, hands calls over, and learns what became of them."""

import asyncio
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

from connectpulse.core.api import ConnectionLost, ErrorClass

from . import frames

_READY_WITHIN: Final = 30.0
_CLOSE_WITHIN: Final = 6.0
_DENIED: Final = frozenset({401, 403, 407})
Words = Mapping[str, Any]

GONE: Final[Words] = {"is": "broken"}
"""What is known of a call whose phone is gone."""


@dataclass(slots=True)
class Ring:
    """A call that was handed over: `decided` is what came of the ringing, `over` of the talk, if there was one."""

    decided: asyncio.Future[Words]
    over: asyncio.Future[Words]
    answered_at: float = field(default=0.0)


class Exchange:
    """One phone process. `terms` are what it is started with; they hold the password, so nothing logs them."""

    def __init__(self, terms: Words) -> None:
        self.lost: asyncio.Future[ConnectionLost] = asyncio.get_running_loop().create_future()
        self._terms = dict(terms)
        self._rings: dict[int, Ring] = {}
        self._calls = 0
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def open(self) -> None:
        """Start the phone; raise ConnectionLost where it does not come up or is not admitted."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", f"{__package__}.phone", limit=frames.LONGEST_LINE,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        self._reading = asyncio.create_task(self._read(self._process))
        await self._write({"do": "start", **self._terms})
        either: list[asyncio.Future[Any]] = [self._ready, self.lost]
        done, _ = await asyncio.wait(either, timeout=_READY_WITHIN, return_when=asyncio.FIRST_COMPLETED)
        if self.lost in done:
            raise self.lost.result()
        if not done:
            raise ConnectionLost(ErrorClass.PROVIDER, "The SIP stack did not start in time.")

    async def call(self, words: Words, prompt: bytes, more: bytes) -> Ring:
        """Hand a call over; raise ConnectionLost if certainly nobody was called."""
        if self.lost.done():
            raise self.lost.result()
        self._calls += 1
        number, loop = self._calls, asyncio.get_running_loop()
        ring = self._rings[number] = Ring(loop.create_future(), loop.create_future())
        await self._write({"do": "call", "call": number, "split": len(prompt), **words}, prompt + more)
        return ring

    async def wind_up(self) -> None:
        """Take back what only rings."""
        await self._write({"do": "wind_up"})

    async def hang_up(self) -> None:
        """End the talks, too."""
        await self._write({"do": "hang_up"})

    async def close(self) -> None:
        """Hang up everything, learn how it ended, and end the process; by force where it does not end itself."""
        if self._process is None:
            return
        await self._write({"do": "close"})
        try:
            await asyncio.wait_for(self._process.wait(), _CLOSE_WITHIN)
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        if self._reading is not None:
            await self._reading
        if self._process.stdin is not None:
            self._process.stdin.close()

    async def _write(self, words: Words, sound: bytes = b"") -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with suppress(ConnectionError, RuntimeError):  # its end is noticed by whoever reads
            self._process.stdin.write(frames.written(dict(words), sound))
            await self._process.stdin.drain()

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while (frame := await frames.read(process.stdout)) is not None:
            self._take(frame.words)
        self._end(ConnectionLost(ErrorClass.PROVIDER, "The SIP stack has ended."))

    def _take(self, words: Words) -> None:
        what, ring = words["is"], self._rings.get(words.get("call", 0))
        if what == "ready" and not self._ready.done():
            self._ready.set_result(None)
        elif what == "lost":
            is_denied = words.get("status") in _DENIED
            error = ErrorClass.CREDENTIAL if is_denied else ErrorClass.PROVIDER
            self._lose(ConnectionLost(error, str(words["reason"])))
        elif ring is None:
            return
        elif what == "answered":
            ring.answered_at = monotonic()
            _settle(ring.decided, words)
        else:
            _settle(ring.decided, words)
            _settle(ring.over, words)
            del self._rings[words["call"]]

    def _lose(self, lost: ConnectionLost) -> None:
        _settle(self.lost, lost)

    def _end(self, lost: ConnectionLost) -> None:
        """The process is gone: nobody will say any more how its calls end."""
        self._lose(lost)
        for ring in self._rings.values():
            _settle(ring.decided, GONE)
            _settle(ring.over, GONE)
        self._rings.clear()


def _settle(future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        future.set_result(value)
