"""What the simulated network does with a message, and the receipt that tells of it."""

import time
from collections.abc import Callable, Mapping
from typing import Final
from zlib import crc32

from ..encoding import encode_gsm, is_gsm, split
from ..smpp.pdu import (
    ESM_INTERMEDIATE,
    ESM_RECEIPT,
    ESM_UDH,
    TAG_MESSAGE_STATE,
    TAG_RECEIPTED_MESSAGE_ID,
    UCS2_CODING,
    Message,
    encode_tlvs,
)
from ..smpp.receipts import STATES
from ..smpp.submit import part_header
from .options import Options

_NUMBERS: Final[Mapping[str, int]] = {name: number for number, name in enumerate(STATES, start=1)}
_ERRORS: Final = {
    "DELIVRD": b"000",
    "UNDELIV": b"001",
    "EXPIRED": b"027",
    "REJECTD": b"008",
    "ENROUTE": b"000",
}
_TEXT = b"id:%b sub:001 dlvrd:%b submit date:%b done date:%b stat:%b err:%b text:"
_IDS: Final[Mapping[str, Callable[[int], bytes]]] = {
    "decimal": lambda number: b"%d" % number,
    "hex": lambda number: b"%X" % number,
}


class Network:
    """Decides every destination's fate beforehand, and writes receipts in the form the options ask for."""

    def __init__(self, options: Options) -> None:
        shares = {"UNDELIV": options.undeliverable, "EXPIRED": options.expired, "REJECTD": options.rejected}
        fates = [state for state, share in shares.items() for _ in range(share)]
        self._fates = fates + ["DELIVRD"] * (100 - len(fates))
        self._seed = options.seed
        self._has_text = options.receipt_form in ("text", "both")
        self._has_tlvs = options.receipt_form in ("tlv", "both")
        self.answer_id = _IDS[options.answer_ids]
        self._receipt_id = _IDS[options.receipt_ids]

    def fate(self, destination: bytes) -> str:
        """Return the final state of what is sent to `destination`, as appendix B of SMPP 3.4 writes it."""
        return self._fates[crc32(destination, self._seed) % 100]

    def receipts(self, message: Message, number: int) -> list[bytes]:
        """Return the deliver_sm bodies that report on `message`, as it asked (section 5.2.17)."""
        wanted = message.registered_delivery
        fate = self.fate(message.destination)
        bodies = [self._receipt(message, number, "ENROUTE", ESM_INTERMEDIATE)] if wanted & 0x10 else []
        if wanted & 0x03 == 1 or (wanted & 0x03 == 2 and fate != "DELIVRD"):
            bodies.append(self._receipt(message, number, fate, ESM_RECEIPT))
        return bodies

    def _receipt(self, message: Message, number: int, state: str, esm_class: int) -> bytes:
        reference = self._receipt_id(number)
        text = b""
        tlvs = b""
        if self._has_text:
            now = time.strftime("%y%m%d%H%M").encode()
            is_delivered = b"001" if state == "DELIVRD" else b"000"
            text = _TEXT % (reference, is_delivered, now, now, state.encode(), _ERRORS[state])
        if self._has_tlvs:
            tlvs = encode_tlvs(
                {TAG_RECEIPTED_MESSAGE_ID: reference + b"\0", TAG_MESSAGE_STATE: bytes((_NUMBERS[state],))}
            )
        return b"\0%c%c%b\0%c%c%b\0%c\0\0\0\0\0\0\0\0%c%b%b" % (
            message.destination_ton,
            message.destination_npi,
            message.destination,
            message.source_ton,
            message.source_npi,
            message.source,
            esm_class,
            len(text),
            text,
            tlvs,
        )


def inbound(source: str, destination: str, text: str, reference: int) -> list[bytes]:
    """Return the deliver_sm bodies of a person's message, in parts with a user data header when long."""
    coding = 0 if is_gsm(text) else UCS2_CODING
    parts = split(text)
    octets = [encode_gsm(part) if coding == 0 else part.encode("utf-16-be") for part in parts]
    message = Message(_digits(source), _digits(destination), b"", data_coding=coding, source_ton=1, source_npi=1)
    if len(parts) == 1:
        return [message._replace(text=octets[0]).encode()]
    return [
        message._replace(text=part_header(8, reference % 256, len(parts), number) + piece, esm_class=ESM_UDH).encode()
        for number, piece in enumerate(octets, start=1)
    ]


def _digits(address: str) -> bytes:
    return address.removeprefix("+").encode("ascii")
