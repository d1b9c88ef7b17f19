"""Writing invoices and their corrections: numbered without gaps, in the transaction of what they are about."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import select, text

from connectpulse.core.api import Refused, Work, audit, platform_scope

from ..buying import money, reversals
from ..buying.order_models import Order, OrderLine
from . import entities, mailing
from .tables import CORRECTED, CORRECTION, INVOICE, Buyer, Invoice, LegalEntity

ZERO = Decimal(0)
_DIGITS = 6
_TAKE = {
    INVOICE: text(
        "UPDATE billing_legal_entity SET next_invoice = next_invoice + 1 WHERE id = :id RETURNING next_invoice - 1"
    ),
    CORRECTION: text(
        "UPDATE billing_legal_entity SET next_correction = next_correction + 1 WHERE id = :id "
        "RETURNING next_correction - 1"
    ),
}
_ORGANISATION = text("SELECT name FROM pulse_organisation WHERE id = :id")


def issue_for_order(work: Work, order: Order) -> Invoice | None:
    """Write the invoice of a paid order, once; return it, or None while nobody sells in its currency.

    An order that was paid before anybody sold gets its invoice later, see `issue_owed`.
    """
    with platform_scope(work.session, "write an invoice"):
        known = _of_order(work, order.id)
        if known is not None:
            return known
        entity_id = order.legal_entity_id or entities.seller(work, order.currency)
        if entity_id is None:
            return None
        sequence = work.session.execute(_TAKE[INVOICE], {"id": entity_id}).scalar_one()
        entity = work.session.get_one(LegalEntity, entity_id)
        return _write(
            work, entity, INVOICE, sequence, order.organisation_id, order_id=order.id, currency=order.currency,
            net=order.net, tax=order.tax, lines=[_line(each) for each in order.lines],
        )  # fmt: skip


def issue_for_reversal(work: Work, order: Order, amount: Decimal, reason: str) -> Invoice | None:
    """Write the correction for a sum that went back; return it, or None for an order without an invoice.

    `amount` is with taxes; they are taken out in the proportion the invoice has them. The last correction of an
    order that was paid back whole takes what is left, so that its corrections add up to the invoice.
    """
    with platform_scope(work.session, "write a correction"):
        invoice = _of_order(work, order.id)
        if invoice is None or amount <= 0:
            return None
        sequence = work.session.execute(_TAKE[CORRECTION], {"id": invoice.entity_id}).scalar_one()
        earlier = work.session.scalars(select(Invoice).where(Invoice.corrects_id == invoice.id)).all()
        left = invoice.total - sum((each.total for each in earlier), ZERO)
        if amount > left:
            raise Refused(f"Only {money.shown(left, invoice.currency)} of {invoice.number} are left to take back.")
        left_tax = invoice.tax - sum((each.tax for each in earlier), ZERO)
        tax = left_tax if amount == left else money.cents(invoice.tax * amount / invoice.total)
        line = _amounts(f"Paid back of invoice {invoice.number}", 1, amount - tax, amount - tax, tax, [])
        return _write(
            work, work.session.get_one(LegalEntity, invoice.entity_id), CORRECTION, sequence, order.organisation_id,
            order_id=order.id, corrects_id=invoice.id, reason=reason[:300], currency=invoice.currency,
            net=amount - tax, tax=tax, lines=[line],
        )  # fmt: skip


AT_ONCE = 200
"""How many owed invoices one transaction writes."""
_LACKING = """
    SELECT o.id FROM billing_order o
    WHERE o.paid_at IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM billing_invoice i WHERE i.order_id = o.id AND i.kind = 'invoice') {and_more}
    ORDER BY o.id LIMIT :limit
"""
_OWED = text(_LACKING.format(and_more=""))
_WRITABLE = text(
    _LACKING.format(
        and_more="AND (o.legal_entity_id IS NOT NULL OR EXISTS ("
        "SELECT 1 FROM billing_legal_entity e WHERE e.currency = o.currency AND e.is_active))"
    )
)


def owed(work: Work, limit: int) -> list[int]:
    """Return the ids of paid orders without an invoice, the oldest first."""
    return list(work.session.scalars(_OWED, {"limit": limit}))


def issue_owed(work: Work) -> int:
    """Write invoices that are owed and can be written by now, and what was paid back of them since; return how many.

    Safe to do twice. Orders are locked, so that money that goes back meanwhile finds the invoice.
    """
    with platform_scope(work.session, "write invoices that are owed"):
        found = list(work.session.scalars(_WRITABLE, {"limit": AT_ONCE}))
        wanted = select(Order).where(Order.id.in_(found)).order_by(Order.id).with_for_update(of=Order)
        return sum(_issue_late(work, each) for each in work.session.scalars(wanted).all())


def _issue_late(work: Work, order: Order) -> bool:
    if _of_order(work, order.id) is not None or issue_for_order(work, order) is None:
        return False
    for back in reversals.of(work, order):
        if back.state == reversals.DONE:
            issue_for_reversal(work, order, back.amount, back.reason or back.source)
    return True


def _of_order(work: Work, order_id: int) -> Invoice | None:
    wanted = select(Invoice).where(Invoice.order_id == order_id, Invoice.kind == INVOICE)
    return work.session.scalars(wanted).one_or_none()


def _write(
    work: Work,
    entity: LegalEntity,
    kind: str,
    sequence: int,
    organisation_id: int,
    *,
    net: Decimal,
    tax: Decimal,
    lines: Sequence[dict[str, Any]],
    **facts: Any,
) -> Invoice:
    begin = entity.prefix if kind == INVOICE else f"{entity.prefix}{CORRECTED}"
    row = Invoice(
        organisation_id=organisation_id, entity_id=entity.id, kind=kind, sequence=sequence,
        number=f"{begin}{sequence:0{_DIGITS}d}", net=net, tax=tax, total=net + tax, lines=list(lines),
        seller=_seller(entity), buyer=_buyer(work, organisation_id), issued_at=work.clock(), **facts,
    )  # fmt: skip
    work.session.add(row)
    work.session.flush()
    audit.record(work, "billing.invoice_issued", row, total=row.total, currency=row.currency)
    mailing.tell(work, row)
    return row


def _seller(entity: LegalEntity) -> dict[str, str]:
    return {
        "name": entity.name, "address": entity.seat, "ntn": entity.ntn, "strn": entity.strn,
        "bank_details": entity.bank_details, "footer": entity.footer, "labels": entity.labels,
    }  # fmt: skip


def _buyer(work: Work, organisation_id: int) -> dict[str, str]:
    said: Buyer | None = entities.buyer(work, organisation_id)
    if said is None:
        name = work.session.execute(_ORGANISATION, {"id": organisation_id}).scalar_one()
        return {"name": name, "address": "", "ntn": "", "strn": ""}
    shown = {"name": said.name, "address": said.address, "ntn": said.ntn, "strn": said.strn}
    return shown | {"email": said.email} if said.is_person else shown


def _line(line: OrderLine) -> dict[str, Any]:
    taxes = [
        {"name": each.name, "percent": _plain(each.percent), "amount": f"{each.amount:.2f}"} for each in line.taxes
    ]
    return _amounts(line.title, line.quantity, line.price, line.net, line.tax, taxes)


def _amounts(
    title: str, quantity: int, price: Decimal, net: Decimal, tax: Decimal, taxes: list[dict[str, str]]
) -> dict[str, Any]:
    return {
        "title": title, "quantity": quantity, "price": f"{price:.2f}", "net": f"{net:.2f}", "tax": f"{tax:.2f}",
        "taxes": taxes,
    }  # fmt: skip


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
