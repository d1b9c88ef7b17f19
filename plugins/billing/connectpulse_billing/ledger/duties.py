"""What this area owes: an end for every row, an answer for every person, a sentence for every act."""

from collections.abc import Sequence
from datetime import timedelta

from connectpulse.core.api import AuditAction, Duty, RetentionRule, Then, View, Work

from ..area import Area
from ..statute import BOOKS, by_statute, while_used
from . import adjusting, books, checking, expiry, grants, owing, reconciling
from .tables import Account, Delta, Difference, Entry, Lot, Opening, Policy, Terms


def _views() -> Sequence[View]:
    from . import owing_pages, pages, platform_pages

    return (*pages.VIEWS, *owing_pages.VIEWS, *platform_pages.VIEWS)


def _fold(work: Work) -> None:
    books.fold_all(work)


def _expire(work: Work) -> None:
    expiry.expire(work)


def _resume(work: Work) -> None:
    grants.resume_missed(work)


def _reconcile(work: Work) -> None:
    reconciling.reconcile(work)


AREA = Area(
    rules=[
        while_used(Account),
        while_used(Opening),
        while_used(Policy),
        RetentionRule(Delta, "id", None, Then.PURGE, "operation"),
        by_statute(Entry, "created_at"),
        by_statute(Terms, "created_at"),
        by_statute(Lot, "created_at", final_only="remaining = 0"),
        RetentionRule(Difference, "created_at", timedelta(days=365), Then.PURGE, BOOKS),
    ],
    actions=[
        AuditAction("billing.units_granted", "{actor} gave {object} to the organisation."),
        AuditAction("billing.units_reversed", "{actor} took {object} back from the organisation."),
        AuditAction("billing.units_expired", "{object} of the organisation expired."),
        AuditAction("billing.owed_settled", "{actor} settled {object} the organisation owed."),
        AuditAction("billing.owed_waived", "{actor} waived {object} the organisation owed."),
        AuditAction("billing.policy_changed", "{actor} changed {object} where a message is not delivered."),
    ],
    checks=[checking.HEALTH],
    cards=[checking.CARD],
    restore_checks=[checking.RESTORED],
    duties=[
        Duty("billing.fold", "Adding up units", timedelta(minutes=1), step=_fold),
        Duty("billing.expire", "Letting units expire", timedelta(minutes=10), step=_expire),
        Duty("billing.resume", "Resuming campaigns that have units again", timedelta(minutes=1), step=_resume),
        Duty("billing.reconcile", "Comparing units with messages", timedelta(days=1), step=_reconcile),
    ],
    acts=[adjusting.ACT, owing.ACT],
    views=_views,
)
