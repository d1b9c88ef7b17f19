"""What receipts are about: messages as they were read, with the best that is reported on each of their parts."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from ..domain.message import Cause, MessageState
from ..domain.pricing import Price, due
from ..domain.provider import Receipt
from ..storage import ids
from . import counters

_NOTHING = Decimal(0)


class Place(NamedTuple):
    """What a reference stands for."""

    message_id: int
    part: int
    attempt: int


@dataclass(slots=True)
class Known:
    """A message some receipts are about: what it was, and the best that each part was reported as.

    `bill` is the quantity reported with the furthest state, `named` the category; `plea` a receipt that asks for a
    suppression. `price` is what it costs as that category, where it was reserved as another.
    """

    id: int
    organisation_id: int
    campaign_id: int | None
    channel: str
    before: MessageState
    part_states: list[int] | None
    units: Decimal
    step: int
    quantity: int
    attempt: int
    fallback: int
    onward: int
    billed: int | None = None
    category: str = ""
    cause: Cause = Cause.PLAIN
    best: dict[int, Receipt] = field(default_factory=dict)
    bill: tuple[MessageState, int] | None = None
    named: tuple[MessageState, str] | None = None
    plea: Receipt | None = None
    price: Price | None = None

    @property
    def place(self) -> int | None:
        return counters.place_of(self.fallback, self.onward)

    @property
    def day(self) -> date | None:
        return ids.day_alone(self.id, self.campaign_id)

    def due(self, billed: int | None) -> Decimal:
        """Return what the message costs as it was reserved if its provider bills `billed`."""
        return due(self.reserved, self.quantity, billed)

    @property
    def reserved(self) -> Price:
        return Price(self.units, self.step)

    @property
    def costs(self) -> Price:
        """Its price after its receipts."""
        return self.price or self.reserved

    @property
    def correction(self) -> Decimal:
        """How much dearer the message became by what its provider bills, and as what."""
        bill = self.rebilled
        if self.price is None and (bill == self.billed or (self.billed is None and bill == self.quantity > 0)):
            return _NOTHING  # quickly, since it is so for most
        return due(self.costs, self.quantity, bill) - self.due(self.billed)

    @property
    def rebilled(self) -> int | None:
        """What the provider bills after its receipts; one that is behind the state changes no bill."""
        if self.bill is None or self._is_behind(self.bill[0]):
            return self.billed
        return self.bill[1]

    @property
    def other_category(self) -> str:
        """What the provider bills it as after its receipts, where its price is another's; else empty."""
        if self.named is None or self.named[1] == self.category or self._is_behind(self.named[0]):
            return ""
        if not self.category:  # it was priced before categories were kept, or its channel knows none
            return ""
        return self.named[1]

    def _is_behind(self, state: MessageState) -> bool:
        return self.billed is not None and state < self.before
