"""Taking in what the SMSC delivers: receipts and people's messages, answered once they are durable."""

import asyncio
import logging
from struct import Struct
from typing import Final

from connectpulse.core.api import Inbound, Intake, Receipt

from .inbound import Joiner, Key
from .pdu import DELIVER_SM_RESP, Malformed, parse_message
from .receipts import Base, is_receipt, parse_receipt
from .session import Delivery, Session
from .status import Status

MOST_INTAKES: Final = 8
"""Intake calls under way at once; what comes meanwhile goes into the next call together."""

MOST_WAITING: Final = 10_000
"""Deliveries held for an intake call before reading stops and TCP holds the SMSC back."""

_RESPONSE = Struct(">IIIIB")  # with an empty message_id (section 4.6.2)

log = logging.getLogger(__name__)


class Deliveries:
    """The deliver_sm of a provider's sessions, on their way to the intake and back as answers.

    All that one chunk brought is handed over in one call and answered in one write: with success, or with
    ESME_RX_T_APPN if the intake failed, so that the SMSC keeps it and tries again. What cannot be read
    is refused for good (ESME_RX_P_APPN): repeated, it would be no better.
    """

    def __init__(self, intake: Intake, base: Base, joiner: Joiner) -> None:
        self._intake = intake
        self._base = base
        self._joiner = joiner
        self._waiting: dict[Session, list[Delivery]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, session: Session, deliveries: list[Delivery]) -> None:
        """Accept what one chunk brought; called by the session."""
        self._waiting.setdefault(session, []).extend(deliveries)
        self._start()
        if len(self._waiting.get(session, ())) >= MOST_WAITING:
            session.hold(True)

    async def finish(self) -> None:
        """Return when all that was taken has been handed over and answered."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _start(self) -> None:
        while self._waiting and len(self._tasks) < MOST_INTAKES:
            session, deliveries = self._waiting.popitem()
            session.hold(False)
            task = asyncio.create_task(self._hand_over(session, deliveries))
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._start()

    async def _hand_over(self, session: Session, deliveries: list[Delivery]) -> None:
        events: list[Receipt | Inbound] = []
        keys: list[Key] = []
        readable: list[int] = []
        refused: list[int] = []
        fault: Malformed | None = None
        for sequence, body in deliveries:
            try:
                self._read(body, events, keys)
                readable.append(sequence)
            except Malformed as error:
                fault = error
                refused.append(sequence)
        if refused:
            log.warning("%d deliver_sm cannot be read and are refused; the last: %s", len(refused), fault)
        status = await self._store(events, keys)
        session.reply(_responses(readable, status) + _responses(refused, Status.ESME_RX_P_APPN))

    def _read(self, body: bytes, events: list[Receipt | Inbound], keys: list[Key]) -> None:
        message = parse_message(body)
        if is_receipt(message):
            receipt = parse_receipt(message, self._base)
            if receipt:
                events.append(receipt)
            else:
                log.warning("a receipt names no message and is dropped")
            return
        for inbound, key in self._joiner.add(message, asyncio.get_running_loop().time()):
            events.append(inbound)
            keys += key

    async def _store(self, events: list[Receipt | Inbound], keys: list[Key]) -> Status:
        try:
            if events:
                await self._intake(events)
        except Exception:
            log.exception("%d receipts and messages were not taken in; the SMSC is asked to repeat", len(events))
            return Status.ESME_RX_T_APPN
        self._joiner.settle(keys)
        return Status.ESME_ROK


def _responses(sequences: list[int], status: Status) -> bytes:
    pack = _RESPONSE.pack
    return b"".join([pack(_RESPONSE.size, DELIVER_SM_RESP, status, sequence, 0) for sequence in sequences])
