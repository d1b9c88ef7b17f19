"""What comes round: orders ahead of periods, periods that begin, reminders, suspension and the end.

Each subscription is brought to where it has to be by now, whatever was missed, in one transaction of its own.
"""

from datetime import datetime, timedelta

from sqlalchemy import select, text

from connectpulse.core.api import Actor, Opener, Work, audit, notices, platform_scope

from ..buying import money
from . import periods
from .charging import (
    AHEAD,
    GRACE_DAYS,
    ROLES,
    SUSPENDED_FOR,
    ask,
    asked_key,
    begin,
    end,
    held,
    is_paid_ahead,
    open_charge,
    unpaid_key,
    void,
)
from .tables import ACTIVE, CHANGE, ENDED, GRACE, PERIOD, SUSPENDED, TRIAL, WAITING, Charge, Plan, Subscription

REMIND_AFTER = (timedelta(0), timedelta(days=3), timedelta(days=6))
"""When an unpaid subscription is reminded of, counted from when it became unpaid."""
AT_ONCE = 200
_STEPS = 20
_ACTOR = Actor("task", "Subscriptions")
_EVER_PAID = text("SELECT 1 FROM billing_charge WHERE subscription_id = :id AND begun_at IS NOT NULL LIMIT 1")


def go(open_work: Opener) -> bool:
    """Look after the subscriptions that are due; return whether there may be more. O(those that are due)."""
    with open_work(_ACTOR) as work, platform_scope(work.session, "find subscriptions that are due"):
        wanted = select(Subscription.id).where(Subscription.state != ENDED, Subscription.due_at <= work.clock())
        due = work.session.scalars(wanted.order_by(Subscription.due_at, Subscription.id).limit(AT_ONCE)).all()
    for subscription_id in due:
        with open_work(_ACTOR) as work, held(work, subscription_id) as subscription:
            advance(work, subscription)
    return len(due) == AT_ONCE


def advance(work: Work, subscription: Subscription) -> None:
    """Bring a subscription, which is held, to where it has to be by now. Safe to do twice."""
    now = work.clock()
    for _ in range(_STEPS):
        if not _step(work, subscription, now):
            break
    subscription.due_at = _next_look(work, subscription, now)
    work.session.flush()


def _step(work: Work, subscription: Subscription, now: datetime) -> bool:
    """Do the next thing that is due; return whether there was one."""
    if subscription.state == ENDED:
        return False
    charge = open_charge(work, subscription)
    if subscription.state == WAITING:
        return _wait(work, subscription, charge, now)
    if subscription.state in (TRIAL, ACTIVE):
        return _run(work, subscription, charge, now)
    if charge is None:
        ask_for_next(work, subscription)
        return True
    if charge.paid_at is not None:
        begin(work, subscription, charge)
        return True
    return _dun(work, subscription, charge, now)


def _wait(work: Work, subscription: Subscription, charge: Charge | None, now: datetime) -> bool:
    if charge is not None and charge.paid_at is not None:
        begin(work, subscription, charge)
        return True
    if now >= subscription.period_end:
        end(work, subscription, "It was never paid.")
        return True
    return False


def _run(work: Work, subscription: Subscription, charge: Charge | None, now: datetime) -> bool:
    if now < subscription.period_end:
        if charge is None and not subscription.cancels_at_end and now >= subscription.period_end - AHEAD:
            ask_for_next(work, subscription)
            return True
        return False
    if charge is not None and (
        is_paid_ahead(charge) or (charge.paid_at is not None and not subscription.cancels_at_end)
    ):
        begin(work, subscription, charge)
    elif subscription.cancels_at_end:
        end(work, subscription, "You cancelled it.")
    elif charge is None:
        ask_for_next(work, subscription)
    else:
        # Counted from now, not from the due date: whatever did not run, everybody has these days and is reminded.
        subscription.state, subscription.unpaid_since = GRACE, now
        work.session.flush()
        void(work, subscription, CHANGE)
        audit.record(work, "billing.subscription_unpaid", subscription, order=charge.order_id)
    return True


def _dun(work: Work, subscription: Subscription, charge: Charge, now: datetime) -> bool:
    if subscription.state == SUSPENDED:
        assert subscription.suspended_at is not None
        if now < subscription.suspended_at + SUSPENDED_FOR:
            return False
        end(work, subscription, "It stayed unpaid.")
        return True
    assert subscription.unpaid_since is not None
    if now >= subscription.unpaid_since + GRACE_DAYS:
        _suspend(work, subscription, charge, now)
        return True
    due = sum(now >= subscription.unpaid_since + each for each in REMIND_AFTER)
    if due <= subscription.reminders:
        return False
    subscription.reminders = due
    until = subscription.unpaid_since + GRACE_DAYS
    _tell(work, subscription, charge, "Your subscription is unpaid", "warning",
          f"Pay order {charge.order_id} over {money.shown(charge.fee, charge.currency)} plus taxes until "
          f"{until:%d %B %Y, %H:%M} UTC. After that nothing can be sent.")  # fmt: skip
    audit.record(work, "billing.subscription_reminded", subscription, order=charge.order_id)
    return True


def _suspend(work: Work, subscription: Subscription, charge: Charge, now: datetime) -> None:
    if work.session.execute(_EVER_PAID, {"id": subscription.id}).one_or_none() is None:
        end(work, subscription, "The trial is over, and nothing is owed.")
        return
    subscription.state, subscription.suspended_at = SUSPENDED, now
    _tell(work, subscription, charge, "Sending is suspended", "alarm",
          f"Your subscription is unpaid: pay order {charge.order_id}. "
          "Sending works again as soon as it is paid.")  # fmt: skip
    audit.record(work, "billing.subscription_suspended", subscription, order=charge.order_id)


def _tell(work: Work, subscription: Subscription, charge: Charge, title: str, level: str, body: str) -> None:
    """Tell the organisation in the panel and by mail; what was told before in the matter is over."""
    work.session.flush()
    for key in (asked_key(subscription), unpaid_key(subscription)):
        notices.end(work, key)
    notices.post(
        work, "billing.unpaid", title, body, roles=ROLES, organisation_id=subscription.organisation_id, level=level,
        link=f"/billing/orders/show/{charge.order_id}", key=unpaid_key(subscription), is_binding=True,
    )  # fmt: skip


def ask_for_next(work: Work, subscription: Subscription) -> Charge:
    """Ask for the next period, on the plan chosen for it.

    Periods that are over without anybody having been asked, because nothing ran, are never asked for: the one
    that holds now is, so that nothing is paid that could not be used.
    """
    plan, now = subscription.next_plan or subscription.plan, work.clock()
    span = next_span(subscription, plan, now)
    until = max(span[0], now) + GRACE_DAYS + SUSPENDED_FOR
    charge = ask(work, subscription, plan, PERIOD, span, plan.fee, plan.units, until)
    if charge.order_id is not None and subscription.state in (TRIAL, ACTIVE):
        notices.post(
            work, "billing.asked", f"{plan.name}: the next period can be paid",
            f"Order {charge.order_id} is for the period from {span[0]:%d %B %Y}.", roles=ROLES,
            organisation_id=subscription.organisation_id, link=f"/billing/orders/show/{charge.order_id}",
            key=asked_key(subscription), is_binding=True,
        )  # fmt: skip
    return charge


def next_span(subscription: Subscription, plan: Plan, now: datetime) -> tuple[datetime, datetime]:
    """Return the period after the present one, or the one that holds now where more have passed."""
    starts = subscription.period_end
    ends = periods.later(starts, plan.months, subscription.anchor_day)
    while ends <= now:
        starts, ends = ends, periods.later(ends, plan.months, subscription.anchor_day)
    return starts, ends


def _next_look(work: Work, subscription: Subscription, now: datetime) -> datetime:
    if subscription.state in (TRIAL, ACTIVE):
        ahead = subscription.period_end - AHEAD
        return ahead if now < ahead else subscription.period_end
    if subscription.state == GRACE:
        assert subscription.unpaid_since is not None
        looks = [subscription.unpaid_since + each for each in (*REMIND_AFTER, GRACE_DAYS)]
        return next((each for each in looks if each > now), now)
    if subscription.state == SUSPENDED:
        assert subscription.suspended_at is not None
        return subscription.suspended_at + SUSPENDED_FOR
    return subscription.period_end
