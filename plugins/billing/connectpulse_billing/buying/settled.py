"""Who is told, in the same transaction, when an order is paid and when money of it went back for good."""

from collections.abc import Callable
from decimal import Decimal

from connectpulse.core.api import Work

from .order_models import Order

Paid = Callable[[Work, Order], object]
Reversed = Callable[[Work, Order, Decimal, str], object]

PAID: tuple[Paid, ...] = ()
"""Called once per order with the order, after its units were granted. Set by the plugin when it is put together."""

REVERSED: tuple[Reversed, ...] = ()
"""Called once per sum that went back, with the order, the sum and the reason."""

SELLERS: tuple[Callable[[Work, str], int | None], ...] = ()
"""Each may say which legal entity sells in a currency: its id, or None. The first answer holds."""


def seller(work: Work, currency: str) -> int | None:
    """Return the legal entity that sells in `currency`, None where no other area knows any."""
    return next((found for each in SELLERS if (found := each(work, currency)) is not None), None)
