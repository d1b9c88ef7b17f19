"""The routes of invoicing, and one of everything they show."""

from decimal import Decimal
from itertools import count

from connectpulse_billing.buying import orders
from connectpulse_billing.buying.orders import Line
from connectpulse_billing.invoicing import entities, invoices

from connectpulse.core.api import Work
from connectpulse.core.services import records
from connectpulse.core.storage.models import Organisation
from connectpulse.web.security.roles import READ, WRITE
from tests.house.declared import Door

_numbers = count(1)


def _entity(work: Work) -> int:
    number = next(_numbers)
    empty = dict.fromkeys(("seat", "ntn", "strn", "bank_details", "footer"))
    said = {"name": f"Company {number}", "currency": "PKR", "prefix": f"C{number}-", "is_active": True}
    return entities.save(work, None, said | empty).id


def _invoice(work: Work) -> int:
    return _bought(work, None)


def _bought(work: Work, owner: int | None) -> int:
    if entities.seller(work, "PKR") is None:
        _entity(work)
    line = Line(title="Thousand", price=Decimal(10), units=Decimal(1000))
    order = orders.place(
        work, lines=[line], currency="PKR", reference=f"matrix-{next(_numbers)}", organisation_id=owner
    )
    orders.mark_paid(
        work, order.id, gateway="bank", payment_reference="matrix", amount=order.total, currency=order.currency
    )
    made = invoices.issue_for_order(work, order)
    assert made is not None
    return made.id


def _document(work: Work) -> int:
    made = Organisation(name=f"Reader {next(_numbers)}", country="PK", timezone="UTC")
    owner = records.create(work, made, "organisation.created").id
    return _bought(work, owner)


NOUNS = {"legal entity": _entity, "invoice": _invoice, "document": _document}
OF_THE_PLATFORM = frozenset({"legal entity", "document"})

DOORS = {
    **{f"LegalEntityView.{name}": Door(READ, "Legal entities") for name in ("list", "lookup")},
    "LegalEntityView.show": Door(READ, "Legal entities", "legal entity"),
    "LegalEntityView.add": Door(WRITE, "Legal entities"),
    **{f"LegalEntityView.{name}": Door(WRITE, "Legal entities", "legal entity") for name in ("edit", "delete")},
    **{f"InvoiceView.{name}": Door(READ, "Invoices") for name in ("list", "export")},
    **{f"IssuedView.{name}": Door(READ, "All invoices") for name in ("list", "export")},
    **{f"IssuedView.{name}": Door(READ, "All invoices", "document") for name in ("show", "download")},
    **{f"InvoiceView.{name}": Door(READ, "Invoices", "invoice") for name in ("show", "download")},
    "InvoiceView.send": Door(WRITE, "Invoices", "invoice"),
    "BuyerView.show": Door(READ, "Invoices"),
    "BuyerView.save": Door(WRITE, "Invoices"),
    **{f"StatementView.{name}": Door(READ, "Invoices") for name in ("show", "download")},
}
