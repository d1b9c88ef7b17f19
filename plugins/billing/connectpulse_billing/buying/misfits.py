"""Payments that do not fit their orders: each is listed among the differences, and told to whoever looks after money.

Said once for each order, kind and reference of the gateway, in the transaction that takes the payment.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from connectpulse.core.api import Work, notices

from ..ledger.tables import Difference
from ..people import MANAGERS, OPERATORS
from . import money
from .order_models import Order
from .states import OrderState

TOO_LITTLE, TOO_MUCH, OTHERWISE, TWICE = "paid_little", "paid_much", "paid_otherwise", "paid_twice"
LATE, CANCELLED, WITHDRAWN = "paid_late", "paid_cancelled", "paid_withdrawn"


class Words(NamedTuple):
    """How a misfit is told: what happened, what the buyer is to do, and what the operator is to do."""

    happened: str
    buyer: str
    operator: str


_BACK = "Pay it back at the gateway or the bank."
WORDS: Mapping[str, Words] = {
    TOO_LITTLE: Words(
        "was paid too little", "No units were given for it. Pay the whole sum, and ask us to pay this one back.", _BACK
    ),
    TOO_MUCH: Words(
        "was paid too much", "No units were given for it. Pay the exact sum, and ask us to pay this one back.", _BACK
    ),
    OTHERWISE: Words(
        "was paid in another currency",
        "No units were given for it. Pay in the order's currency, and ask us to pay this one back.", _BACK,
    ),
    TWICE: Words("was paid once more", "It was paid before: ask us to pay this one back.", _BACK),
    LATE: Words("was paid after it had expired", "It counts all the same.", "It counts; nothing is left to do."),
    WITHDRAWN: Words(
        "was paid too late", "What it was for was withdrawn before it was paid. Ask us to pay it back.",
        "What it was for was withdrawn before it was paid. Pay it back under Sales.",
    ),
    CANCELLED: Words(
        "was paid after it had been cancelled", "It counts all the same. If you do not want it any more, write to us.",
        "It counts. Pay it back under Sales if it is not wanted any more.",
    ),
}  # fmt: skip


def of_sum(order: Order, amount: Decimal, currency: str) -> str:
    """Return how a payment of another sum or currency differs from its order."""
    if currency != order.currency:
        return OTHERWISE
    return TOO_LITTLE if amount < order.total else TOO_MUCH


def of_state(state: OrderState) -> str:
    """Return how a payment of an order that waits no more is odd; empty for one that waits."""
    return {OrderState.CANCELLED: CANCELLED, OrderState.EXPIRED: LATE}.get(state, "")


def is_told(work: Work, order: Order) -> bool:
    """Return whether this payment of an order is told of as a misfit already."""
    told = select(Difference.id).where(
        Difference.organisation_id == order.organisation_id, Difference.order_id == order.id,
        Difference.reference == order.payment_reference,
    )  # fmt: skip
    return work.session.scalars(told.limit(1)).first() is not None


def tell(work: Work, order: Order, kind: str, amount: Decimal, currency: str, reference: str) -> None:
    """List a misfit and tell both sides of it, once."""
    fresh = insert(Difference).values(
        organisation_id=order.organisation_id, kind=kind, order_id=order.id, currency=currency,
        expected=Decimal(0) if kind == TWICE else order.total, found=amount, reference=reference[:200],
    )  # fmt: skip
    made = work.session.scalar(fresh.on_conflict_do_nothing().returning(Difference.id))
    if made is None:
        return
    words, came = WORDS[kind], money.shown(amount, currency)
    asked = money.shown(order.total, order.currency)
    sides = (
        (MANAGERS, order.organisation_id, words.buyer, f"/billing/orders/show/{order.id}", "warning"),
        (OPERATORS, None, words.operator, f"/billing/sales/show/{order.id}",
         "info" if kind in (LATE, CANCELLED) else "alarm"),
    )  # fmt: skip
    for roles, organisation_id, advice, link, level in sides:
        notices.post(
            work, "billing.misfit", f"{order} {words.happened}", f"{asked} were asked for, {came} came. {advice}",
            roles=roles, organisation_id=organisation_id, level=level, is_binding=True, link=link,
        )  # fmt: skip
