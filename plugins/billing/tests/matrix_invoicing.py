"""The routes of invoicing, and one of everything they show."""

from decimal import Decimal
from itertools import count

from connectpulse_billing.buying import orders
from connectpulse_billing.buying.orders import Line
from connectpulse_billing.invoicing import entities, invoices

from connectpulse.core.api import Work
from connectpulse.web.security.roles import READ, WRITE
from tests.house.declared import Door

_numbers = count(1)


def _entity(work: Work) -> int:
    number = next(_numbers)
    empty = dict.fromkeys(("seat", "ntn", "strn", "bank_details", "footer"))
    said = {"name": f"Company {number}", "currency": "PKR", "prefix": f"C{number}-", "is_active": True}
    return entities.save(work, None, said | empty).id


def _invoice(work: Work) -> int:
    if entities.seller(work, "PKR") is None:
        _entity(work)
    line = Line(title="Thousand", price=Decimal(10), units=Decimal(1000))
    order = orders.place(work, lines=[line], currency="PKR", reference=f"matrix-{next(_numbers)}")
    orders.mark_paid(
        work, order.id, gateway="bank", payment_reference="matrix", amount=order.total, currency=order.currency
    )
    made = invoices.issue_for_order(work, order)
    assert made is not None
    return made.id


NOUNS = {"legal entity": _entity, "invoice": _invoice}
OF_THE_PLATFORM = frozenset({"legal entity"})

DOORS = {
    **{f"LegalEntityView.{name}": Door(READ, "Legal entities") for name in ("list", "lookup")},
    "LegalEntityView.show": Door(READ, "Legal entities", "legal entity"),
    "LegalEntityView.add": Door(WRITE, "Legal entities"),
    **{f"LegalEntityView.{name}": Door(WRITE, "Legal entities", "legal entity") for name in ("edit", "delete")},
    "InvoiceView.list": Door(READ, "Invoices"),
    **{f"InvoiceView.{name}": Door(READ, "Invoices", "invoice") for name in ("show", "download")},
    "InvoiceView.send": Door(WRITE, "Invoices", "invoice"),
    "BuyerView.show": Door(READ, "Invoices"),
    "BuyerView.save": Door(WRITE, "Invoices"),
    **{f"StatementView.{name}": Door(READ, "Invoices") for name in ("show", "download")},
}
