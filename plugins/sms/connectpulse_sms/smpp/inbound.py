"""Messages from people: decoding, and joining the parts of long ones."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, NamedTuple

from connectpulse.core.api import Inbound

from ..encoding import decode_gsm
from .pdu import ESM_UDH, TAG_SAR_NUMBER, TAG_SAR_REFERENCE, TAG_SAR_TOTAL, Malformed, Message
from .receipts import international

_CODECS: Final[Mapping[int, str]] = {
    0x01: "ascii",
    0x03: "latin-1",
    0x05: "shift_jis",
    0x06: "iso8859_5",
    0x07: "iso8859_8",
    0x08: "utf-16-be",
    0x0E: "euc_kr",
    0x18: "utf-16-be",
}
"""By data_coding (section 5.2.19); 0x18 is UCS-2 shown at once. All others are the default alphabet."""

_DEFAULTS: Final[Mapping[str, Callable[[bytes], str]]] = {
    "gsm7": decode_gsm,
    "latin1": lambda octets: octets.decode("latin-1"),
    "ascii": lambda octets: octets.decode("ascii", "replace"),
}

_REFERENCE_8, _REFERENCE_16 = 0x00, 0x08


class Part(NamedTuple):
    """One piece of a message: which one it belongs to, and its place in it, counted from 1."""

    reference: int
    total: int
    number: int
    text: bytes


def decode(octets: bytes, coding: int, default: str) -> str:
    """Return the text of `octets` by data_coding; `default` names the SMSC's own alphabet."""
    codec = _CODECS.get(coding)
    return octets.decode(codec, "replace") if codec else _DEFAULTS[default](octets)


def parse_part(message: Message) -> Part:
    """Return the piece that `message` carries, by its user data header or its SAR parameters.

    A message that is whole is part 1 of 1. Raises Malformed for a header that overruns its text.
    """
    text = message.text
    elements: Mapping[int, bytes] = {}
    if message.esm_class & ESM_UDH and text:
        elements, text = _user_data_header(text)
    if len(short := elements.get(_REFERENCE_8, b"")) == 3:
        return _part(short[0], short[1], short[2], text)
    if len(wide := elements.get(_REFERENCE_16, b"")) == 4:
        return _part(int.from_bytes(wide[:2], "big"), wide[2], wide[3], text)
    tlvs = message.tlvs
    if TAG_SAR_REFERENCE in tlvs and tlvs.get(TAG_SAR_TOTAL) and tlvs.get(TAG_SAR_NUMBER):
        reference = int.from_bytes(tlvs[TAG_SAR_REFERENCE], "big")
        return _part(reference, tlvs[TAG_SAR_TOTAL][0], tlvs[TAG_SAR_NUMBER][0], text)
    return Part(0, 1, 1, text)


def _part(reference: int, total: int, number: int, text: bytes) -> Part:
    """Return the part; numbers that make no sense stand for a whole message (TS 23.040 9.2.3.24.1)."""
    return Part(reference, total, number, text) if 1 <= number <= total else Part(0, 1, 1, text)


def _user_data_header(text: bytes) -> tuple[dict[int, bytes], bytes]:
    """Return the header's elements and the text after it (TS 23.040 section 9.2.3.24)."""
    end = 1 + text[0]
    if end > len(text):
        raise Malformed("its user data header is longer than the message")
    elements = {}
    start = 1
    while start + 2 <= end:
        value = start + 2
        elements[text[start]] = text[value : min(value + text[start + 1], end)]
        start = value + text[start + 1]
    return elements, text[end:]


Key = tuple[bytes, bytes, int, int]
"""What the parts of one message have in common: source, destination, reference and total."""


@dataclass(slots=True)
class _Pieces:
    """What has come of one long message, and since when it waits for the rest (loop time)."""

    first: Message
    since: float
    texts: dict[int, bytes] = field(default_factory=dict)


class Joiner:
    """Turns messages from people into `Inbound`, joining parts; holds at most `most` unfinished ones.

    Parts are answered as they come, since an SMSC may send the next only then; until the message is
    complete they are in memory alone. What stays unfinished for `patience` seconds, or is pushed out by
    newer ones, is handed on as far as it came. A message is forgotten only by `settle`, once it is
    durable: if that fails, its last part comes again and completes it again.
    """

    def __init__(self, alphabet: str, patience: float = 120, most: int = 1000) -> None:
        self._alphabet = alphabet
        self._patience = patience
        self._most = most
        self._unfinished: dict[Key, _Pieces] = {}

    def add(self, message: Message, now: float) -> list[tuple[Inbound, list[Key]]]:
        """Return what is ready now that `message` has come, each with the keys to settle."""
        part = parse_part(message)
        if part.total == 1:
            return [(self._inbound(message, part.text), [])]
        key = (message.source, message.destination, part.reference, part.total)
        pieces = self._unfinished.setdefault(key, _Pieces(message, now))
        pieces.texts[part.number] = part.text
        ready = [(self._joined(pieces), [key])] if len(pieces.texts) == part.total else []
        if not ready and len(self._unfinished) > self._most:
            ready += self.overdue(now)
        return ready

    def settle(self, keys: list[Key]) -> None:
        """Forget messages that are durable."""
        for key in keys:
            self._unfinished.pop(key, None)

    def overdue(self, now: float | None = None) -> list[tuple[Inbound, list[Key]]]:
        """Return what should wait no longer, as far as it came: everything, if no time is given."""
        surplus = len(self._unfinished) - self._most
        return [
            (self._joined(pieces), [key])
            for place, (key, pieces) in enumerate(self._unfinished.items())
            if now is None or place < surplus or now - pieces.since >= self._patience
        ]

    def _joined(self, pieces: _Pieces) -> Inbound:
        return self._inbound(pieces.first, b"".join(text for _, text in sorted(pieces.texts.items())))

    def _inbound(self, message: Message, text: bytes) -> Inbound:
        return Inbound(
            _address(message.source, message.source_ton),
            _address(message.destination, message.destination_ton),
            decode(text, message.data_coding, self._alphabet),
            received_at=datetime.now(UTC),
        )


def _address(address: bytes, ton: int) -> str:
    """Return E.164 where the address is one, else the address as the SMSC wrote it."""
    return international(address, ton) or address.decode("latin-1")
