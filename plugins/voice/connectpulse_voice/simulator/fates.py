"""What becomes of calls in trials: the last two digits of the number that is called decide."""

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


def of(number: str) -> Fate:
    """Return the fate of a call to a number."""
    return FATES.get(number[-2:], _ANSWERED)
