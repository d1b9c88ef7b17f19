"""The routes of invoicing, and one of everything they show."""

from itertools import count

from connectpulse_billing.invoicing import entities, invoices
from invoicing_scene import SELLER, pay, place

from connectpulse.core.api import Work
from connectpulse.web.security.roles import READ, WRITE
from tests.house.declared import Door

_numbers = count(1)


def _entity(work: Work) -> int:
    number = next(_numbers)
    return entities.save(work, None, SELLER | {"name": f"Company {number}", "prefix": f"C{number}-"}).id


def _invoice(work: Work) -> int:
    if entities.seller(work, "PKR") is None:
        _entity(work)
    order = place(work, f"matrix-{next(_numbers)}")
    pay(work, order)
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
