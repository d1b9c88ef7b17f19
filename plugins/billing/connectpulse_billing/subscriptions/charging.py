"""What subscriptions are asked to pay, and what begins once it is paid; each once, in one transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import select

from connectpulse.core.api import NotFound, Work, audit, notices

from ..buying import misfits, money, orders
from ..buying.order_models import Order
from ..buying.reach import everywhere
from ..buying.states import OPEN, OrderState
from ..ledger import grants
from ..people import MANAGERS
from . import periods
from .tables import ACTIVE, CHANGE, ENDED, PERIOD, SUSPENDED, TRIAL, WAITING, Charge, Plan, Subscription

PURPOSE = "subscription"
ROLES = MANAGERS
"""Who hears about an organisation's subscription and units."""
AHEAD = timedelta(days=7)
"""How long before a period its order is placed, and how long a first payment is waited for."""
GRACE_DAYS = timedelta(days=7)
"""How long an unpaid subscription goes on as if it were paid."""
SUSPENDED_FOR = timedelta(days=30)
"""How long a suspended subscription can still be paid before it ends."""
PAGE = "/billing/subscription/"


@contextmanager
def held(work: Work, subscription_id: int) -> Iterator[Subscription]:
    """Lock a subscription until the transaction ends, its open orders first, as payments do."""
    with everywhere(work, "look after a subscription"):
        asked = select(Charge.order_id).where(Charge.subscription_id == subscription_id, *_OPEN)
        open_orders = select(Order.id).where(Order.id.in_(asked)).order_by(Order.id).with_for_update(of=Order)
        work.session.execute(open_orders)
        yield _locked(work, subscription_id)


def _locked(work: Work, subscription_id: int) -> Subscription:
    wanted = select(Subscription).where(Subscription.id == subscription_id).with_for_update(of=Subscription)
    found = work.session.scalars(wanted.execution_options(populate_existing=True)).one_or_none()
    if found is None:
        raise NotFound("There is no such subscription.")
    return found


_OPEN = (Charge.begun_at.is_(None), ~Charge.is_void)


def open_charge(work: Work, subscription: Subscription, kind: str = PERIOD) -> Charge | None:
    """Return what the subscription is asked to pay, or has paid ahead; void it first if its order was given up."""
    wanted = select(Charge).where(Charge.subscription_id == subscription.id, Charge.kind == kind, *_OPEN)
    found = work.session.scalars(wanted).one_or_none()
    if found is None or found.paid_at is not None or found.order_id is None:
        return found
    order = work.session.get_one(Order, found.order_id, populate_existing=True)
    if OrderState(order.state) in OPEN:
        return found
    found.is_void = True
    work.session.flush()
    return None


def ask(
    work: Work,
    subscription: Subscription,
    plan: Plan,
    kind: str,
    span: tuple[datetime, datetime],
    price: Decimal,
    units: Decimal,
    until: datetime,
) -> Charge:
    """Ask for the price of a span of time on a plan, by an order that waits `until`; what is free is paid at once."""
    charge = Charge(
        organisation_id=subscription.organisation_id, subscription_id=subscription.id, plan_id=plan.id, plan=plan,
        kind=kind, starts_at=span[0], ends_at=span[1], fee=price, currency=plan.currency, units=units,
        asked_at=work.clock(), paid_at=None if price else work.clock(),
    )  # fmt: skip
    work.session.add(charge)
    work.session.flush()
    if price:
        words = "from" if kind == PERIOD else "instead, from"
        order = orders.place(
            work, lines=[orders.Line(title=f"{plan.name} {words} {span[0]:%d %b %Y} to {span[1]:%d %b %Y}",
                                     price=price, subject=f"charge {charge.id}")],
            currency=plan.currency, purpose=PURPOSE, organisation_id=subscription.organisation_id,
            reference=f"{subscription.id}/{span[0]:%Y-%m-%d}/{charge.id}",
        )  # fmt: skip
        order.expires_at = until
        charge.order_id = order.id
        work.session.flush()
    return charge


def void(work: Work, subscription: Subscription, kind: str) -> None:
    """Take back what the subscription is asked to pay, if it is not paid yet."""
    charge = open_charge(work, subscription, kind)
    if charge is None or (charge.paid_at is not None and charge.order_id is not None):
        return
    charge.is_void = True
    work.session.flush()
    if charge.order_id is not None:
        orders.cancel(work, charge.order_id)


def paid(work: Work, order: Order) -> None:
    """Begin what a paid order was for, or leave it to the day it is for; called in the payment's transaction."""
    if order.purpose != PURPOSE:
        return
    charge = work.session.scalars(select(Charge).where(Charge.order_id == order.id)).one_or_none()
    if charge is None:
        return
    now = work.clock()
    subscription = _locked(work, charge.subscription_id)
    work.session.refresh(charge)
    charge.paid_at = now
    if charge.is_void or subscription.state == ENDED or (charge.kind == CHANGE and now >= charge.ends_at):
        _misfit(work, subscription, order)
    elif charge.kind == CHANGE:
        begin_change(work, subscription, charge)
    elif subscription.state in (TRIAL, ACTIVE) and now < subscription.period_end:
        work.session.flush()
        notices.end(work, asked_key(subscription))
        void(work, subscription, CHANGE)  # its price was for a plan that ends with this period
    else:
        begin(work, subscription, charge)


def begin(work: Work, subscription: Subscription, charge: Charge) -> None:
    """Begin a period that is paid. One paid too late to be had begins with its payment, and so do those after it."""
    now, plan = work.clock(), charge.plan
    if subscription.state in (WAITING, SUSPENDED) or charge.ends_at <= now:
        subscription.anchor_day = now.day
        charge.starts_at, charge.ends_at = now, periods.later(now, plan.months, now.day)
    subscription.plan_id, subscription.plan = plan.id, plan
    subscription.period_start, subscription.period_end = charge.starts_at, charge.ends_at
    if subscription.next_plan_id == plan.id:
        subscription.next_plan_id = subscription.next_plan = None
    subscription.state, subscription.due_at = ACTIVE, now
    subscription.unpaid_since = subscription.suspended_at = None
    subscription.reminders = 0
    charge.begun_at = now
    work.session.flush()
    void(work, subscription, CHANGE)
    _grant(work, subscription, charge)
    for key in (asked_key(subscription), unpaid_key(subscription)):
        notices.end(work, key)
    audit.record(work, "billing.subscription_period", subscription, starts_at=charge.starts_at, ends_at=charge.ends_at)


def begin_change(work: Work, subscription: Subscription, charge: Charge) -> None:
    """Move a subscription to the dearer plan it paid for, for the rest of its period."""
    subscription.plan_id, subscription.plan = charge.plan_id, charge.plan
    subscription.next_plan_id = subscription.next_plan = None
    subscription.due_at = charge.begun_at = work.clock()
    work.session.flush()
    void(work, subscription, PERIOD)
    _grant(work, subscription, charge)
    audit.record(work, "billing.plan_switched", subscription, fee=charge.fee, currency=charge.currency)


def reference(charge: Charge) -> str:
    """Return the ledger's reference for the units of a charge."""
    return f"{charge.subscription_id}/{charge.id}"


def _grant(work: Work, subscription: Subscription, charge: Charge) -> None:
    if charge.units:
        grants.grant(
            work, subscription.organisation_id, charge.units, PURPOSE, reference(charge),
            expires_at=charge.ends_at, reason=f"Included in {charge.plan.name}",
        )  # fmt: skip


def _misfit(work: Work, subscription: Subscription, order: Order) -> None:
    """Tell of money for what no longer holds: somebody has to pay it back."""
    work.session.flush()
    misfits.tell(work, order, misfits.WITHDRAWN, order.total, order.currency, order.payment_reference)
    audit.record(work, "billing.payment_misfit", subscription, order=order.id, amount=order.total)


def reversed_(work: Work, order: Order, amount: Decimal, reason: str) -> None:
    """Take included units back in proportion to money that went back; all of it ends the subscription it paid for."""
    if order.purpose != PURPOSE:
        return
    charge = work.session.scalars(select(Charge).where(Charge.order_id == order.id)).one_or_none()
    if charge is None:
        return
    subscription = _locked(work, charge.subscription_id)
    if charge.begun_at is not None and charge.units:
        before = money.share(charge.units, order.reversed - amount, order.total)
        due = money.share(charge.units, order.reversed, order.total) - before
        if due > 0:
            grants.reverse(work, subscription.organisation_id, PURPOSE, reference(charge), due, reason,
                           key=f"{order.reversed}")  # fmt: skip
    if order.reversed < order.total or charge.kind != PERIOD or subscription.state == ENDED or charge.is_void:
        return
    if charge.begun_at is None:
        charge.is_void = True
        subscription.due_at = work.clock()
        work.session.flush()
    elif charge.starts_at == subscription.period_start:
        end(work, subscription, f"{order} was paid back.")


def end(work: Work, subscription: Subscription, why: str) -> None:
    """End a subscription; nothing is limited or asked for any more."""
    subscription.state, subscription.ended_at = ENDED, work.clock()
    work.session.flush()
    void(work, subscription, PERIOD)
    void(work, subscription, CHANGE)
    for key in (asked_key(subscription), unpaid_key(subscription)):
        notices.end(work, key)
    notices.post(
        work, "billing.subscription_ended", f"Your subscription to {subscription.plan.name} has ended",
        f"{why} Units you bought stay yours.", roles=ROLES, organisation_id=subscription.organisation_id,
        is_binding=True, link=PAGE,
    )  # fmt: skip
    audit.record(work, "billing.subscription_ended", subscription, why=why)


def is_paid_ahead(charge: Charge | None) -> bool:
    """Return whether the next period was paid already."""
    return charge is not None and charge.paid_at is not None and charge.order_id is not None


def asked_key(subscription: Subscription) -> str:
    """Return the name of the matter that a period is to be paid."""
    return f"billing.asked/{subscription.id}"


def unpaid_key(subscription: Subscription) -> str:
    """Return the name of the matter that a subscription is unpaid."""
    return f"billing.unpaid/{subscription.id}"
