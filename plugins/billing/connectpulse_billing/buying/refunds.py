"""Paying back: asked for by one person, approved by another, then done at the gateway or written down as done."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import structlog
from sqlalchemy import func, select

from connectpulse.core.api import AnswerLost, EgressSession, NotFound, Refused, Unreachable, Work, records

from . import gates, money, reversals
from .gateways.base import Gateway
from .order_models import Order, Reversal
from .reach import everywhere, locked
from .states import SETTLED, OrderState

log = structlog.get_logger(__name__)

ACT = "billing.refund"
SOURCE = "refund"
MOST_TRIES = 8


def check(work: Work, order_id: int, typed: Any) -> tuple[Order, Decimal]:
    """Return an order and the sum that may be paid back of it; raise Refused with what is wrong."""
    with everywhere(work, "look at an order"):
        order = locked(work, order_id)
        if OrderState(order.state) not in SETTLED:
            raise Refused("Only what was paid can be paid back.")
        left = order.total - order.reversed - _asked(work, order)
        if left <= 0:
            raise Refused("All of this order was paid back already.")
        return order, money.number(typed, "Sum", places=2, low=Decimal("0.01"), high=left)


def _asked(work: Work, order: Order) -> Decimal:
    waiting = select(func.coalesce(func.sum(Reversal.amount), 0)).where(
        Reversal.order_id == order.id, Reversal.state == reversals.ASKED
    )
    return Decimal(work.session.scalar(waiting) or 0)


def perform(work: Work, order_id: int, facts: Mapping[str, Any]) -> None:
    """Pay back what two people agreed on; the gateway is asked by a duty, outside of this transaction."""
    order, amount = check(work, order_id, facts["amount"])
    reason = str(facts.get("why", ""))[:500]
    try:
        can_refund = gates.build(work, order.gateway, must_be_open=False).can_refund
    except NotFound:
        can_refund = False
    with everywhere(work, "pay back"):
        row = Reversal(organisation_id=order.organisation_id, order_id=order.id, source=SOURCE, reference="",
                       amount=amount, currency=order.currency, reason=reason, state=reversals.ASKED,
                       due_at=work.clock())  # fmt: skip
        work.session.add(row)
        work.session.flush()
        row.reference = f"refund-{row.id}"
        work.session.flush()
        if not can_refund:
            reversals.mark_reversed(work, order.id, source=SOURCE, reference=row.reference, amount=amount,
                                    currency=order.currency, reason=reason)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Claim:
    """A refund that a gateway is about to be asked for."""

    reversal_id: int
    payment_reference: str
    amount: Decimal
    currency: str
    key: str
    gateway: Gateway


def claim(work: Work, limit: int = 5) -> list[Claim]:
    """Take refunds whose time has come; each is tried again later until it is known how it went."""
    with everywhere(work, "pay back"):
        due = select(Reversal).where(Reversal.state == reversals.ASKED, Reversal.due_at <= work.clock())
        rows = work.session.scalars(due.order_by(Reversal.id).limit(limit).with_for_update(skip_locked=True)).all()
        claims = []
        for each in rows:
            each.tries += 1
            each.due_at = work.clock() + timedelta(minutes=2**each.tries) if each.tries < MOST_TRIES else None
            order = work.session.get_one(Order, each.order_id)
            gateway = gates.build(work, order.gateway, must_be_open=False)
            claims.append(Claim(each.id, order.payment_reference, each.amount, each.currency, each.reference, gateway))
        work.session.flush()
        return claims


def ask(each: Claim) -> str:
    """Ask a gateway to pay back; return what it refused for, empty if it did. Safe to ask twice: it has a key.

    Raises AnswerLost or Unreachable where nobody knows, and it is asked again.
    """

    async def asking() -> None:
        async with EgressSession(connections=1, timeout=20) as http:
            await each.gateway.refund(http, each.payment_reference, each.amount, each.currency, each.key)

    try:
        asyncio.run(asyncio.wait_for(asking(), 25))
    except Refused as refusal:
        return str(refusal)
    except TimeoutError:
        raise AnswerLost("The gateway did not answer.") from None
    return ""


def write(work: Work, each: Claim, fault: str) -> None:
    """Write down how a refund went; units are taken back once it was made."""
    with everywhere(work, "pay back"):
        row = records.find(work, Reversal, each.reversal_id)
        if fault:
            locked(work, row.order_id)
            row = records.find(work, Reversal, each.reversal_id, lock=True)
            if row.state == reversals.ASKED:
                row.state, row.due_at, row.reason = "refused", None, f"{row.reason} ({fault})"[:500]
                work.session.flush()
            return
        reversals.mark_reversed(work, row.order_id, source=SOURCE, reference=each.key, amount=each.amount,
                                currency=each.currency, reason=row.reason)  # fmt: skip


LOST = (AnswerLost, Unreachable)
