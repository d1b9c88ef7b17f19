"""What this area owes: an end for every row, an answer for every person, a sentence for every act."""

from collections.abc import Sequence
from datetime import timedelta

from connectpulse.core.api import (
    Act,
    AuditAction,
    Duty,
    Job,
    SubjectHandler,
    View,
    by_user,
    either,
    subject_handler,
)

from ..area import Area
from ..statute import by_statute, while_used
from . import doors, foretelling, refunds, rounds
from .gateways import offered
from .health import CHECK
from .models import Gateway, Package, PaymentEvent, Redemption, Tax, Voucher
from .order_models import Attempt, Order, OrderLine, OrderTax, Proof, Reversal

_DONE = "state NOT IN ('placed', 'awaiting')"


def _handlers() -> Sequence[SubjectHandler]:
    why = "Orders and payments are kept by law; who placed them is taken out."
    return [
        subject_handler(Order, by_user(Order, "placed_by"), ("placed_by",), erase_row=False,
                        beside=("placed_at", "currency", "total", "state"), why=why),
        subject_handler(Proof, either(by_user(Proof, "uploaded_by"), by_user(Proof, "decided_by")),
                        ("uploaded_by", "decided_by"), erase_row=False, beside=("created_at", "state"),
                        hidden=("content",), why=why),
        subject_handler(Redemption, by_user(Redemption, "user_id"), ("user_id",), erase_row=False,
                        beside=("created_at", "units"), why=why),
    ]  # fmt: skip


_ACTIONS = (
    AuditAction("billing.package_added", "{actor} added the package {object}."),
    AuditAction("billing.package_changed", "{actor} changed the package {object}."),
    AuditAction("billing.package_deleted", "{actor} deleted the package {object}."),
    AuditAction("billing.tax_added", "{actor} added the tax {object}."),
    AuditAction("billing.tax_changed", "{actor} changed the tax {object}."),
    AuditAction("billing.tax_deleted", "{actor} deleted the tax {object}."),
    AuditAction("billing.voucher_made", "{actor} made the voucher {object}."),
    AuditAction("billing.voucher_closed", "{actor} closed the voucher {object}."),
    AuditAction("billing.voucher_redeemed", "{actor} redeemed the voucher {object}."),
    AuditAction("billing.gateway_changed", "{actor} changed how to pay by {object}.", redact=("secrets",)),
    AuditAction("billing.gateway_tested", "{actor} tested how to pay by {object}."),
    AuditAction("billing.order_placed", "{actor} placed {object}."),
    AuditAction("billing.order_paid", "{object} was paid."),
    AuditAction("billing.order_cancelled", "{actor} cancelled {object}."),
    AuditAction("billing.order_expired", "{object} expired unpaid."),
    AuditAction("billing.order_overpaid", "{object} was paid once more; that payment granted nothing."),
    AuditAction("billing.order_reversed", "Money of {object} went back, and its units were taken back."),
    AuditAction("billing.dispute_won", "A dispute about {object} was won, and its units were given again."),
    AuditAction("billing.payment_begun", "{actor} began to pay {object}."),
    AuditAction("billing.payment_differs", "A payment for {object} has another sum or currency; it granted nothing."),
    AuditAction("billing.proof_uploaded", "{actor} uploaded {object}."),
    AuditAction("billing.proof_read", "{actor} read {object}."),
    AuditAction("billing.proof_approved", "{actor} approved {object}."),
    AuditAction("billing.proof_refused", "{actor} refused {object}."),
)


def _views() -> Sequence[View]:
    from .pages import views

    return views()


AREA = Area(
    rules=[
        *(while_used(each, purpose="operation") for each in (Package, Tax, Gateway, Voucher)),
        by_statute(Redemption, "created_at", ("user_id",)),
        by_statute(Order, "placed_at", ("placed_by",), final_only=_DONE),
        by_statute(OrderLine, "order_id", parent=Order),
        by_statute(OrderTax, "order_id", parent=Order),
        by_statute(Attempt, "order_id", parent=Order),
        by_statute(Reversal, "order_id", parent=Order),
        by_statute(Proof, "order_id", ("uploaded_by", "decided_by", "content"), parent=Order),
        by_statute(PaymentEvent, "created_at", final_only="state <> 'waiting'"),
    ],
    handlers=_handlers(),
    actions=_ACTIONS,
    checks=[CHECK],
    gateways=offered,
    doors=[doors.DOOR],
    jobs=[Job(doors.APPLY, step=doors.apply)],
    duties=[Duty("billing.payments", "Looking after payments", timedelta(minutes=1), call=rounds.go)],
    acts=[
        Act(refunds.ACT, "Pay back", "Selling", refunds.perform, path="/billing/sales/show/{id}",
            explain=foretelling.explain),
    ],
    views=_views,
)  # fmt: skip
