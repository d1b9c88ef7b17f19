"""What moves a recipient of a campaign on to its next channel: endings of a message, as a number of few bits.

A message and its dispatch carry the number, so that whoever ends one knows at once whether anything follows.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from .message import MessageState

FOLLOWED: Final = 1
"""Something follows, whatever endings were chosen: a recipient who may not be written to here goes on as well."""

BITS: Final[Mapping[MessageState, int]] = MappingProxyType(
    {
        MessageState.EXPIRED: 2,
        MessageState.FAILED: 4,
        MessageState.UNDELIVERABLE: 8,
        MessageState.REJECTED: 16,
    }
)
OUTCOMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "undeliverable": "It cannot be delivered",
        "expired": "It was not delivered within its validity",
        "rejected": "The provider refuses it",
        "failed": "It could not be sent",
    }
)
"""The endings a person may choose, by name, in words."""

BIT_OF_STATE: Final = "CASE m.state " + " ".join(f"WHEN {int(s)} THEN {bit}" for s, bit in BITS.items()) + " ELSE 0 END"
"""The bit of the state of a message `m`, in SQL."""


def onward(outcomes: Iterable[str]) -> int:
    """Return the number for these endings, chosen by name."""
    number = FOLLOWED
    for name in outcomes:
        number |= BITS[MessageState[name.upper()]]
    return number


def is_followed(state: MessageState, number: int) -> bool:
    """Return whether a message that ended like this is followed by another."""
    return bool(number and (state is MessageState.SKIPPED or BITS.get(state, 0) & number))
