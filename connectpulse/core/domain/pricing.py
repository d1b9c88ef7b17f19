"""What a message costs: at first by what was measured, in the end by what its provider says it bills."""

from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import NamedTuple

_PLACES = Decimal("0.0001")
_NOTHING = Decimal(0)


class Price(NamedTuple):
    """The units of a message as it was measured, and how they follow its quantity.

    Each started `step` of the quantity costs the same: 1 for a price per part or second, 60 for one per started
    minute where seconds are counted. 0 is a price per message, whatever its quantity. What is billed as 0 is free.
    """

    units: Decimal
    step: int = 1


@lru_cache(maxsize=4096)  # the messages of a campaign cost much the same
def due(price: Price, quantity: int, billed: int | None) -> Decimal:
    """Return what a message of `quantity` costs if its provider bills `billed`, None where it does not say.

    The twin of `services.receipts.DUE`.
    """
    if billed == 0:
        return _NOTHING
    if billed is None or price.step == 0:
        return price.units
    steps, measured = (-(-each // price.step) for each in (billed, quantity))
    return (price.units * steps / max(measured, 1)).quantize(_PLACES, ROUND_HALF_UP)
