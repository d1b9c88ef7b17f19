"""What becomes of a message: by the last two digits of its recipient, or by a share of all recipients.

A recipient's fate is the same in every run.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from zlib import crc32


@dataclass(frozen=True, slots=True)
class Fate:
    """`name` is the last that is told: silent, sent, delivered, read or failed.

    Codes are `refused` at once, `first` at the first attempt only, and `failed` after it was accepted. `billed_as` is
    the category its receipts tell instead of its template's. `is_lost`: taken, and the connection is cut instead of an
    answer.
    """

    name: str
    refused: str = ""
    first: str = ""
    failed: str = ""
    billed_as: str = ""
    is_lost: bool = False

    @property
    def last(self) -> int:
        """How many states follow the first one that is told."""
        return _AFTER.get(self.name, 0)


_AFTER: Final[Mapping[str, int]] = {"delivered": 1, "read": 2}
SERVICE: Final = "service"
"""The category of what costs nothing."""
DELIVERED: Final = Fate("delivered")
READ: Final = Fate("read")
NOT_THERE: Final = Fate("failed", failed="131026")

_BY_DIGITS: Final[Mapping[str, Fate]] = {
    "89": Fate("delivered", billed_as="utility"),
    "90": Fate("delivered", billed_as=SERVICE),
    "91": NOT_THERE,
    "92": Fate("failed", failed="131049"),
    "93": Fate("failed", failed="131050"),
    "94": Fate("silent", refused="131021"),
    "95": Fate("silent", refused="132001"),
    "96": Fate("read", first="130429"),
    "97": Fate("delivered", is_lost=True),
    "98": Fate("silent"),
    "99": Fate("sent"),
}

Decide = Callable[[str], Fate]


def by_digits(to: str) -> Fate:
    """Return the fate of who is written to: even numbers read, odd ones only get it, from 89 on see above."""
    return _BY_DIGITS.get(to[-2:]) or _plain(to)


def by_share(undeliverable: int) -> Decide:
    """Return what decides where so many percent of all recipients are not on WhatsApp, and nothing else goes wrong."""
    return lambda to: NOT_THERE if crc32(to.encode()) % 100 < undeliverable else _plain(to)


def _plain(to: str) -> Fate:
    return READ if to[-1:] in "02468" else DELIVERED
