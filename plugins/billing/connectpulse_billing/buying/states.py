"""The states of an order and how it may move between them."""

from collections.abc import Mapping
from enum import StrEnum


class OrderState(StrEnum):
    PLACED = "placed"
    AWAITING = "awaiting"
    PAID = "paid"
    PART_REVERSED = "part_reversed"
    REVERSED = "reversed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


_S = OrderState

STEPS: Mapping[OrderState, frozenset[OrderState]] = {
    _S.PLACED: frozenset({_S.AWAITING, _S.PAID, _S.CANCELLED, _S.EXPIRED}),
    _S.AWAITING: frozenset({_S.PAID, _S.CANCELLED, _S.EXPIRED}),
    _S.PAID: frozenset({_S.PART_REVERSED, _S.REVERSED}),
    _S.PART_REVERSED: frozenset({_S.PART_REVERSED, _S.REVERSED, _S.PAID}),
    _S.REVERSED: frozenset({_S.PART_REVERSED, _S.PAID}),
    _S.CANCELLED: frozenset({_S.PAID}),
    _S.EXPIRED: frozenset({_S.PAID}),
}
"""Where each state may lead. Money that comes late is honoured: it was paid for units, and units are given.

A dispute that is won leads back from the reversed states.
"""

OPEN = frozenset({_S.PLACED, _S.AWAITING})
SETTLED = frozenset({_S.PAID, _S.PART_REVERSED, _S.REVERSED})

TITLES: Mapping[OrderState, tuple[str, str]] = {
    _S.PLACED: ("not paid yet", "busy"),
    _S.AWAITING: ("waiting for payment", "busy"),
    _S.PAID: ("paid", "ok"),
    _S.PART_REVERSED: ("partly paid back", "warn"),
    _S.REVERSED: ("paid back", "bad"),
    _S.CANCELLED: ("cancelled", ""),
    _S.EXPIRED: ("expired", ""),
}
"""What people read, and the kind of mark."""


def may_become(before: OrderState, after: OrderState) -> bool:
    """Return whether an order may move from one state to another."""
    return after in STEPS[before]
