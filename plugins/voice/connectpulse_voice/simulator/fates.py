"""What becomes of calls in trials: the last two digits of the number that is called decide."""

import zlib
from dataclasses import dataclass
from typing import Final

from ..outcomes import BUSY, CONGESTION, DECLINED, HUMAN, INVALID, MACHINE, NO_ANSWER


@dataclass(frozen=True, slots=True)
class Fate:
    """How a callee behaves: refuses with a SIP `status`, or answers (200), presses `keys`, perhaps is a machine."""

    ending: str
    status: int = 200
    phrase: str = "OK"
    keys: str = ""


FATES: Final = {
    "86": Fate(BUSY, 486, "Busy Here"),
    "80": Fate(NO_ANSWER, 480, "Temporarily Unavailable"),
    "04": Fate(INVALID, 404, "Not Found"),
    "03": Fate(DECLINED, 603, "Decline"),
    "53": Fate(CONGESTION, 503, "Service Unavailable"),
    "71": Fate(HUMAN, keys="1"),
    "72": Fate(HUMAN, keys="2"),
    "79": Fate(HUMAN, keys="9"),
    "77": Fate(MACHINE),
}
"""By the last two digits; all other numbers are answered by a person who presses nothing."""

_ANSWERED: Final = Fate(HUMAN)


def of(number: str, unknown: int = 0) -> Fate:
    """Return the fate of a call to a number; `unknown` percent of those who would answer do not exist instead.

    Which of them is decided by their digits, so that it is the same in every run.
    """
    fate = FATES.get(number[-2:], _ANSWERED)
    return FATES["04"] if fate is _ANSWERED and zlib.crc32(number.encode()) % 100 < unknown else fate
