"""How an organisation stands: what its subscription includes and how much of it is used, and what may be chosen."""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import text

from connectpulse.core.api import Work

from ..buying import money, settled, taxes
from ..figures import spelt
from . import lifecycle, periods, plans
from .tables import ACTIVE, GRACE, SUSPENDED, TRIAL, WAITING, Plan, Subscription

TITLES = {
    WAITING: ("waiting for its first payment", "busy"),
    TRIAL: ("trial", "busy"),
    ACTIVE: ("active", "ok"),
    GRACE: ("unpaid", "warn"),
    SUSPENDED: ("suspended", "bad"),
}
"""What people read, and the kind of mark."""

_USED = text(
    """
    SELECT (SELECT count(*) FROM pulse_membership WHERE organisation_id = :here)
         + (SELECT count(*) FROM pulse_invitation
            WHERE organisation_id = :here AND ended_at IS NULL AND expires_at > :now) AS users,
           (SELECT coalesce(sum(remaining), 0) FROM billing_lot
            WHERE organisation_id = :here AND source = 'subscription' AND expires_at > :now) AS remaining,
           (SELECT coalesce(sum(units), 0) FROM billing_lot
            WHERE organisation_id = :here AND source = 'subscription' AND expires_at > :now) AS units
    """
)


@dataclass(frozen=True, slots=True)
class Offer:
    """A plan as it is offered to one organisation. `says` is what choosing it does; empty where it is chosen."""

    plan: Plan
    price: str
    facts: list[tuple[str, str]]
    says: str = ""
    mark: str = ""


def every(plan: Plan) -> str:
    """Return how long a period is: `month` or `year`."""
    return "year" if plan.months == 12 else "month"


def fee(work: Work, plan: Plan) -> str:
    """Return what a period costs with today's taxes: `PKR 1,180.00 a month`."""
    if not plan.fee:
        return "free"
    rates = taxes.rates(work, settled.seller(work, plan.currency), plan.currency, work.clock().date())
    total = plan.fee + sum((each.amount for each in money.levy(plan.fee, rates)), Decimal(0))
    return f"{money.shown(total, plan.currency)} a {every(plan)}"


def facts(work: Work, plan: Plan) -> list[tuple[str, str]]:
    """Return what a plan includes, as labels and values."""
    return [
        ("Units", f"{spelt(plan.units)} a {every(plan)}" if plan.units else "none; buy them as you need"),
        ("Channels", channels(work, plan)),
        ("Users", f"{plan.users:,}" if plan.users else "any number"),
        ("API", f"{plan.api_per_minute:,} requests a minute" if plan.api_per_minute else "not limited"),
    ]


def channels(work: Work, plan: Plan) -> str:
    """Return the titles of a plan's channels."""
    known = work.registry.channels
    return ", ".join(known[each].title if each in known else each for each in plan.channels) or "all"


def used(work: Work, mine: Subscription) -> list[tuple[str, str]]:
    """Return how much is used of what the plan allows, in one statement."""
    row = work.session.execute(_USED, {"here": mine.organisation_id, "now": work.clock()}).one()
    plan = mine.plan
    units = "none included"
    if row.units:
        left, all_units = spelt(row.remaining), spelt(row.units)
        units = f"{left} of {all_units} left, until {mine.period_end:%d %B %Y}"
    return [
        ("Included units", units),
        ("Channels", channels(work, plan)),
        ("Users", _users(row.users, plan.users)),
        ("API", f"{plan.api_per_minute:,} requests a minute" if plan.api_per_minute else "not limited"),
    ]


def _users(there: int, most: int | None) -> str:
    if most is None:
        return f"{there:,} of any number"
    return f"{there:,} of {most:,}" + ("; nobody else can be invited" if there >= most else "")


def offers(work: Work, mine: Subscription | None) -> list[Offer]:
    """Return the plans that can be chosen, with what choosing each would do."""
    found = plans.offered(work)
    return [Offer(each, fee(work, each), facts(work, each), *_says(work, mine, each)) for each in found]


def _says(work: Work, mine: Subscription | None, plan: Plan) -> tuple[str, str]:
    if mine is None:
        if plan.trial_days and lifecycle.is_first(work):
            return f"Try it for {plan.trial_days} days; nothing is owed if you do not pay afterwards.", ""
        return ("It begins at once." if not plan.fee else "It begins once the first period is paid."), ""
    if plan.id == mine.plan_id:
        return ("Stay on it after all.", "your plan") if mine.next_plan_id else ("", "your plan")
    if plan.id == mine.next_plan_id:
        return "", f"from {mine.period_end:%d %B %Y}"
    if mine.state in (WAITING, TRIAL):
        return "It takes the place of the other plan at once.", ""
    if mine.state == ACTIVE and lifecycle.is_upgrade(mine.plan, plan):
        left, whole = periods.rest(mine.period_start, mine.period_end, work.clock())
        more = periods.prorated(mine.plan.fee, plan.fee, left, whole)
        return (f"At once, for {money.shown(more, plan.currency)} plus taxes: the difference of the fees for what is "
                f"left of the period, until {mine.period_end:%d %B %Y}."), ""  # fmt: skip
    if mine.state == ACTIVE:
        return f"From the next period on, which begins on {mine.period_end:%d %B %Y}.", ""
    return "It begins when it is paid, in place of the unpaid one.", ""
