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


class Place(NamedTuple):
    """What a reference stands for."""

    message_id: int
    part: int
    attempt: int


@dataclass(slots=True)
class Known:
    """A message some receipts are about: what it was, and the best that each part was reported as.

    `bill` is the quantity reported with the furthest state; `plea` a receipt that asks for a suppression.
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
    cause: Cause = Cause.PLAIN
    best: dict[int, Receipt] = field(default_factory=dict)
    bill: tuple[MessageState, int] | None = None
    plea: Receipt | None = None

    @property
    def place(self) -> int | None:
        return counters.place_of(self.fallback, self.onward)

    @property
    def day(self) -> date | None:
        return ids.day_alone(self.id, self.campaign_id)

    def due(self, billed: int | None) -> Decimal:
        """Return what the message costs if its provider bills `billed`."""
        return due(Price(self.units, self.step), self.quantity, billed)

    @property
    def rebilled(self) -> int | None:
        """What the provider bills after its receipts; one that is behind the state changes no bill."""
        if self.bill is None or (self.billed is not None and self.bill[0] < self.before):
            return self.billed
        return self.bill[1]
