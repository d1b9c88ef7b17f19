"""One session of the simulated SMSC with an ESME."""

import asyncio
import random
from typing import TYPE_CHECKING, Final, cast

from ..smpp.pdu import (
    BIND_RECEIVER,
    BIND_TRANSCEIVER,
    BIND_TRANSMITTER,
    DELIVER_SM,
    DELIVER_SM_RESP,
    ENQUIRE_LINK,
    ENQUIRE_LINK_RESP,
    GENERIC_NACK,
    HEADER,
    IS_RESPONSE,
    LAST_SEQUENCE,
    LEAST_LENGTH,
    SUBMIT_SM,
    SUBMIT_SM_RESP,
    UNBIND,
    UNBIND_RESP,
    Malformed,
    Reader,
    frame,
    parse_message,
)
from ..smpp.status import Status, code

if TYPE_CHECKING:
    from .smsc import Account, Smsc

_BINDS: Final = (BIND_TRANSCEIVER, BIND_TRANSMITTER, BIND_RECEIVER)
_NAME: Final = b"PULSE SMSC\0"


class Link(asyncio.Protocol):
    """Serves what one chunk brought with one write: answers, and receipts as the window admits.

    `unanswered` holds the deliver_sm that the ESME has not confirmed; they outlive the session.
    """

    def __init__(self, smsc: "Smsc") -> None:
        self._smsc = smsc
        self._options = smsc.options
        self._reader = Reader()
        self._random = random.Random(smsc.options.seed)  # noqa: S311 - a reproducible disorder
        self._transport: asyncio.Transport | None = None
        self._account: Account | None = None
        self._bind = 0
        self._sequence = 0
        self._out: list[bytes] = []
        self._receipts: list[bytes] = []
        self.unanswered: dict[int, bytes] = {}

    @property
    def receives(self) -> bool:
        return self._bind in (BIND_TRANSCEIVER, BIND_RECEIVER)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._smsc.links.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._smsc.links.discard(self)
        if self._account:
            self._account.links.remove(self)
            self._account.waiting.extendleft(reversed(self.unanswered.values()))
            self._account.flush()

    def abort(self) -> None:
        """Cut the connection."""
        if self._transport:
            self._transport.abort()

    def data_received(self, chunk: bytes) -> None:
        refused: list[bytes] = []
        for command, status, sequence, body in self._reader.feed(chunk):
            if command == SUBMIT_SM:
                if not self._submit(sequence, body):
                    self._pass_on(refused)
                    self.abort()
                    return
            elif command == DELIVER_SM_RESP:
                delivered = self.unanswered.pop(sequence, None)
                if delivered is not None and status != Status.ESME_ROK:
                    refused.append(delivered)
            elif not command & IS_RESPONSE:
                self._serve(command, sequence, body)
        self._pass_on(refused)
        self.flush()
        if self._reader.fault and self._transport:
            self._transport.write(frame(GENERIC_NACK, 0, status=Status.ESME_RINVCMDLEN))
            self._transport.close()

    def flush(self) -> None:
        """Write the answers, and what waits for this account as far as the window admits."""
        deliveries = self._next_deliveries() if self.receives else []
        pieces = deliveries + self._out if self._options.is_early else self._out + deliveries
        self._out = []
        if pieces and self._transport:
            self._transport.write(b"".join(pieces))
        if not self.receives and self._account and self._account.waiting:
            self._account.flush()

    def _next_deliveries(self) -> list[bytes]:
        account = self._account
        if account is None or not account.waiting:
            return []
        room = min(self._options.delivery_window - len(self.unanswered), len(account.waiting))
        bodies = [account.waiting.popleft() for _ in range(room)]
        if self._options.is_shuffled:
            self._random.shuffle(bodies)
        pieces: list[bytes] = []
        for body in bodies:
            self._sequence = self._sequence % LAST_SEQUENCE + 1
            self.unanswered[self._sequence] = body
            pieces += (HEADER.pack(LEAST_LENGTH + len(body), DELIVER_SM, 0, self._sequence), body)
        return pieces

    def _pass_on(self, refused: list[bytes]) -> None:
        """Give the chunk's receipts to the account, now or after the delay, and the refused ones later."""
        if self._account is None:
            return
        if refused:
            self._smsc.later(self._options.retry_after, self._account, refused)
        if self._receipts and self._options.receipt_delay:
            self._smsc.later(self._options.receipt_delay, self._account, self._receipts)
            self._receipts = []
        elif self._receipts:
            self._account.waiting += self._receipts
            self._receipts.clear()

    def _submit(self, sequence: int, body: bytes) -> bool:
        """Accept or refuse a submit_sm; return False if the connection is to be cut for it."""
        smsc = self._smsc
        try:
            message = parse_message(body)
        except Malformed:
            return self._refuse(sequence, Status.ESME_RINVMSGLEN)
        if self._account is None or self._bind == BIND_RECEIVER:
            return self._refuse(sequence, Status.ESME_RINVBNDSTS)
        status = smsc.admit(message)
        if status:
            return self._refuse(sequence, status)
        number = smsc.record.add(body, message)
        receipts = smsc.network.receipts(message, number)
        self._receipts += receipts * 2 if self._options.is_duplicated else receipts
        if smsc.is_turn(self._options.drop_every):
            return False
        if not smsc.is_turn(self._options.stall_every):
            reference = smsc.network.answer_id(number)
            self._out.append(
                b"%b%b\0" % (HEADER.pack(LEAST_LENGTH + 1 + len(reference), SUBMIT_SM_RESP, 0, sequence), reference)
            )
        return True

    def _refuse(self, sequence: int, status: int) -> bool:
        self._smsc.record.refuse(code(status))
        self._out.append(frame(SUBMIT_SM_RESP, sequence, status=status))
        return True

    def _serve(self, command: int, sequence: int, body: bytes) -> None:
        if command in _BINDS:
            self._admit(command, sequence, body)
        elif command == ENQUIRE_LINK:
            self._out.append(frame(ENQUIRE_LINK_RESP, sequence))
        elif command == UNBIND:
            self._out.append(frame(UNBIND_RESP, sequence))
            self._bind = 0
            self.flush()
            if self._transport:
                self._transport.close()
        else:
            self._out.append(frame(GENERIC_NACK, sequence, status=Status.ESME_RINVCMDID))

    def _admit(self, command: int, sequence: int, body: bytes) -> None:
        system_id, _, rest = body.partition(b"\0")
        status = Status.ESME_RALYBND
        if self._account is None:
            status, self._account = self._smsc.bind(self, system_id.decode("latin-1"), rest.partition(b"\0")[0])
            self._bind = command if self._account else 0
        answer = _NAME if status == Status.ESME_ROK else b""
        self._out.append(frame(command | IS_RESPONSE, sequence, answer, status))
