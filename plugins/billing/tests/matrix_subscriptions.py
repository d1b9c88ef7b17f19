"""The routes of plans, of an organisation's subscription and of its alert."""

from itertools import count

from connectpulse_billing.subscriptions import plans

from connectpulse.core.api import Work
from connectpulse.web.security.roles import READ, WRITE
from tests.house.declared import Door

_numbers = count(1)


def _plan(work: Work) -> int:
    typed = {"name": f"Plan {next(_numbers)}", "currency": "PKR", "fee": "100", "months": "1", "is_offered": True}
    return plans.save(work, None, typed).id


NOUNS = {"plan": _plan}
OF_THE_PLATFORM = frozenset({"plan"})

DOORS = {
    **{f"PlanView.{name}": Door(READ, "Plans") for name in ("list", "lookup")},
    "PlanView.show": Door(READ, "Plans", "plan"),
    "PlanView.add": Door(WRITE, "Plans"),
    **{f"PlanView.{name}": Door(WRITE, "Plans", "plan") for name in ("edit", "delete")},
    "SubscriptionView.show": Door(READ, "Subscription"),
    **{f"SubscriptionView.{name}": Door(WRITE, "Subscription", "plan") for name in ("subscribe", "change")},
    **{f"SubscriptionView.{name}": Door(WRITE, "Subscription") for name in ("cancel", "resume", "pay")},
    "AlertView.show": Door(READ, "Subscription"),
    "AlertView.save": Door(WRITE, "Subscription"),
}
