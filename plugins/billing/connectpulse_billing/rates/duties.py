"""What this area owes: an end for every row, an answer for every person, a sentence for every act."""

from collections.abc import Sequence

from connectpulse.core.api import AuditAction, RetentionRule, View

from ..area import Area
from ..statute import by_statute, while_used
from .models import PlanRates, Rate, RateCard, RateHolding, RateVersion

ACTIONS = (
    AuditAction("billing.rate_card.created", "{actor} made the rate card {object}."),
    AuditAction("billing.rate_card.renamed", "{actor} renamed the rate card {object}."),
    AuditAction("billing.rate_card.made_default", "{actor} made {object} the default rate card."),
    AuditAction("billing.rate_card.deleted", "{actor} deleted the rate card {object}."),
    AuditAction("billing.rate_card.given", "{actor} gave an organisation a rate card of its own."),
    AuditAction("billing.rate_card.taken", "{actor} took an organisation's own rate card back."),
    AuditAction("billing.rate_card.given_plan", "{actor} gave a plan a rate card."),
    AuditAction("billing.rate_card.drafted", "{actor} began {object}."),
    AuditAction("billing.rate_card.discarded", "{actor} threw {object} away."),
    AuditAction("billing.rate_card.uploaded", "{actor} uploaded a file of prices into {object}."),
    AuditAction("billing.rate_card.published", "{actor} published {object}."),
    AuditAction("billing.rate.added", "{actor} added the rate {object} to a draft."),
    AuditAction("billing.rate.changed", "{actor} changed the rate {object} in a draft."),
    AuditAction("billing.rate.removed", "{actor} took the rate {object} out of a draft."),
)


def _rules() -> tuple[RetentionRule, ...]:
    return (
        by_statute(Rate, "version_id", parent=RateVersion),
        by_statute(RateVersion, "valid_to", final_only="published_at IS NOT NULL"),
        *(while_used(each, purpose="operation") for each in (RateHolding, PlanRates, RateCard)),
    )


def _views() -> Sequence[View]:
    from .pages import VIEWS

    return VIEWS


AREA = Area(rules=_rules(), actions=ACTIONS, views=_views)
