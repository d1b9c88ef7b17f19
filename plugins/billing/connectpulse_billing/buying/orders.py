"""Orders: placed, paid once, and paid back; every step by one locked row, so that no race takes one twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import structlog
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from connectpulse.core.api import Refused, Work, audit

from ..ledger import grants
from . import misfits, money, settled, taxes
from .order_models import Order, OrderLine, OrderTax
from .reach import everywhere, locked
from .states import OPEN, SETTLED, OrderState, may_become

log = structlog.get_logger(__name__)

OPEN_FOR = timedelta(hours=48)
"""How long an order waits for its payment, unless its gateway takes longer."""

KEPT_ABANDONED = timedelta(days=90)
"""How long an order that was never paid is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Something to buy: `price` is one piece's without taxes, `units` what one piece grants.

    Units of a line with `expires_days` end so many days after they are granted. `subject` names what a line
    without units is for, like a subscription's period, to whoever placed the order.
    """

    title: str
    price: Decimal
    quantity: int = 1
    units: Decimal = Decimal(0)
    expires_days: int | None = None
    subject: str = ""


def place(
    work: Work,
    *,
    lines: Sequence[Line],
    currency: str,
    purpose: str = "units",
    reference: str,
    organisation_id: int | None = None,
    legal_entity_id: int | None = None,
) -> Order:
    """Place an order at today's taxes; the same purpose and reference again returns the order there is.

    `organisation_id` is needed where the work is bound to none. Raises Refused with every fault.
    """
    code = money.currency(currency)
    _check(lines)
    owner = work.organisation if organisation_id is None else organisation_id
    if owner is None:
        raise Refused("Choose an organisation first.")
    with everywhere(work, "place an order"):
        known = _known(work, owner, purpose, reference)
        if known is not None:
            return known
        entity = legal_entity_id if legal_entity_id is not None else settled.seller(work, code)
        try:
            with work.session.begin_nested():
                order = _build(work, owner, lines, code, purpose, reference, entity)
        except IntegrityError:  # somebody placed it at the same moment
            known = _known(work, owner, purpose, reference)
            if known is None:
                raise
            return known
        audit.record(work, "billing.order_placed", order, total=order.total, currency=code, purpose=purpose)
        return order


def _check(lines: Sequence[Line]) -> None:
    if not 1 <= len(lines) <= 100:
        raise Refused("An order has from one to a hundred lines.")
    for each in lines:
        if not 1 <= each.quantity <= 10_000:
            raise Refused(f"{each.title[:60]}: order from 1 to 10,000 pieces.")
        if each.price < 0 or each.units < 0 or each.price != money.cents(each.price):
            raise Refused(f"{each.title[:60]}: a price has two decimal places and is not negative.")
        if each.price * each.quantity > money.MOST or each.units * each.quantity > money.MOST_UNITS:
            raise Refused(f"{each.title[:60]}: this is more than one order may hold.")


def _known(work: Work, owner: int, purpose: str, reference: str) -> Order | None:
    wanted = select(Order).where(
        Order.organisation_id == owner, Order.purpose == purpose, Order.reference == reference
    )  # fmt: skip
    return work.session.scalars(wanted).one_or_none()


def _build(
    work: Work, owner: int, lines: Sequence[Line], code: str, purpose: str, reference: str, entity: int | None
) -> Order:
    rates = taxes.rates(work, entity, code, work.clock().date())
    order = Order(
        organisation_id=owner, purpose=purpose, reference=reference, legal_entity_id=entity, currency=code,
        placed_at=work.clock(), expires_at=work.clock() + OPEN_FOR,
        placed_by=work.actor.id if work.actor.kind == "user" else None,
    )  # fmt: skip
    levied = [money.levy(each.price * each.quantity, rates) for each in lines]
    order.net = sum((each.price * each.quantity for each in lines), Decimal(0))
    order.tax = sum((tax.amount for taxes_of in levied for tax in taxes_of), Decimal(0))
    order.total = order.net + order.tax
    work.session.add(order)
    work.session.flush()
    for each, found in zip(lines, levied, strict=True):
        order.lines.append(_line(order, each, found))
    work.session.flush()
    return order


def _line(order: Order, line: Line, levied: Sequence[money.Levied]) -> OrderLine:
    owner = order.organisation_id
    return OrderLine(
        organisation_id=owner, title=line.title[:200], quantity=line.quantity, price=line.price,
        net=line.price * line.quantity, units=line.units * line.quantity,
        tax=sum((tax.amount for tax in levied), Decimal(0)), expires_days=line.expires_days,
        subject=line.subject[:100],
        taxes=[OrderTax(organisation_id=owner, order_id=order.id, name=tax.name, percent=tax.percent,
                        amount=tax.amount) for tax in levied],
    )  # fmt: skip


def mark_paid(
    work: Work, order_id: int, *, gateway: str, payment_reference: str, amount: Decimal, currency: str
) -> bool:
    """Take note that an order was paid; return True exactly once, and then its units are granted.

    Call it only with what a gateway proved. Another sum or currency than the order's grants nothing and is
    written down; so is a second payment of an order that is paid. Whoever is in `settled.PAID` is called in
    the same transaction.
    """
    with everywhere(work, "take a payment"):
        order = locked(work, order_id)
        if OrderState(order.state) in SETTLED:
            if (order.gateway, order.payment_reference) != (gateway, payment_reference):
                audit.record(work, "billing.order_overpaid", order, gateway=gateway, payment=payment_reference,
                             amount=amount, currency=currency)  # fmt: skip
                misfits.tell(work, order, misfits.TWICE, amount, currency, payment_reference)
                log.error("order_paid_twice", order=order.id, gateway=gateway)
            return False
        if (amount, currency) != (order.total, order.currency):
            audit.record(work, "billing.payment_differs", order, gateway=gateway, payment=payment_reference,
                         amount=amount, currency=currency, total=order.total)  # fmt: skip
            kind = misfits.of_sum(order, amount, currency)
            misfits.tell(work, order, kind, amount, currency, payment_reference)
            log.error("payment_differs", order=order.id, gateway=gateway)
            return False
        odd = misfits.of_state(OrderState(order.state))
        _become(order, OrderState.PAID)
        order.gateway, order.payment_reference, order.paid_at = gateway, payment_reference, work.clock()
        order.ended_at = work.clock()
        work.session.flush()
        for line in order.lines:
            _grant(work, order, line)
        audit.record(work, "billing.order_paid", order, gateway=gateway, amount=amount, currency=currency)
        for each in settled.PAID:
            each(work, order)
        if odd and not misfits.is_told(work, order):
            misfits.tell(work, order, odd, amount, currency, payment_reference)
        return True


def _grant(work: Work, order: Order, line: OrderLine) -> None:
    if line.units:
        ends = work.clock() + timedelta(days=line.expires_days) if line.expires_days else None
        grants.grant(
            work, order.organisation_id, line.units, "order", grant_reference(line), expires_at=ends, reason=line.title
        )


def grant_reference(line: OrderLine) -> str:
    """Return the ledger's reference for the units of a line."""
    return f"{line.order_id}/{line.id}"


def cancel(work: Work, order_id: int) -> None:
    """Give up an order that was not paid. Should money still come for it, it counts."""
    with everywhere(work, "cancel an order"):
        order = locked(work, order_id)
        if OrderState(order.state) not in OPEN:
            raise Refused("Only an order that is not paid yet can be cancelled.")
        _become(order, OrderState.CANCELLED)
        order.ended_at = work.clock()
        audit.record(work, "billing.order_cancelled", order)


def wait_longer(work: Work, order: Order, patience: timedelta) -> None:
    """Let an order wait for the payment that is on its way."""
    if OrderState(order.state) is OrderState.PLACED:
        _become(order, OrderState.AWAITING)
    order.expires_at = max(order.expires_at, work.clock() + patience)
    work.session.flush()


def expire(work: Work, limit: int = 200) -> int:
    """End orders whose time is over; return how many. Needs a work that reaches everywhere."""
    late = select(Order).where(Order.state.in_(OPEN), Order.expires_at < work.clock()).order_by(Order.expires_at)
    found = work.session.scalars(late.limit(limit).with_for_update(skip_locked=True, of=Order)).all()
    for order in found:
        _become(order, OrderState.EXPIRED)
        order.ended_at = work.clock()
        audit.record(work, "billing.order_expired", order)
    work.session.flush()
    return len(found)


_FORGET = text(
    """
    DELETE FROM billing_order WHERE id IN (
        SELECT o.id FROM billing_order o
        WHERE o.state IN ('cancelled', 'expired') AND o.ended_at < :before
          AND NOT EXISTS (SELECT 1 FROM billing_attempt a WHERE a.order_id = o.id AND a.state NOT IN ('failed', 'open'))
        ORDER BY o.ended_at LIMIT :limit)
    """
)


def forget_abandoned(work: Work, limit: int = 500) -> int:
    """Delete orders that were given up long ago and never had a payment; return how many."""
    done: int = work.session.execute(  # type: ignore[attr-defined]
        _FORGET, {"before": work.clock() - KEPT_ABANDONED, "limit": limit}
    ).rowcount
    return done


def _become(order: Order, state: OrderState) -> None:
    if not may_become(OrderState(order.state), state):
        raise Refused(f"An order that is {order.state} cannot become {state}.")
    order.state = state.value
