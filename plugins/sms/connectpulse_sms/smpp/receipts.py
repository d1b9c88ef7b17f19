"""Delivery receipts: from a deliver_sm to a `Receipt` (SMPP 3.4 sections 5.2.28, 5.3.2.35 and appendix B).

Optional parameters are believed before the text, whose format belongs to the vendor: keys come in any
order and case, dates with and without seconds. The dates carry no time zone, so they are not read, and
the excerpt of the message after `text:` is dropped.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from connectpulse.core.api import MessageState, Receipt

from .pdu import (
    ESM_INTERMEDIATE,
    ESM_KIND,
    ESM_RECEIPT,
    TAG_MESSAGE_STATE,
    TAG_NETWORK_ERROR_CODE,
    TAG_RECEIPTED_MESSAGE_ID,
    TON_INTERNATIONAL,
    Message,
)

STATES: Final[Mapping[str, MessageState]] = {
    "ENROUTE": MessageState.SENT,
    "DELIVRD": MessageState.DELIVERED,
    "EXPIRED": MessageState.EXPIRED,
    "DELETED": MessageState.FAILED,
    "UNDELIV": MessageState.UNDELIVERABLE,
    "ACCEPTD": MessageState.ACCEPTED,
    "UNKNOWN": MessageState.SENT,
    "REJECTD": MessageState.REJECTED,
}
"""From the states of appendix B to ours, in the order of their numbers, 1 to 8 (section 5.2.28)."""

REASONS: Final[Mapping[str, str]] = {
    "EXPIRED": "validity_over",
    "DELETED": "deleted_by_provider",
    "UNDELIV": "not_deliverable",
    "UNKNOWN": "state_not_known",
    "REJECTD": "rejected_by_network",
}

Base = Callable[[str], str]
"""Writes a message id as the other side of the exchange writes it."""

_NAMES = ("", *STATES)
_ABBREVIATED = {name[:5]: name for name in STATES}  # some vendors spell the words out: DELIVERED
_FIELD = re.compile(rb"\b(id|stat|err):\s?(?!\w+:)(\S*)", re.IGNORECASE)
_EXCERPT = re.compile(rb"\btext:", re.IGNORECASE)
_NUMBER = re.compile(r"[1-9][0-9]{6,14}")


def same(reference: str) -> str:
    """Return a message id as it is."""
    return reference


def decimal_of_hex(reference: str) -> str:
    """Return a hexadecimal id in decimal; anything else as it is."""
    try:
        return str(int(reference, 16))
    except ValueError:
        return reference


def hex_of_decimal(reference: str) -> str:
    """Return a decimal id in lower-case hexadecimal without leading zeros; anything else as it is."""
    return f"{int(reference):x}" if reference.isdecimal() else reference


def plain_decimal(reference: str) -> str:
    """Return a decimal id without leading zeros; anything else as it is."""
    return str(int(reference)) if reference.isdecimal() else reference


def plain_hex(reference: str) -> str:
    """Return a hexadecimal id in lower case without leading zeros; anything else as it is."""
    try:
        return f"{int(reference, 16):x}"
    except ValueError:
        return reference


BASES: Final[Mapping[str, tuple[Base, Base]]] = {
    "as-is": (same, same),
    "hex-to-decimal": (decimal_of_hex, plain_decimal),
    "decimal-to-hex": (hex_of_decimal, plain_hex),
}
"""By setting: what makes one id of the submit response's, and what of the receipt's."""


def is_receipt(message: Message) -> bool:
    """Return whether a deliver_sm reports on a message of ours; some vendors forget to mark it."""
    kind = message.esm_class & ESM_KIND
    return kind in (ESM_RECEIPT, ESM_INTERMEDIATE) or TAG_RECEIPTED_MESSAGE_ID in message.tlvs


def parse_receipt(message: Message, base: Base = same) -> Receipt | None:
    """Return what a receipt says; None if it names no message, so that nothing can be done with it.

    A state that is in no table counts as `sent`: it says that the network knows the message, no more.
    """
    fields = _fields(message.text)
    tlvs = message.tlvs
    reference = tlvs.get(TAG_RECEIPTED_MESSAGE_ID, b"").rstrip(b"\0") or fields.get(b"id")
    if not reference:
        return None
    state = _state(tlvs.get(TAG_MESSAGE_STATE), fields.get(b"stat", b""))
    return Receipt(
        base(reference.decode("latin-1")),
        STATES.get(state, MessageState.SENT),
        _code(tlvs.get(TAG_NETWORK_ERROR_CODE), fields.get(b"err", b"")),
        REASONS.get(state, ""),
        address=international(message.source, message.source_ton),
    )


def international(address: bytes, ton: int) -> str:
    """Return an address of the SMSC in E.164 where it is one, empty where that cannot be told.

    A number is international if it says so (plus sign, type of number 1) or is too long to be a local
    one; a short code of seven digits is not.
    """
    text = address.decode("latin-1")
    number = text.removeprefix("+")
    if not _NUMBER.fullmatch(number):
        return ""
    return f"+{number}" if ton == TON_INTERNATIONAL or text != number or len(number) >= 10 else ""


def _fields(text: bytes) -> dict[bytes, bytes]:
    """Return id, stat and err of a receipt's text, the first of each, outside the excerpt if possible."""
    excerpt = _EXCERPT.search(text)
    found = _FIELD.findall(text, 0, excerpt.start()) if excerpt else _FIELD.findall(text)
    if excerpt and not found:
        found = _FIELD.findall(text)
    return {key.lower(): value for key, value in reversed(found)}


def _state(number: bytes | None, word: bytes) -> str:
    if number and number[0] < len(_NAMES) and number[0]:
        return _NAMES[number[0]]
    return _ABBREVIATED.get(word[:5].decode("latin-1").upper(), "")


def _code(network: bytes | None, word: bytes) -> str:
    """Return the network's error code: octets two and three of the parameter, or `err` of the text."""
    if network and len(network) == 3:
        return str(int.from_bytes(network[1:], "big"))
    return word.decode("latin-1")
