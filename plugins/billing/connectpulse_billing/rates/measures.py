"""What a rate is paid for: each measure, how many of it a message takes, and its words."""

from collections.abc import Callable, Mapping
from typing import Final

_MINUTE, _STEP = 60, 6


def _started(seconds: int, length: int) -> int:
    return -(-seconds // length)


MEASURES: Final[Mapping[str, Callable[[int], int]]] = {
    "part": lambda quantity: quantity,
    "message": lambda quantity: 1,
    "minute": lambda quantity: _started(quantity, _MINUTE),
    "six_seconds": lambda quantity: _started(quantity, _STEP),
}
"""From `Measure.quantity` of a message to how many times its rate is paid. Seconds where the channel counts them."""

TITLES: Final[Mapping[str, str]] = {
    "part": "part",
    "message": "message",
    "minute": "started minute",
    "six_seconds": "started 6 seconds",
}
