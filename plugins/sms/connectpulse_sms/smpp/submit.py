"""From a submission to the bodies of its submit_sm: alphabet, addresses, parts and validity.

What does not change from one message to the next (sender, validity, flags) is built once.
"""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import lru_cache
from itertools import count
from typing import Final

from connectpulse.core.api import ErrorClass, Rejected, Submission

from ..encoding import GSM, UCS2, encode_gsm, split
from .pdu import (
    ESM_UDH,
    TAG_MESSAGE_PAYLOAD,
    TAG_SAR_NUMBER,
    TAG_SAR_REFERENCE,
    TAG_SAR_TOTAL,
    UCS2_CODING,
    address_head,
    encode_tlvs,
    message_tail,
)
from .settings import Settings

REGISTERED: Final[Mapping[str, int]] = {"none": 0x00, "final": 0x01, "intermediate": 0x11}
"""registered_delivery by setting (section 5.2.17)."""

LONGEST_VALIDITY: Final = timedelta(days=30)
"""A relative time counts days up to 31 before months begin, whose length nobody agrees on."""

_SHORTCODE = re.compile(r"[0-9]{3,8}")
_NUMBER = re.compile(r"\+?[0-9]+")


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-be", "replace")


def _latin1(text: str) -> bytes:
    encode_gsm(text)  # beyond the GSM alphabet Latin-1 would reach the SMSC and no phone
    return text.encode("latin-1")


def _ascii(text: str) -> bytes:
    encode_gsm(text)
    return text.encode("ascii")


_ENCODERS: Final[Mapping[str, Callable[[str], bytes]]] = {
    "gsm7": encode_gsm,
    "latin1": _latin1,
    "ascii": _ascii,
}
"""By setting: writes a text in the SMSC's default alphabet, or raises UnicodeEncodeError."""


class Unsendable(Exception):
    """A message that no submit_sm can carry; `outcome` says why."""

    def __init__(self, reason: str, error: ErrorClass) -> None:
        super().__init__(reason)
        self.outcome = Rejected(reason, error)


class Composer:
    """Builds submit_sm bodies in the dialect of one SMSC."""

    def __init__(self, settings: Settings, first_reference: int = 0) -> None:
        self._settings = settings
        self._bits = int(settings.reference_bits)
        self._references = count(first_reference)
        self._registered = REGISTERED[settings.receipts]
        self._encode_default = _ENCODERS[settings.alphabet]
        self._head = lru_cache(maxsize=1024)(self._build_head)
        self._tail = lru_cache(maxsize=1024)(self._build_tail)

    def compose(self, submission: Submission) -> list[bytes]:
        """Return one body per part, in order; raise Unsendable if none can be made."""
        head = self._head(submission.sender) + self._recipient(submission.address)
        coding, texts = self._encode(submission.body)
        if len(texts) == 1:
            tail = self._tail(submission.validity, coding, 0)
            return [b"%b%b%c%b" % (head, tail, len(texts[0]), texts[0])]
        if self._settings.long_text == "payload":
            whole = encode_tlvs({TAG_MESSAGE_PAYLOAD: b"".join(texts)})
            return [b"%b%b\0%b" % (head, self._tail(submission.validity, coding, 0), whole)]
        return self._parts(head, submission.validity, coding, texts)

    def _parts(self, head: bytes, validity: timedelta, coding: int, texts: list[bytes]) -> list[bytes]:
        reference = next(self._references) % (1 << self._bits)
        with_header = self._settings.long_text == "udh"
        start = head + self._tail(validity, coding, ESM_UDH if with_header else 0)
        bodies = []
        for number, text in enumerate(texts, start=1):
            if with_header:
                text = part_header(self._bits, reference, len(texts), number) + text
                bodies.append(b"%b%c%b" % (start, len(text), text))
            else:
                bodies.append(b"%b%c%b%b" % (start, len(text), text, _sar(reference, len(texts), number)))
        return bodies

    def _encode(self, text: str) -> tuple[int, list[bytes]]:
        """Return data_coding and the octets of each part.

        A text of the GSM alphabet that the SMSC's own default alphabet lacks goes as UCS-2.
        """
        try:
            try:
                octets = self._encode_default(text)
            except UnicodeEncodeError:
                return UCS2_CODING, [_utf16(part) for part in split(text, self._bits, UCS2)]
            parts = split(text, self._bits, GSM)
        except ValueError:
            raise Unsendable("too_many_parts", ErrorClass.CONTENT) from None
        return 0, [octets] if len(parts) == 1 else [self._encode_default(part) for part in parts]

    def _recipient(self, address: str) -> bytes:
        number = address.removeprefix("+")
        if not number.isdecimal() or not number.isascii() or len(number) > 20:
            raise Unsendable("invalid_recipient", ErrorClass.RECIPIENT)
        return b"\1\1+%b" % number.encode() if self._settings.with_plus else b"\1\1%b" % number.encode()

    def _build_head(self, sender: str) -> bytes:
        ton, npi = self._source_type(sender)
        number = sender.removeprefix("+") if _NUMBER.fullmatch(sender) else sender
        try:
            source = number.encode("ascii")
        except UnicodeEncodeError:
            raise Unsendable("sender_not_expressible", ErrorClass.SENDER) from None
        if len(source) > 20 or b"\0" in source:
            raise Unsendable("sender_not_expressible", ErrorClass.SENDER)
        return address_head(self._settings.service_type.encode("ascii"), ton, npi, source)

    def _source_type(self, sender: str) -> tuple[int, int]:
        """Return type of number and numbering plan: 5/0 a name, 3/0 a short code, 1/1 a full number."""
        if self._settings.source_type != "auto":
            ton, npi = self._settings.source_type.split("/")
            return int(ton), int(npi)
        if _SHORTCODE.fullmatch(sender):
            return 3, 0
        return (1, 1) if _NUMBER.fullmatch(sender) else (5, 0)

    def _build_tail(self, validity: timedelta, coding: int, esm_class: int) -> bytes:
        return message_tail(esm_class, relative_time(validity), self._registered, coding)


def relative_time(validity: timedelta) -> bytes:
    """Return a validity_period in relative form, 16 characters (section 7.1.1), at most 30 days."""
    seconds = max(int(min(validity, LONGEST_VALIDITY).total_seconds()), 1)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return b"0000%02d%02d%02d%02d000R" % (day, hour, minute, second)


def part_header(bits: int, reference: int, total: int, number: int) -> bytes:
    """Return the user data header that joins parts (3GPP TS 23.040 sections 9.2.3.24.1 and .8)."""
    if bits == 8:
        return bytes((5, 0x00, 3, reference, total, number))
    return bytes((6, 0x08, 4, reference >> 8, reference & 0xFF, total, number))


def _sar(reference: int, total: int, number: int) -> bytes:
    return encode_tlvs(
        {
            TAG_SAR_REFERENCE: reference.to_bytes(2, "big"),
            TAG_SAR_TOTAL: bytes((total,)),
            TAG_SAR_NUMBER: bytes((number,)),
        }
    )
