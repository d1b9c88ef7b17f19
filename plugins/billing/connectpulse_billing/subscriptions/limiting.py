"""What the plan of an organisation allows. Who has no subscription pays as it goes, and is not limited."""

from typing import Any

from sqlalchemy import text

from connectpulse.core.api import Allowance, Limit, Work

from .tables import SUSPENDED

_OF = text(
    """
    SELECT s.state, p.id, p.name, p.channels, p.users, p.api_per_minute, c.order_id
    FROM billing_subscription s JOIN billing_plan p ON p.id = s.plan_id
    LEFT JOIN billing_charge c ON c.subscription_id = s.id AND c.kind = 'period' AND c.begun_at IS NULL
        AND NOT c.is_void
    WHERE s.organisation_id = :organisation AND s.state NOT IN ('waiting', 'ended')
    """
)


def allowed(work: Work, organisation_id: int) -> Allowance:
    """Return what an organisation may use; no channel while its subscription is suspended. One statement."""
    row = _row(work, organisation_id)
    if row is None:
        return Allowance()
    if row.state == SUSPENDED:
        what = f"pay order {row.order_id}" if row.order_id else "pay it on the page Subscription"
        return Allowance(frozenset(), row.users, row.api_per_minute, f"Your subscription is unpaid: {what}.")
    channels = frozenset(row.channels) or None
    return Allowance(channels, row.users, row.api_per_minute, f"Your plan is {row.name}.")


def plan_of(work: Work, organisation_id: int) -> int | None:
    """Return the id of the plan whose prices hold for an organisation, None without a subscription."""
    row = _row(work, organisation_id)
    return None if row is None else int(row.id)


def _row(work: Work, organisation_id: int) -> Any:
    return work.session.execute(_OF, {"organisation": organisation_id}).one_or_none()


LIMIT = Limit("billing.plan", allowed)
