"""What this area owes: an end for every row, an answer for every person, a sentence for every act."""

from collections.abc import Sequence
from datetime import timedelta

from connectpulse.core.api import (
    AuditAction,
    Duty,
    Health,
    HealthCheck,
    RetentionRule,
    Then,
    View,
    Work,
    platform_scope,
)

from ..area import Area
from ..statute import BOOKS, by_statute, while_used
from . import erasing, invoices
from .tables import Buyer, Invoice, LegalEntity, Mailing


def write_owed(work: Work) -> bool:
    """Write invoices that can be written by now; return whether there may be more."""
    return invoices.issue_owed(work) >= invoices.AT_ONCE


def check(work: Work) -> Health:
    """Return whether every paid order has its invoice."""
    with platform_scope(work.session, "look for invoices that are owed"):
        waiting = invoices.owed(work, 1000)
    if not waiting:
        return Health("billing_invoices", True)
    return Health(
        "billing_invoices", False,
        f"{len(waiting)} paid orders have no invoice. Add a legal entity that sells in their currency; "
        "the invoices are written within the hour.",
    )  # fmt: skip


def _views() -> Sequence[View]:
    from .pages import VIEWS

    return VIEWS


AREA = Area(
    rules=[
        while_used(LegalEntity),
        while_used(Buyer, ("name", "address", "email")),
        by_statute(Invoice, "issued_at", ("buyer",)),
        RetentionRule(Mailing, "created_at", timedelta(days=7), Then.PURGE, BOOKS),
    ],
    handlers=[erasing.BUYER, erasing.INVOICE],
    actions=[
        AuditAction("billing.entity_added", "{actor} added the legal entity {object}."),
        AuditAction("billing.entity_changed", "{actor} changed the legal entity {object}."),
        AuditAction("billing.entity_deleted", "{actor} deleted the legal entity {object}."),
        AuditAction(
            "billing.buyer_changed", "{actor} changed the {object}: what stands on coming invoices.",
            redact=("name", "address", "ntn", "strn", "email"),
        ),
        AuditAction("billing.invoice_issued", "{object} was written."),
        AuditAction("billing.invoice_mailed", "{actor} had {object} mailed."),
        AuditAction("billing.invoice_read", "{actor} downloaded {object}."),
        AuditAction("billing.invoices_exported", "{actor} downloaded the list of invoices {object}."),
        AuditAction("billing.statement_read", "{actor} downloaded the statement of {object}."),
    ],
    checks=[HealthCheck("billing_invoices", check)],
    duties=[
        Duty("billing.invoices", "Writing invoices that are owed", timedelta(hours=1), step=write_owed)
    ],
    views=_views,
)  # fmt: skip
