"""What the tests of invoicing share: a company that sells, and orders that are paid."""

from decimal import Decimal
from typing import Any

from connectpulse_billing.buying import orders, taxes
from connectpulse_billing.buying.order_models import Order
from connectpulse_billing.buying.orders import Line
from connectpulse_billing.invoicing import entities
from connectpulse_billing.invoicing.tables import Invoice, LegalEntity
from sqlalchemy import select

from connectpulse.core.api import Actor, Work, platform_scope
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR

BUYER = Actor("user", "Bilal Buyer", 7)
SELLER: dict[str, Any] = {
    "name": "Connect Pulse (Private) Limited", "seat": "12 Mall Road\nLahore", "currency": "PKR",
    "ntn": "1234567-8", "strn": "", "prefix": "CP-", "bank_details": "", "footer": "", "is_active": True,
}  # fmt: skip
DETAILS = {"name": "Karachi Traders", "address": "Clifton", "ntn": "", "strn": "", "email": "pay@traders.example"}


def sell(house: House, **more: Any) -> int:
    """Let a company sell, at 18 percent GST; return its id."""
    with house.work(ADMINISTRATOR) as work:
        entity: LegalEntity = entities.save(work, None, SELLER | more)
        gst = {"name": "GST", "percent": "18", "valid_from": work.clock().date(), "valid_until": None,
               "currency": "", "legal_entity_id": None}  # fmt: skip
        taxes.save(work, None, gst)
        return entity.id


def place(work: Work, reference: str, price: str = "1000.00", quantity: int = 1) -> Order:
    """Order so many thousand units."""
    line = Line(title="1,000 units", price=Decimal(price), quantity=quantity, units=Decimal(1000))
    return orders.place(work, lines=[line], currency="PKR", reference=reference)


def pay(work: Work, order: Order) -> bool:
    """Let the whole sum of an order come."""
    return orders.mark_paid(
        work, order.id, gateway="bank", payment_reference=f"p-{order.id}", amount=order.total, currency="PKR"
    )


def bought(house: House, organisation: int, reference: str, **more: Any) -> int:
    """Order and pay; return the order's id."""
    with house.work(BUYER, organisation) as work:
        order = place(work, reference, **more)
        pay(work, order)
        return order.id


def documents(house: House) -> list[Invoice]:
    """Return all that was written, in order."""
    with house.work(ADMINISTRATOR) as work, platform_scope(work.session, "test"):
        return list(work.session.scalars(select(Invoice).order_by(Invoice.id)))
