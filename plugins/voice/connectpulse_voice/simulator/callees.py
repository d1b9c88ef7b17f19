"""People who are called: a SIP user agent on loopback that answers every number as `fates` says."""

import asyncio
import re
import secrets
from collections.abc import Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

from ..outcomes import MACHINE
from . import fates, sip
from .fates import Fate
from .options import Options
from .record import Heard, Record
from .rtp import Ear, Mouth, Offer
from .sip import Message

HOST: Final = "127.0.0.1"
_AGAIN: Final = 0.5
_MOST_AGAIN: Final = 6
_CALLER: Final = re.compile(r"sips?:([^@;>]+)@")


class Callees(asyncio.DatagramProtocol):
    """`async with Callees() as callees:` answers calls at `callees.port` for as long as it lasts."""

    def __init__(self, options: Options | None = None) -> None:
        self.record = Record()
        self.port = 0
        self._options = options or Options()
        self._dialogues: dict[str, Dialogue] = {}
        self._nonce = secrets.token_hex(8)
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self, port: int = 0) -> None:
        """Begin to answer."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(HOST, port))
        self.port = self._transport.get_extra_info("sockname")[1]

    async def stop(self) -> None:
        """Say nothing any more."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._transport is not None:
            self._transport.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Take a packet; whatever is no SIP is passed over."""
        message = sip.parse(data)
        if message is None or self._options.mute:
            return
        dialogue = self._dialogues.get(message.header("call-id"))
        if message.method == "INVITE" and dialogue is None:
            self._invited(message, addr)
        elif dialogue is not None:
            dialogue.take(message)
        elif message.method in ("OPTIONS", "REGISTER"):
            self._greet(message, addr)
        elif message.method not in ("", "ACK"):
            self.send(sip.answer(message, 481, "Call Does Not Exist", tag="none"), addr)

    def send(self, packet: bytes, addr: tuple[str, int]) -> None:
        """Send a packet, unless this is over already."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(packet, addr)

    def run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something beside everything else."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def forget(self, call_id: str) -> None:
        """A dialogue is over."""
        self._dialogues.pop(call_id, None)

    def _invited(self, invite: Message, addr: tuple[str, int]) -> None:
        if not self._admits(invite):
            self._challenge(invite, addr)
            return
        caller = _CALLER.search(invite.header("from"))
        heard = self.record.begin(invite.user(), caller.group(1) if caller else "")
        fate = fates.of(invite.user(), self._options.undeliverable)
        dialogue = Dialogue(self, invite, addr, fate, heard, self._options)
        self._dialogues[invite.header("call-id")] = dialogue
        dialogue.begin()

    def _greet(self, request: Message, addr: tuple[str, int]) -> None:
        if request.method == "REGISTER" and not self._admits(request):
            self._challenge(request, addr)
            return
        contact = request.header("contact")
        more = (f"Contact: {contact}", "Expires: 300") if request.method == "REGISTER" else ()
        self.send(sip.answer(request, 200, "OK", tag="callees", more=more), addr)

    def _admits(self, request: Message) -> bool:
        account, password = self._options.account, self._options.password
        return not account or sip.proves(request, account, password, self._nonce)

    def _challenge(self, request: Message, addr: tuple[str, int]) -> None:
        """Ask for the digest; whoever gave a wrong one is refused."""
        is_wrong = bool(request.header("authorization"))
        status, phrase = (403, "Forbidden") if is_wrong else (401, "Unauthorized")
        more = () if is_wrong else (sip.challenge(self._nonce),)
        self.send(sip.answer(request, status, phrase, tag="callees", more=more), addr)


class Dialogue:
    """One call: it rings, is refused or answered, talks, and is hung up."""

    def __init__(
        self, callees: Callees, invite: Message, addr: tuple[str, int], fate: Fate, heard: Heard, options: Options
    ) -> None:
        self._callees = callees
        self._invite = invite
        self._addr = addr
        self._fate = fate
        self._heard = heard
        self._options = options
        self._tag = secrets.token_hex(4)
        self._final: bytes = b""
        self._acknowledged = asyncio.Event()
        self._over = asyncio.Event()

    def begin(self) -> None:
        self._callees.run(self._live())

    def take(self, message: Message) -> None:
        """Take a request or an answer within this call."""
        if message.method == "INVITE" and self._final:
            self._send(self._final)
        elif message.method == "ACK":
            self._acknowledged.set()
        elif message.method == "CANCEL":
            self._send(sip.answer(message, 200, "OK", tag=self._tag))
            if not self._final:
                self._fate = Fate(self._fate.ending, 487, "Request Terminated")
                self._over.set()
        elif message.method == "BYE":
            self._send(sip.answer(message, 200, "OK", tag=self._tag))
            self._heard.hung_up_by = self._heard.hung_up_by or "caller"
            self._over.set()

    async def _live(self) -> None:
        try:
            self._send(sip.answer(self._invite, 180, "Ringing", tag=self._tag))
            await self._wait(self._options.rings)
            if self._fate.status == 200:
                await self._talk()
            else:
                await self._decide(sip.answer(self._invite, self._fate.status, self._fate.phrase, tag=self._tag))
        finally:
            self._callees.forget(self._invite.header("call-id"))

    async def _decide(self, final: bytes) -> None:
        """Send the final answer until it is acknowledged."""
        self._final = final
        self._heard.status = self._fate.status
        for _ in range(_MOST_AGAIN):
            self._send(final)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._acknowledged.wait(), _AGAIN)
                return

    async def _talk(self) -> None:
        offer = Offer(self._invite.body)
        ear = Ear(offer.codec or 0, self._heard)
        loop = asyncio.get_running_loop()
        sound, _ = await loop.create_datagram_endpoint(lambda: ear, local_addr=(HOST, 0))
        try:
            port = sound.get_extra_info("sockname")[1]
            more = (f"Contact: <sip:callee@{HOST}:{self._callees.port}>", "Content-Type: application/sdp")
            body = offer.answer(HOST, port)
            await self._decide(sip.answer(self._invite, 200, "OK", tag=self._tag, more=more, body=body))
            speaking = self._callees.run(self._speak(Mouth(sound, offer)))
            await self._over.wait()
            speaking.cancel()
        finally:
            sound.close()

    async def _speak(self, mouth: Mouth) -> None:
        """Say hello or a long greeting, wait for the caller to speak, press the keys there are to press."""
        is_machine = self._fate.ending == MACHINE
        await mouth.speak(self._options.greeting if is_machine else self._options.hello)
        while not self._heard.loud:
            await mouth.hush(0.2)
        await mouth.press(self._fate.keys)

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), seconds)

    def _send(self, packet: bytes) -> None:
        self._callees.send(packet, self._addr)
