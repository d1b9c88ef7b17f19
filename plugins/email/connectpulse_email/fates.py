"""What becomes of a letter in trials: the last two digits before the @ decide, in the simulator and in the sink."""

from collections.abc import Mapping
from typing import Final, NamedTuple


class Fate(NamedTuple):
    """`reply` refuses at RCPT, `end` after the letter; `bounce` is the status of a notification that comes later.

    `first` holds for the first attempt only: "later" puts it off, "lost" ends the connection instead of answering.
    `complains` sends a complaint afterwards; a `silent` letter is never reported on.
    """

    reply: str = ""
    end: str = ""
    bounce: str = ""
    first: str = ""
    complains: bool = False
    is_silent: bool = False


FATES: Final[Mapping[str, Fate]] = {
    "91": Fate(reply="550 5.1.1 There is nobody of this name"),
    "92": Fate(bounce="5.2.2"),
    "93": Fate(bounce="5.1.1"),
    "94": Fate(end="554 5.7.1 We do not want this letter"),
    "95": Fate(complains=True),
    "96": Fate(first="later"),
    "97": Fate(first="lost"),
    "98": Fate(is_silent=True),
}
LATER: Final = "450 4.2.1 Try again in a while"
GOOD: Final = Fate()


def fate(address: str) -> Fate:
    """Return what becomes of a letter to an address."""
    return FATES.get(address.rpartition("@")[0][-2:], GOOD)
