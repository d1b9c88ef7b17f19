"""Messages that came to a state together without a provider's answer: counted, and settled with the ledger."""

from collections import Counter as Tally
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from ..domain.contracts import Movement
from ..domain.message import MessageState, cause
from ..storage import ids
from . import counters
from .work import Work


class Gone(NamedTuple):
    """How many messages of one campaign, channel and day moved; the columns of `TOGETHER`, in order."""

    organisation_id: int
    campaign_id: int | None
    channel: str
    place: int | None
    day: date | None
    messages: int
    units: Decimal
    quantity: int


COLUMNS = "organisation_id, campaign_id, channel, fallback, onward, id, units, quantity"
PLACE = "CASE WHEN fallback > 0 OR onward <> 0 THEN fallback END"
TOGETHER = (
    f"SELECT organisation_id, campaign_id, channel, {PLACE}, {ids.DAY_ALONE}, count(*), sum(units), sum(quantity) "
    "FROM u GROUP BY 1, 2, 3, 4, 5"
)
"""Ends a statement whose `u` returns `COLUMNS` of what moved."""


def account(
    work: Work, gone: Iterable[tuple[Any, ...]], before: MessageState, after: MessageState, reason: str = ""
) -> None:
    """Count and settle what moved; `gone` are rows as `TOGETHER` makes them, `reason` is counted where it is given."""
    found = [Gone(*row) for row in gone]
    deltas: Tally[tuple[int, int, str]] = Tally()
    for each in found:
        names = counters.moves(before, after, each.messages, each.place)
        if reason and names:
            names[f"reason:{reason}"] = each.messages
        for name, amount in names.items():
            deltas[each.organisation_id, each.campaign_id or 0, name] += amount
    counters.add(work, deltas)
    if found:
        work.registry.ledger.settle(
            work,
            [
                Movement(each.organisation_id, each.campaign_id, each.channel, before, after, each.messages, each.units,
                         each.quantity, cause_after=cause(reason), day=each.day)
                for each in found
            ],
        )  # fmt: skip
