"""Plans: made and offered by the platform, and left as they are once anybody is on them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import or_, select

from connectpulse.core.api import NotFound, Refused, Work, platform_scope, records

from ..buying import money
from ..rates import cards
from ..rates.models import PlanRates
from .tables import Plan, Subscription

ZERO = Decimal(0)
KEPT = ("currency", "fee", "months", "units", "channels", "users", "api_per_minute", "trial_days", "trial_units")
"""What stays once a plan was subscribed to."""


def save(work: Work, row: Plan | None, typed: Mapping[str, Any]) -> Plan:
    """Make a plan, or change one; raise Refused for figures that are wrong, or that somebody subscribed to."""
    figures = _read(work, typed)
    if row is None:
        plan = records.create(work, Plan(**figures), "billing.plan_added")
    else:
        plan = records.find(work, Plan, row.id, lock=True)
        if any(getattr(plan, name) != figures[name] for name in KEPT) and is_used(work, plan.id):
            raise Refused(
                "Organisations subscribed to these figures, so they stay. Make another plan with the new ones, "
                "and stop offering this one."
            )
        for name, value in figures.items():
            setattr(plan, name, value)
        records.update(work, plan, "billing.plan_changed")
    card_id = typed.get("card_id")
    if card_of(work, plan.id) != card_id:
        cards.give_plan(work, plan.id, card_id)
    return plan


def remove(work: Work, plan: Plan) -> None:
    """Delete a plan nobody ever subscribed to; raise Refused for others."""
    if is_used(work, plan.id):
        raise Refused("Organisations subscribed to this plan, so it is kept. Stop offering it instead.")
    cards.give_plan(work, plan.id, None)
    records.delete(work, plan, "billing.plan_deleted")


def card_of(work: Work, plan_id: int) -> int | None:
    """Return the rate card that comes with a plan, None for the default one."""
    return work.session.scalar(select(PlanRates.card_id).where(PlanRates.plan_id == plan_id))


def is_used(work: Work, plan_id: int) -> bool:
    """Return whether anybody is, was or will be on a plan."""
    wanted = select(Subscription.id).where(or_(Subscription.plan_id == plan_id, Subscription.next_plan_id == plan_id))
    with platform_scope(work.session, "look who is on a plan"):
        return work.session.scalar(wanted.limit(1)) is not None


def offered(work: Work) -> list[Plan]:
    """Return what can be subscribed to: at most fifty plans, in the order they are shown."""
    wanted = select(Plan).where(Plan.is_offered).order_by(Plan.place, Plan.fee, Plan.id)
    return list(work.session.scalars(wanted.limit(50)))


def pick(work: Work, plan_id: int) -> Plan:
    """Return a plan that is offered, locked so that its figures stay; raise NotFound for others."""
    found = work.session.scalars(
        select(Plan).where(Plan.id == plan_id, Plan.is_offered).with_for_update(read=True)
    ).one_or_none()
    if found is None:
        raise NotFound("This plan is not offered any more.")
    return found


def _read(work: Work, typed: Mapping[str, Any]) -> dict[str, Any]:
    name = " ".join(str(typed.get("name") or "").split())
    if not 1 <= len(name) <= 120:
        raise Refused("Give the plan a name of at most 120 characters.")
    channels = sorted(set(typed.get("channels") or ()))
    unknown = [each for each in channels if each not in work.registry.channels]
    if unknown:
        raise Refused(f"There is no channel {unknown[0][:20]!r}.")
    months = int(typed.get("months") or 1)
    if months not in (1, 12):
        raise Refused("A period lasts a month or a year.")
    return {
        "name": name,
        "currency": money.currency(typed.get("currency")),
        "fee": money.number(typed.get("fee"), "Fee", places=2, low=ZERO, high=money.MOST),
        "months": months,
        "units": _units(typed, "units", "Units"),
        "channels": channels,
        "users": _most(typed, "users", "Users", 100_000),
        "api_per_minute": _most(typed, "api_per_minute", "API requests a minute", 1_000_000),
        "trial_days": int(_number(typed, "trial_days", "Days of trial", 0, 90)),
        "trial_units": _units(typed, "trial_units", "Units of the trial"),
        "place": int(_number(typed, "place", "Place", 0, 10_000, 100)),
        "is_offered": bool(typed.get("is_offered")),
    }


def _units(typed: Mapping[str, Any], name: str, label: str) -> Decimal:
    return money.number(typed.get(name) or 0, label, places=4, low=ZERO, high=money.MOST_UNITS)


def _number(typed: Mapping[str, Any], name: str, label: str, low: int, high: int, default: int = 0) -> Decimal:
    value = typed.get(name)
    return money.number(default if value is None else value, label, places=0, low=Decimal(low), high=Decimal(high))


def _most(typed: Mapping[str, Any], name: str, label: str, high: int) -> int | None:
    return None if typed.get(name) is None else int(_number(typed, name, label, 1, high))
