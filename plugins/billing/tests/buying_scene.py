"""What the tests of buying share: an organisation that orders, gateways that are set up, and messages they sign."""

import json
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import stripe
from connectpulse_billing.buying import doors, events, gates, orders, payments
from connectpulse_billing.buying.gateways.base import Step
from connectpulse_billing.buying.order_models import Attempt, Order
from connectpulse_billing.buying.orders import Line
from connectpulse_billing.ledger import balances, checking

from connectpulse.core.api import Actor, Answer, Knock, platform_scope
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR

BUYER = Actor("user", "Bilal Buyer", 7)
GATEWAY = Actor("visitor", "A gateway")
SECRET = "whsec_of_the_tests"
STRIPE = {"secret_key": "sk_test_1", "webhook_secret": SECRET, "base_url": "http://127.0.0.1:1"}


@dataclass(frozen=True, slots=True)
class Begun:
    """An order with an attempt to pay it."""

    order_id: int
    attempt_id: int
    reference: str
    units: Decimal
    before: Decimal


def set_up(house: House, name: str = "stripe", values: dict[str, Any] | None = None) -> None:
    """Open a gateway."""
    with house.work(ADMINISTRATOR) as work:
        gates.save(work, name, dict(values or STRIPE), is_open=True)


def ordered(house: House, organisation: int, gateway: str = "stripe", reference: str = "r-1", **more: Any) -> Begun:
    """Place an order of 1000 units for 1000.00 and begin to pay it, without asking the gateway."""
    line = Line(**{"title": "Thousand", "price": Decimal("1000.00"), "units": Decimal(1000), **more})
    with house.work(BUYER, organisation) as work:
        order = orders.place(work, lines=[line], currency="PKR", reference=reference)
        attempt = payments.start(work, order.id, gateway)
        payments.begun(work, attempt.id, Step(url="https://pay.example", foreign_reference=f"cs_{reference}"))
        before = balances.of(work, organisation).available
        return Begun(
            order.id, attempt.id, attempt.reference, sum((each.units for each in order.lines), Decimal(0)), before
        )


def gained(house: House, organisation: int, begun: Begun) -> Decimal:
    """Return the units that came since an order was begun; the books must agree."""
    with house.work(ADMINISTRATOR) as work:
        assert checking.faults(work) == []
        return balances.of(work, organisation).available - begun.before


def state(house: House, begun: Begun) -> tuple[str, str]:
    """Return the states of an order and of its attempt."""
    with house.work(ADMINISTRATOR) as work, platform_scope(work.session, "look in a test"):
        return (
            work.session.get_one(Order, begun.order_id).state,
            work.session.get_one(Attempt, begun.attempt_id).state,
        )


def event(kind: str, about: dict[str, Any], id: str = "evt_1") -> bytes:
    """Return an event as Stripe writes it."""
    body = {"id": id, "object": "event", "type": kind, "created": int(time.time()), "data": {"object": about}}
    return json.dumps(body).encode()


def paid(begun: Begun, amount: int = 100_000, currency: str = "pkr", id: str = "evt_1", payment: str = "pi_1") -> bytes:
    """Return the event of a Checkout Session that was paid."""
    about = {
        "id": "cs_1", "object": "checkout.session", "client_reference_id": begun.reference, "payment_status": "paid",
        "payment_intent": payment, "amount_total": amount, "currency": currency,
    }  # fmt: skip
    return event("checkout.session.completed", about, id)


def refunded(amount: int, id: str = "re_1", payment: str = "pi_1") -> bytes:
    """Return the event of a refund that was made at Stripe."""
    about = {"id": id, "object": "refund", "amount": amount, "currency": "pkr", "payment_intent": payment,
             "status": "succeeded", "metadata": {}}  # fmt: skip
    return event("refund.created", about, f"evt_{id}")


def disputed(kind: str, status: str, id: str = "dp_1", payment: str = "pi_1") -> bytes:
    """Return an event of a dispute."""
    about = {"id": id, "object": "dispute", "amount": 100_000, "currency": "pkr", "payment_intent": payment,
             "status": status}  # fmt: skip
    return event(f"charge.dispute.{kind}", about, f"evt_{kind}_{id}")


def signed(body: bytes, secret: str = SECRET, at: int | None = None) -> Knock:
    """Return a delivery of an event, signed as Stripe's library verifies it."""
    moment = int(time.time()) if at is None else at
    signature = stripe.WebhookSignature._compute_signature(f"{moment}.{body.decode()}", secret)
    return knocked("stripe", body, {"stripe-signature": f"t={moment},v1={signature}"})


def knocked(rest: str, body: bytes = b"", headers: dict[str, str] | None = None, method: str = "POST") -> Knock:
    """Return a request at the gateways' door."""
    return Knock(method, rest, f"https://pulse.example/hooks/billing/pay/{rest}", headers or {}, [], body)


def knock(house: House, came: Knock) -> Answer:
    """Let the door answer, as the site does: in one transaction that reaches everywhere."""
    with house.work(GATEWAY) as work, platform_scope(work.session, "the door billing/pay"):
        return doors.knock(work, came)


def apply_all(house: House) -> int:
    """Act upon everything that waits; return how much did."""
    with house.work(GATEWAY) as work:
        waiting = events.due(work)
    for each in waiting:
        with house.work(GATEWAY) as work:
            events.apply(work, each)
    return len(waiting)


def deliver(house: House, body: bytes) -> None:
    """Deliver a genuine event and act upon it."""
    assert knock(house, signed(body)).status == 200
    apply_all(house)
