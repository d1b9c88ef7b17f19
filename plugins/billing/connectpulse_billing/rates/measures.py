"""What a rate is paid for: each measure, how many of it a message takes, and its words."""

from collections.abc import Mapping
from typing import Final

STEPS: Final[Mapping[str, int]] = {"part": 1, "message": 0, "minute": 60, "six_seconds": 6}
"""How much of `Measure.quantity` a rate is paid for once: see `Price.step`. Seconds where the channel counts them."""


def times(quantity: int, step: int) -> int:
    """Return how many times a rate is paid for a quantity; 0 as a step pays it once."""
    return -(-quantity // step) if step else 1


TITLES: Final[Mapping[str, str]] = {
    "part": "part",
    "message": "message",
    "minute": "started minute",
    "six_seconds": "started 6 seconds",
}
