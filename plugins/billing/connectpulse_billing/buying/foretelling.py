"""What paying back does, in words, for the second person who decides about it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import text

from connectpulse.core.api import Effect, NotFound, Prospect, Work, records

from ..figures import spelt
from . import gates, money
from .order_models import Order
from .reach import everywhere

_NAME = text("SELECT name FROM pulse_organisation WHERE id = :id")


def explain(work: Work, order_id: int, facts: Mapping[str, Any]) -> Prospect:
    """Return what a refund of an order does: the money, the units it stands for, and what is kept. Asks no gateway."""
    with everywhere(work, "look at an order"):
        order = records.find(work, Order, order_id)
        amount = Decimal(facts["amount"])
        buyer = work.session.scalar(_NAME, {"id": order.organisation_id})
        units = sum((each.units for each in order.lines), Decimal(0))
        back = sum((money.share(each.units, amount, order.total) for each in order.lines), Decimal(0))
        is_automatic = _can_refund(work, order)
        statute = work.registry.rules[Order.__tablename__].statute
    sums = f"{money.shown(amount, order.currency)} of {money.shown(order.total, order.currency)}"
    way = (
        f"The gateway {order.gateway} is asked to pay it to whoever paid."
        if is_automatic
        else "No gateway can do it: it is written down as paid back, and somebody must pay it by hand."
    )
    effects = [
        Effect(f"{order} of {buyer}", "paid back", f"{sums}. {way}"),
        Effect("Units of this order", "taken back" if back else "kept",
               f"{spelt(back)} of {spelt(units)}, once it is paid back. What was used already is told as owed."),
        Effect("The order and what was paid for it", "kept", f"By law: {statute}" if statute else "For the books."),
    ]  # fmt: skip
    return Prospect(tuple(effects))


def _can_refund(work: Work, order: Order) -> bool:
    try:
        return gates.build(work, order.gateway, must_be_open=False).can_refund
    except NotFound:
        return False
