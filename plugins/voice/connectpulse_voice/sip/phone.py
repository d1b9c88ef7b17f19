"""The process that makes calls: it owns the SIP stack, so that a fault in native code ends calls and no worker.

One process serves one session of one connection. It reads frames from its standard input and writes frames to its
standard output; where its input ends, the worker is gone, and it hangs up. Numbers are in no log: it keeps none.
"""

import asyncio
import logging
import math
import os
import sys
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

from baresip import Account, BaresipError, Call, Config, Event, RegistrationError, Runtime, StackEvent, UserAgent

from . import frames
from .legs import TAKEN_BACK, Leg, Switchboard
from .talk import Script, Talk

_REGISTER_WITHIN: Final = 15.0
_DIALLING: Final = 8
"""Calls that are being set up at once: the stack takes commands one after the other."""

Tell = Callable[[dict[str, Any]], None]


class Phone:
    """The stack, its identities by caller id, and the calls that are ringing or talking."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._runtime = Runtime()
        self._switchboard = Switchboard()
        self._agents: dict[str, UserAgent] = {}
        self._terms: dict[str, Any] = {}
        self._calls: dict[int, asyncio.Task[None]] = {}
        self._dialling = asyncio.Semaphore(_DIALLING)
        self._is_winding_up = asyncio.Event()
        self._closing = asyncio.Event()

    async def start(self, terms: dict[str, Any]) -> None:
        """Start the stack and, where it is asked for, register."""
        self._terms = terms
        self._runtime.on_dead = lambda: os._exit(70)
        await self._runtime.start(
            Config(
                net_interface=terms["interface"],
                max_concurrent_calls=None,
                native_log_level="error",
                extra_config_text=terms["directives"],
            )
        )
        self._runtime.subscribe(self._switchboard.route)
        if terms["registers"]:
            agent = await self._agent(terms["user"], terms["refresh"])
            await agent.register(timeout=_REGISTER_WITHIN)
            self._runtime.subscribe(self._watch)

    def call(self, words: dict[str, Any], sound: bytes) -> None:
        """Make a call beside the others."""
        number = words["call"]
        task = asyncio.create_task(self._call(number, words, sound))
        self._calls[number] = task
        task.add_done_callback(lambda done: self._ended(number, done))

    def wind_up(self) -> None:
        """Take back every call that only rings; those that talk go on."""
        self._is_winding_up.set()

    def hang_up(self) -> None:
        """End every call."""
        self._is_winding_up.set()
        self._closing.set()

    async def close(self) -> None:
        """Hang up, tell what became of every call, and stop the stack."""
        self.hang_up()
        if self._calls:
            await asyncio.wait(list(self._calls.values()), timeout=3)
        await self._runtime.close()

    async def _call(self, number: int, words: dict[str, Any], sound: bytes) -> None:
        try:
            leg = await self._dial(words)
        except (BaresipError, ValueError) as fault:
            self._refused(number, "", type(fault).__name__)
            return
        if leg is None:
            self._refused(number, "", TAKEN_BACK)
            return
        await leg.wait_answer(words["ring"], self._is_winding_up)
        if leg.answered_at is None:
            self._refused(number, leg.status, leg.why)
            return
        self._tell({"is": "answered", "call": number, "reference": leg.reference})
        talk = Talk(leg, Script.of(words["script"], [sound[: words["split"]], sound[words["split"] :]]))
        await self._talk(leg, talk)
        self._tell(
            {
                "is": "over", "call": number, "answer": talk.answer, "keys": talk.keys, "heard": talk.is_heard,
                "seconds": max(1, math.ceil((leg.closed_at or monotonic()) - leg.answered_at)),
            }
        )  # fmt: skip

    async def _talk(self, leg: Leg, talk: Talk) -> None:
        leg.on_key = talk.press
        waits = [asyncio.create_task(event.wait()) for event in (leg.closed, self._closing)]
        talking = asyncio.create_task(talk.run())
        try:
            await asyncio.wait([talking, *waits], return_when=asyncio.FIRST_COMPLETED)
            talk.over.set()
            await talking
        finally:
            for each in waits:
                each.cancel()
            await leg.hang_up()

    async def _dial(self, words: dict[str, Any]) -> Leg | None:
        """Return the call that is made; None where it is taken back before."""
        async with self._dialling:
            if self._is_winding_up.is_set():
                return None
            agent = await self._agent(words["from"])
            call: Call = await agent.dial(words["to"])
            return self._switchboard.leg(call)

    async def _agent(self, user: str, refresh: int = 0) -> UserAgent:
        """Return the identity that calls as `user`; all of them prove themselves with the account's password."""
        if user not in self._agents:
            account = Account(
                user, self._terms["domain"], self._terms["password"], registrar=self._terms["outbound"],
                reg_interval=refresh, transport=self._terms["transport"], audio_codecs=tuple(self._terms["codecs"]),
                auth_user=self._terms["user"] or None,
            )  # fmt: skip
            agent = await UserAgent.create(self._runtime, account, transfer_policy="reject")
            agent.on_incoming(self._turn_away)
            self._agents[user] = agent
        return self._agents[user]

    def _turn_away(self, call: Call) -> None:
        """Nobody is at home here: who calls us is told that the line is busy."""
        task = asyncio.create_task(call.reject())
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    def _watch(self, event: StackEvent) -> None:
        if event.event is Event.REGISTER_FAIL:
            self._tell({"is": "lost", "reason": f"The registration failed: {event.text or 'no answer'}."})

    def _ended(self, number: int, task: asyncio.Task[None]) -> None:
        self._calls.pop(number, None)
        if task.cancelled() or task.exception() is not None:
            self._tell({"is": "broken", "call": number})

    def _refused(self, number: int, status: str, why: str) -> None:
        self._tell({"is": "refused", "call": number, "status": status, "why": why})


async def serve(reader: asyncio.StreamReader, write: Callable[[bytes], Any]) -> None:
    """Obey the frames of a worker until it is gone."""
    phone = Phone(lambda words: write(frames.written(words)))
    first = await frames.read(reader)
    if first is None:
        return
    try:
        await phone.start(first.words)
    except (BaresipError, ValueError, OSError) as fault:
        status = fault.status if isinstance(fault, RegistrationError) else None
        write(frames.written({"is": "lost", "status": status, "reason": str(fault)}))
        return
    write(frames.written({"is": "ready"}))
    while (frame := await frames.read(reader)) is not None:
        if frame.words["do"] == "call":
            phone.call(frame.words, frame.sound)
        elif frame.words["do"] == "wind_up":
            phone.wind_up()
        elif frame.words["do"] == "hang_up":
            phone.hang_up()
        else:
            break
    await phone.close()


async def _main() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=frames.LONGEST_LINE)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    with os.fdopen(os.dup(1), "wb", buffering=0) as out:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what native code prints is no frame
        await serve(reader, out.write)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(_main())
