"""Stripe: payers enter their card on Stripe's own page (Checkout); signed webhooks tell what happened.

A card number never comes here. Payments are PaymentIntents: a Checkout Session makes one, events and inquiries
report it, refunds are made of it. Signatures are verified by Stripe's library.
Source: https://docs.stripe.com/api, https://docs.stripe.com/webhooks.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

import stripe as library

from connectpulse.core.api import AnswerLost, Check, EgressSession, Field, Form, Kind, Knock, Refused, Unreachable

from ..money import from_minor, minor
from . import base
from .base import Asked, Finding, Forged, Gateway, Purchase, Step, Told, as_json

TOLERANCE = 300
"""Seconds an event's signature may be old."""

_PAYMENT = {
    "checkout.session.completed": base.PAID,
    "checkout.session.async_payment_succeeded": base.PAID,
    "checkout.session.async_payment_failed": base.FAILED,
    "checkout.session.expired": base.FAILED,
    "payment_intent.succeeded": base.PAID,
}
_BACK = {
    "charge.dispute.created": base.DISPUTED,
    "charge.dispute.funds_withdrawn": base.DISPUTED,
    "charge.dispute.funds_reinstated": base.DISPUTE_WON,
}
_REFUND = {"succeeded": base.REFUNDED, "failed": base.REFUND_FAILED, "canceled": base.REFUND_FAILED}
_CLOSED = {"won": base.DISPUTE_WON, "lost": base.DISPUTE_LOST, "warning_closed": base.DISPUTE_WON}


class Stripe(Gateway):
    """Card payments by Checkout."""

    name, title = "stripe", "Card"
    hint = "Pay by card on Stripe's page. Units come within seconds."
    can_refund = True
    settings: ClassVar[Form] = (
        Field("secret_key", "Secret key", Kind.SECRET, is_required=True, high=200, help="Begins with sk_ or rk_."),
        Field("webhook_secret", "Signing secret of the webhook", Kind.SECRET, is_required=True, high=200,
              help="Begins with whsec_. Let Stripe send checkout.session.*, payment_intent.succeeded, refund.* and "
                   "charge.dispute.* to the webhook address shown on this gateway's page."),
        Field("base_url", "Address", default="https://api.stripe.com", is_required=True, high=200),
    )  # fmt: skip

    async def begin(self, http: EgressSession, purchase: Purchase) -> Step:
        form = {
            "mode": "payment",
            "client_reference_id": purchase.reference,
            "success_url": purchase.back_url,
            "cancel_url": purchase.back_url,
            "metadata[reference]": purchase.reference,
            "payment_intent_data[metadata][reference]": purchase.reference,
            "line_items[0][quantity]": "1",
            "line_items[0][price_data][currency]": purchase.currency.lower(),
            "line_items[0][price_data][unit_amount]": str(minor(purchase.amount)),
            "line_items[0][price_data][product_data][name]": purchase.title[:250],
            # The same whenever it is asked: Stripe refuses a known key with another form.
            "expires_at": str(int((purchase.begun_at + timedelta(hours=23)).timestamp())),
        }
        made = await self._ask(http, "POST", "/v1/checkout/sessions", form, purchase.reference)
        url = str(made.get("url") or "")
        if not url.startswith(("https://", "http://127.0.0.1")):
            raise Refused("Stripe gave no page to pay on. Choose another way to pay, or try again.")
        return Step(url=url, foreign_reference=str(made["id"]))

    async def inquire(self, http: EgressSession, asked: Asked) -> Finding:
        if not asked.foreign_reference:
            return Finding(state=base.PENDING, answer="not begun at Stripe")
        path = "intents" if asked.foreign_reference.startswith("pi_") else "sessions"
        if path == "intents":
            found = await self._ask(http, "GET", f"/v1/payment_intents/{quote(asked.foreign_reference, safe='')}")
            return _of_intent(found)
        found = await self._ask(http, "GET", f"/v1/checkout/sessions/{quote(asked.foreign_reference, safe='')}")
        if found.get("payment_status") == "paid":
            payment, amount = _id(found.get("payment_intent")) or str(found["id"]), from_minor(found["amount_total"])
            currency = str(found["currency"]).upper()
            return Finding(state=base.PAID, payment_reference=payment, amount=amount, currency=currency)
        if found.get("status") == "expired":
            return Finding(state=base.FAILED, answer="the page to pay on expired")
        return Finding(state=base.PENDING, answer=str(found.get("status", "")))

    def read(self, knock: Knock, now: datetime) -> Sequence[Told]:
        try:
            event = library.Webhook.construct_event(
                knock.body, knock.header("Stripe-Signature"), str(self.values["webhook_secret"]), TOLERANCE
            )
        except (ValueError, library.SignatureVerificationError):
            raise Forged("This is not signed by Stripe, or too old.") from None
        plain: dict[str, Any] = event.to_dict()
        try:
            told = _told(plain)
        except (KeyError, TypeError, ValueError):
            raise Forged("This event is not as Stripe documents it.") from None
        return [told] if told is not None else []

    async def refund(
        self, http: EgressSession, payment_reference: str, amount: Decimal, currency: str, key: str
    ) -> str:
        form = {"payment_intent": payment_reference, "amount": str(minor(amount)), "metadata[key]": key}
        made = await self._ask(http, "POST", "/v1/refunds", form, key)
        if made.get("status") in ("failed", "canceled"):
            raise Refused("Stripe did not pay back: look at the payment there.")
        return str(made["id"])

    async def check(self, http: EgressSession) -> Check:
        try:
            found = await self._ask(http, "GET", "/v1/balance")
        except (Refused, AnswerLost, Unreachable) as fault:
            return Check(False, (str(fault),))
        mode = "live money" if found.get("livemode") else "test mode: no real money moves"
        return Check(True, ("The secret key is accepted.", f"The account is in {mode}."))

    async def _ask(
        self, http: EgressSession, method: str, path: str, form: Mapping[str, str] | None = None, key: str = ""
    ) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.values['secret_key']}"}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if key:
            headers["Idempotency-Key"] = key
        body = urlencode(form).encode() if form is not None else None
        reply = await http.request(method, self.place(path), headers=headers, body=body)
        found = as_json(reply, "Stripe")
        if reply.status in (401, 403):
            raise Refused("Stripe does not accept the secret key.")
        if reply.status == 429 or reply.status >= 500:
            raise AnswerLost(f"Stripe answered {reply.status}.")
        if reply.status >= 400:
            fault = found.get("error") if isinstance(found.get("error"), dict) else {}
            raise Refused(f"Stripe refused this ({(fault or {}).get('code') or reply.status}).")
        return found


def _of_intent(found: Mapping[str, Any]) -> Finding:
    state = found.get("status")
    if state == "succeeded":
        return Finding(state=base.PAID, payment_reference=str(found["id"]), amount=from_minor(found["amount_received"]
                       if found.get("amount_received") else found["amount"]),
                       currency=str(found["currency"]).upper())  # fmt: skip
    return Finding(state=base.FAILED if state == "canceled" else base.PENDING, answer=str(state or ""))


def _told(event: Mapping[str, Any]) -> Told | None:
    """Return what an event says, None for one that concerns no payment."""
    kind, about = str(event["type"]), event["data"]["object"]
    common: dict[str, Any] = {"id": str(event["id"]), "occurred_at": datetime.fromtimestamp(int(event["created"]), UTC)}
    if kind in _PAYMENT:
        return _payment(kind, about, common)
    if kind.startswith("refund.") or kind == "charge.refund.updated":
        state = _REFUND.get(str(about.get("status")))
        if state is None:
            return None
        item = str((about.get("metadata") or {}).get("key") or about["id"])  # ours, where we asked for it
        return Told(kind=state, item=item, payment_reference=_id(about.get("payment_intent")),
                    amount=from_minor(about["amount"]), currency=str(about["currency"]).upper(), **common)  # fmt: skip
    if kind.startswith("charge.dispute."):
        state = _BACK.get(kind) or (_CLOSED.get(str(about.get("status"))) if kind.endswith(".closed") else None)
        if state is None:
            return None
        return Told(kind=state, item=str(about["id"]), payment_reference=_id(about.get("payment_intent")),
                    amount=from_minor(about["amount"]), currency=str(about["currency"]).upper(), **common)  # fmt: skip
    return None


def _payment(kind: str, about: Mapping[str, Any], common: Mapping[str, Any]) -> Told | None:
    state = _PAYMENT[kind]
    if kind.startswith("payment_intent."):
        received = about.get("amount_received", about["amount"])
        return Told(kind=state, reference=str((about.get("metadata") or {}).get("reference", "")),
                    payment_reference=str(about["id"]), amount=from_minor(received),
                    currency=str(about["currency"]).upper(), **common)  # fmt: skip
    if kind == "checkout.session.completed" and about.get("payment_status") != "paid":
        return None  # paid later, by a way that takes days: another event will say so
    reference = str(about.get("client_reference_id") or "")
    payment = _id(about.get("payment_intent")) or str(about["id"])
    return Told(kind=state, reference=reference, payment_reference=payment, amount=from_minor(about["amount_total"]),
                currency=str(about["currency"]).upper(), **common)  # fmt: skip


def _id(value: Any) -> str:
    """Return the id of an object that may be expanded."""
    return str(value.get("id", "")) if isinstance(value, Mapping) else str(value or "")
