"""What becomes of a message, by the last two digits of the recipient: the same at the simulator and in a trial."""

from collections.abc import Mapping
from typing import Final

FAILED: Final[Mapping[str, str]] = {"91": "131026", "92": "131049", "93": "131050"}
"""Accepted, and reported as failed with this code."""

REFUSED: Final[Mapping[str, str]] = {"94": "131021", "95": "132001"}
"""Refused at once with this code."""

FIRST_TIME: Final[Mapping[str, str]] = {"96": "130429"}
"""Refused at the first attempt only."""

LOST: Final = "97"
"""Taken at the first attempt, and never answered."""

SILENT: Final = "98"
"""Accepted, and never reported."""

SENT_ONLY: Final = frozenset({"99"})
"""Reported as sent, and never as delivered."""


def is_read(digits: str) -> bool:
    """Return whether a delivered message is read as well: every second one."""
    return digits[-1:] in "02468"
