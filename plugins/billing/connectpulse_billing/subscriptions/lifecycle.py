"""What an organisation does with its subscription: begin, change, cancel, go on, and pay."""

from datetime import timedelta

from sqlalchemy import select

from connectpulse.core.api import NotFound, Refused, Work, audit, records

from .. import turns
from ..ledger import grants
from . import periods, plans, renewing
from .charging import AHEAD, ask, begin_change, end, held, is_paid_ahead, open_charge, void
from .tables import ACTIVE, CHANGE, ENDED, GRACE, PERIOD, SUSPENDED, TRIAL, WAITING, Charge, Plan, Subscription

CHANGE_WAITS = timedelta(hours=48)
"""How long the order for a dearer plan can be paid: its price is for the time that was left."""


def live(work: Work) -> Subscription | None:
    """Return the organisation's subscription, None if it has none."""
    wanted = select(Subscription).where(
        Subscription.organisation_id == work.organisation_id, Subscription.state != ENDED
    )
    return work.session.scalars(wanted).one_or_none()


def is_first(work: Work) -> bool:
    """Return whether the organisation never had a subscription: only then there is a trial."""
    wanted = select(Subscription.id).where(Subscription.organisation_id == work.organisation_id)
    return work.session.scalar(wanted.limit(1)) is None


def subscribe(work: Work, plan_id: int) -> Subscription:
    """Put the organisation on a plan: on trial the first time, where the plan has one, else once it has paid."""
    turns.wait(work, "subscription")
    plan, here, now = plans.pick(work, plan_id), work.organisation_id, work.clock()
    if live(work) is not None:
        raise Refused("You have a subscription already. Change its plan instead.")
    on_trial = bool(plan.trial_days) and is_first(work)
    ends = now + (timedelta(days=plan.trial_days) if on_trial else AHEAD)
    made = Subscription(
        organisation_id=here, plan_id=plan.id, plan=plan, state=TRIAL if on_trial else WAITING, due_at=ends,
        anchor_day=ends.day if on_trial else now.day, period_start=now, period_end=ends,
    )  # fmt: skip
    records.create(work, made, "billing.subscribed")
    if on_trial:
        _begin_trial(work, made)
    else:
        _ask_first(work, made)
    renewing.advance(work, made)
    return made


def _begin_trial(work: Work, made: Subscription) -> None:
    if made.plan.trial_units:
        grants.grant(work, made.organisation_id, made.plan.trial_units, "subscription", f"{made.id}/trial",
                     expires_at=made.period_end, reason=f"Trial of {made.plan.name}")  # fmt: skip


def _ask_first(work: Work, made: Subscription) -> Charge:
    now, plan = work.clock(), made.plan
    span = (now, periods.later(now, plan.months, now.day))
    return ask(work, made, plan, PERIOD, span, plan.fee, plan.units, made.period_end)


def cancel(work: Work) -> None:
    """End the subscription when what is paid is over; at once where nothing is."""
    with held(work, _live(work).id) as mine:
        if mine.state == ENDED:
            return
        if mine.state not in (TRIAL, ACTIVE):
            end(work, mine, "You cancelled it.")
            return
        if not mine.cancels_at_end:
            mine.cancels_at_end, mine.due_at = True, work.clock()
            records.update(work, mine, "billing.subscription_cancelled")
            void(work, mine, PERIOD)
            void(work, mine, CHANGE)
        renewing.advance(work, mine)


def resume(work: Work) -> None:
    """Take a cancellation back, while the subscription lasts."""
    with held(work, _live(work).id) as mine:
        if mine.cancels_at_end:
            mine.cancels_at_end = False
            records.update(work, mine, "billing.subscription_resumed")
            renewing.advance(work, mine)


def change(work: Work, plan_id: int) -> Charge | None:
    """Change the plan; return what there is to pay for it, None if it holds at once or from the next period.

    A dearer plan with the same period and currency holds as soon as the difference for the seconds left of the
    period is paid, rounded half up to cents. Every other plan holds from the next period.
    """
    plan = plans.pick(work, plan_id)
    with held(work, _live(work).id) as mine:
        if mine.state == ENDED:
            raise Refused("The subscription has ended. Choose a plan to begin another.")
        if plan.id == mine.plan_id and mine.next_plan_id is None and open_charge(work, mine, CHANGE) is None:
            raise Refused(f"You are on {plan.name} already.")
        ahead = open_charge(work, mine)
        if is_paid_ahead(ahead):
            assert ahead is not None
            raise Refused(f"The next period is paid on {ahead.plan.name}. Change the plan once it has begun, on "
                          f"{ahead.starts_at:%d %B %Y}.")  # fmt: skip
        void(work, mine, CHANGE)
        audit.record(work, "billing.plan_chosen", mine, plan=plan.name)
        if mine.state == ACTIVE and is_upgrade(mine.plan, plan) and work.clock() < mine.period_end:
            return _upgrade(work, mine, plan)
        void(work, mine, PERIOD)
        if mine.state in (WAITING, TRIAL):
            mine.plan_id, mine.plan = plan.id, plan
        else:
            mine.next_plan_id, mine.next_plan = (None, None) if plan.id == mine.plan_id else (plan.id, plan)
        work.session.flush()
        asked = _ask_first(work, mine) if mine.state == WAITING else None
        renewing.advance(work, mine)
        return open_charge(work, mine) if mine.state in (GRACE, SUSPENDED) else asked


def is_upgrade(before: Plan, after: Plan) -> bool:
    """Return whether a plan can hold at once for the difference of the fees."""
    return (before.months, before.currency) == (after.months, after.currency) and after.fee > before.fee


def _upgrade(work: Work, mine: Subscription, plan: Plan) -> Charge | None:
    now = work.clock()
    left, whole = periods.rest(mine.period_start, mine.period_end, now)
    price = periods.prorated(mine.plan.fee, plan.fee, left, whole)
    units = periods.prorated_units(mine.plan.units, plan.units, left, whole)
    until = min(now + CHANGE_WAITS, mine.period_end)
    charge = ask(work, mine, plan, CHANGE, (now, mine.period_end), price, units, until)
    if charge.order_id is None:
        begin_change(work, mine, charge)
        renewing.advance(work, mine)
        return None
    return charge


def order_to_pay(work: Work) -> int:
    """Return the order that is to be paid now, placed again if it was given up; raise Refused if there is none."""
    with held(work, _live(work).id) as mine:
        charge = open_charge(work, mine)
        if charge is None and mine.state == WAITING:
            charge = _ask_first(work, mine)
        elif charge is None and not mine.cancels_at_end and work.clock() >= mine.period_end - AHEAD:
            charge = renewing.ask_for_next(work, mine)
        if charge is None or charge.order_id is None or charge.paid_at is not None:
            raise Refused("There is nothing to pay now.")
        return charge.order_id


def _live(work: Work) -> Subscription:
    found = live(work)
    if found is None:
        raise NotFound("You have no subscription.")
    return found
