"""What this area owes: an end for every row, an answer for every person, a sentence for every act."""

from collections.abc import Sequence
from datetime import timedelta

from connectpulse.core.api import AuditAction, Duty, View

from ..area import Area
from ..statute import by_statute, while_used
from . import alerts, renewing
from .limiting import LIMIT
from .tables import Alert, Charge, Plan, Subscription


def _views() -> Sequence[View]:
    from .pages import VIEWS

    return VIEWS


AREA = Area(
    rules=[
        by_statute(Charge, "subscription_id", parent=Subscription),
        by_statute(Subscription, "ended_at", final_only="state = 'ended'"),
        *(while_used(each, purpose="operation") for each in (Plan, Alert)),
    ],
    actions=[
        AuditAction("billing.plan_added", "{actor} added the plan {object}."),
        AuditAction("billing.plan_changed", "{actor} changed the plan {object}."),
        AuditAction("billing.plan_deleted", "{actor} deleted the plan {object}."),
        AuditAction("billing.subscribed", "{actor} began the {object}."),
        AuditAction("billing.plan_chosen", "{actor} chose another plan for the {object}."),
        AuditAction("billing.plan_switched", "The plan changed: it is a {object} now."),
        AuditAction("billing.subscription_period", "A period of the {object} began."),
        AuditAction("billing.subscription_cancelled", "{actor} cancelled the {object} for the end of its period."),
        AuditAction("billing.subscription_resumed", "{actor} took the cancellation of the {object} back."),
        AuditAction("billing.subscription_unpaid", "The {object} became unpaid."),
        AuditAction("billing.subscription_reminded", "The organisation was reminded that the {object} is unpaid."),
        AuditAction("billing.subscription_suspended", "The {object} was suspended, because it stayed unpaid."),
        AuditAction("billing.subscription_ended", "The {object} ended."),
        AuditAction("billing.payment_misfit", "Money came for a {object} after it was withdrawn; nothing was given."),
        AuditAction("billing.alert_changed", "{actor} changed when to be told of {object}."),
        AuditAction("billing.units_low", "The organisation was told that {object} are left."),
    ],
    limits=[LIMIT],
    duties=[
        Duty("billing.subscriptions", "Renewing subscriptions", timedelta(minutes=10), call=renewing.go),
        Duty("billing.low_units", "Telling of units that run low", timedelta(minutes=5), step=alerts.look),
    ],
    views=_views,
)  # fmt: skip
