"""One SMPP session over TCP or TLS, on our side of it (SMPP 3.4 sections 2 and 7.2).

Built for batches: a request that waits for its answer costs one entry in a dictionary, a batch one future,
and whatever the window admits leaves in one write. TCP_NODELAY is set, so that neither side's delayed
acknowledgements hold a window back.
"""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, cast

from .pdu import (
    DELIVER_SM,
    ENQUIRE_LINK,
    ENQUIRE_LINK_RESP,
    GENERIC_NACK,
    HEADER,
    IS_RESPONSE,
    LAST_SEQUENCE,
    LEAST_LENGTH,
    SUBMIT_SM,
    UNBIND,
    UNBIND_RESP,
    Reader,
    frame,
)
from .status import Status

Answer = tuple[int, bytes]
"""command_status and body of a response; the two answers below stand for a response that never came."""

UNANSWERED: Final[Answer] = (-1, b"")
"""The request was written, and its response did not come in time or before the session ended."""

UNSENT: Final[Answer] = (-2, b"")
"""The session ended before the request was written."""

Delivery = tuple[int, bytes]
"""sequence_number and body of a deliver_sm."""


class _Batch:
    """Requests that are answered together: `sent` counts those written, `missing` the answers to come."""

    __slots__ = ("answers", "bodies", "command", "future", "missing", "sent")

    def __init__(self, command: int, bodies: Sequence[bytes], future: asyncio.Future[list[Answer]]) -> None:
        self.command = command
        self.bodies = bodies
        self.answers = [UNSENT] * len(bodies)
        self.sent = 0
        self.missing = len(bodies)
        self.future = future

    def answer(self, index: int, answer: Answer) -> None:
        self.answers[index] = answer
        self.missing -= 1
        if not self.missing:
            self.settle()

    def settle(self) -> None:
        if not self.future.done():
            self.future.set_result(self.answers)


class Session(asyncio.Protocol):
    """A connection to an SMSC. `lost` is set to the reason, in plain words, once it has ended.

    `window` bounds the requests that await an answer at once; `timeout` is how long, in seconds, an answer
    may take; after `enquire_every` seconds of silence the peer is asked whether it is there. `on_deliver`
    is called with the session and all deliver_sm of one received chunk; `reply` answers them.
    """

    def __init__(
        self,
        window: int,
        timeout: float,
        enquire_every: float,
        on_deliver: Callable[["Session", list[Delivery]], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[str] = self._loop.create_future()
        self._window = window
        self._timeout = timeout
        self._enquire_every = enquire_every
        self._on_deliver = on_deliver
        self._reader = Reader()
        self._transport: asyncio.Transport | None = None
        self._waiting: dict[int, tuple[_Batch, int, float]] = {}
        self._queue: deque[_Batch] = deque()
        self._sequence = 0
        self._is_full = False
        self._is_held = False
        self._reason = ""
        self._is_enquiring = False
        self._heard_at = self._resumed_at = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None

    # --- what the provider does with it

    async def submit(self, bodies: Sequence[bytes]) -> list[Answer]:
        """Send one submit_sm per body as the window admits; return their answers in order."""
        return await self._request(SUBMIT_SM, bodies)

    async def ask(self, command: int, body: bytes = b"") -> Answer:
        """Send one request, such as a bind, and return its answer."""
        return (await self._request(command, (body,)))[0]

    def reply(self, pdus: bytes) -> None:
        """Write responses; they are dropped if the session is over."""
        if self._transport and not self._transport.is_closing():
            self._transport.write(pdus)

    def hold(self, is_held: bool) -> None:
        """Stop reading while what was received cannot be taken in, or go on; no answer is late meanwhile."""
        if is_held is self._is_held or self._transport is None or self.lost.done():
            return
        self._is_held = is_held
        if is_held:
            self._transport.pause_reading()
        else:
            self._resumed_at = self._loop.time()
            self._transport.resume_reading()

    def end(self, reason: str) -> None:
        """Close the connection for `reason` once what is written has left, or cannot leave in time."""
        if self._transport and not self._reason:
            self._reason = reason
            self._transport.close()
            self._wake_after(self._timeout, self._transport.abort)

    async def _request(self, command: int, bodies: Sequence[bytes]) -> list[Answer]:
        batch = self._batch(command, bodies)
        if not bodies or self._reason or self.lost.done():
            return batch.answers
        self._queue.append(batch)
        self._fill()
        try:
            return await batch.future
        finally:
            batch.sent = len(bodies)  # a cancelled batch sends nothing more

    # --- what the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        stream: socket.socket = transport.get_extra_info("socket")
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._tick()

    def connection_lost(self, error: Exception | None) -> None:
        if self._timer:
            self._timer.cancel()
        if not self.lost.done():
            self.lost.set_result(self._reason or _describe(error))
        for batch, index, _ in self._waiting.values():
            batch.answer(index, UNANSWERED)
        self._waiting.clear()
        for batch in self._queue:
            batch.settle()
        self._queue.clear()

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        self._fill()

    def data_received(self, chunk: bytes) -> None:
        self._heard_at = self._loop.time()
        waiting = self._waiting
        deliveries: list[Delivery] = []
        for command, status, sequence, body in self._reader.feed(chunk):
            if command & IS_RESPONSE:
                slot = waiting.pop(sequence, None)
                if slot is not None:  # else it comes after its time, or was never asked for
                    slot[0].answer(slot[1], (status, body))
            elif command == DELIVER_SM:
                deliveries.append((sequence, body))
            else:
                self._respond(command, sequence)
        if deliveries:
            self._on_deliver(self, deliveries)
        if self._reader.fault:
            self.reply(frame(GENERIC_NACK, 0, status=Status.ESME_RINVCMDLEN))
            self.end(f"The SMSC sent something that is not SMPP: {self._reader.fault}.")
        self._fill()

    # --- how it works

    def _fill(self) -> None:
        """Write as many queued requests as the window has room for, in one write."""
        room = self._window - len(self._waiting)
        if room <= 0 or not self._queue or self._is_full or self._reason or self._transport is None:
            return
        now = self._loop.time()
        sequence = self._sequence
        pieces: list[bytes] = []
        while room > 0 and self._queue:
            batch = self._queue[0]
            last = min(batch.sent + room, len(batch.bodies))
            room -= last - batch.sent
            for index in range(batch.sent, last):
                body = batch.bodies[index]
                sequence = sequence % LAST_SEQUENCE + 1
                pieces += (HEADER.pack(LEAST_LENGTH + len(body), batch.command, 0, sequence), body)
                self._waiting[sequence] = (batch, index, now)
            batch.sent = last
            if last == len(batch.bodies):
                self._queue.popleft()
        self._sequence = sequence
        self._transport.write(b"".join(pieces))

    def _respond(self, command: int, sequence: int) -> None:
        """Answer a request other than deliver_sm."""
        if command == ENQUIRE_LINK:
            self.reply(frame(ENQUIRE_LINK_RESP, sequence))
        elif command == UNBIND:
            self.reply(frame(UNBIND_RESP, sequence))
            self.end("The SMSC ended the session (unbind).")
        else:
            self.reply(frame(GENERIC_NACK, sequence, status=Status.ESME_RINVCMDID))

    def _tick(self) -> None:
        """Give up answers that are overdue and keep the line alive, a few times per period."""
        now = self._loop.time()
        if not self._is_held:
            self._expire(now)
            if not self._is_enquiring and now - self._heard_at >= self._enquire_every:
                self._enquire(now)
        self._wake_after(min(self._timeout, self._enquire_every) / 4, self._tick)

    def _wake_after(self, seconds: float, call: Callable[[], None]) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, call)

    def _batch(self, command: int, bodies: Sequence[bytes]) -> _Batch:
        return _Batch(command, bodies, self._loop.create_future())

    def _expire(self, now: float) -> None:
        """Answer what waits longer than `timeout` as UNANSWERED; the oldest requests come first."""
        if now - self._resumed_at < self._timeout:
            return
        overdue = []
        for sequence, (_, _, sent_at) in self._waiting.items():
            if now - sent_at < self._timeout:
                break
            overdue.append(sequence)
        for sequence in overdue:
            batch, index, _ = self._waiting.pop(sequence)
            batch.answer(index, UNANSWERED)
        if overdue:
            self._fill()

    def _enquire(self, now: float) -> None:
        """Ask whether the peer is there, past the window and past a full socket."""
        self._is_enquiring = True
        batch = self._batch(ENQUIRE_LINK, (b"",))
        batch.future.add_done_callback(self._enquired)
        self._sequence = self._sequence % LAST_SEQUENCE + 1
        self._waiting[self._sequence] = (batch, 0, now)
        self.reply(frame(ENQUIRE_LINK, self._sequence))

    def _enquired(self, answered: "asyncio.Future[list[Answer]]") -> None:
        self._is_enquiring = False
        if answered.result()[0] == UNANSWERED:
            self.end(f"The SMSC did not answer enquire_link within {self._timeout:g} seconds.")


def _describe(error: Exception | None) -> str:
    if error is None:
        return "The SMSC closed the connection."
    if isinstance(error, ssl.SSLError):
        return f"The TLS connection to the SMSC broke: {error.reason or error}."
    return f"The connection to the SMSC broke: {error}."
