"""PayFast of Pakistan (apps.net.pk): a token fixes the sum, the payer posts it to PayFast's page.

The message afterwards is proved by `validation_hash`, the SHA-256 of basket, key, merchant and code joined with
`|`. It does not cover the sum, which the token fixed: where the message says another, it is not believed.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import ClassVar
from urllib.parse import parse_qsl, quote, urlencode

from connectpulse.core.api import AnswerLost, EgressSession, Field, Form, Kind, Knock, Refused

from ..money import cents
from . import base
from .base import Asked, Finding, Forged, Gateway, Purchase, Step, Told, as_json

PAKISTAN = timezone(timedelta(hours=5))
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def validation_hash(basket: str, key: str, merchant: str, code: str) -> str:
    """Return the hash that proves a message of PayFast, in small hexadecimal digits."""
    return hashlib.sha256(f"{basket}|{key}|{merchant}|{code}".encode()).hexdigest()


class PayFast(Gateway):
    """Card, account and wallet payments on PayFast's page."""

    name, title = "payfast", "PayFast"
    hint = "Pay by card, bank account or wallet on PayFast's page."
    currencies = ("PKR",)
    patience = timedelta(days=3)
    settings: ClassVar[Form] = (
        Field("merchant_id", "Merchant id", is_required=True, high=60),
        Field("secured_key", "Secured key", Kind.SECRET, is_required=True, high=200),
        Field("merchant_name", "Name payers see", is_required=True, high=100),
        Field("base_url", "Address", default="https://ipg1.apps.net.pk", is_required=True, high=200,
              help="For trials https://ipguat.apps.net.pk."),
    )  # fmt: skip

    async def begin(self, http: EgressSession, purchase: Purchase) -> Step:
        amount = f"{purchase.amount:.2f}"
        form = {"MERCHANT_ID": str(self.values["merchant_id"]), "SECURED_KEY": str(self.values["secured_key"]),
                "BASKET_ID": purchase.reference, "TXNAMT": amount, "CURRENCY_CODE": "PKR"}  # fmt: skip
        place = self.place("/Ecommerce/api/Transaction/GetAccessToken")
        reply = await http.request("POST", place, headers=_FORM, body=urlencode(form).encode())
        token = str(as_json(reply, "PayFast").get("ACCESS_TOKEN") or "")
        if not token:
            raise Refused("PayFast gave no token for this payment. Choose another way to pay, or try again.")
        fields = {
            "MERCHANT_ID": form["MERCHANT_ID"],
            "MERCHANT_NAME": str(self.values["merchant_name"]),
            "TOKEN": token,
            "PROCCODE": "00",
            "TXNAMT": amount,
            "CURRENCY_CODE": "PKR",
            "BASKET_ID": purchase.reference,
            "TXNDESC": purchase.title[:100],
            "ORDER_DATE": purchase.now.astimezone(PAKISTAN).strftime("%Y-%m-%d"),
            "SIGNATURE": hashlib.sha256(f"{purchase.reference}|{amount}".encode()).hexdigest(),
            "VERSION": "CONNECTPULSE-1",
            "TRAN_TYPE": "ECOMM_PURCHASE",
            "SUCCESS_URL": purchase.back_url,
            "FAILURE_URL": purchase.back_url,
            "CHECKOUT_URL": purchase.hook_url,
        }
        return Step(url=self.place("/Ecommerce/api/Transaction/PostTransaction"), fields=fields)

    def read(self, knock: Knock, now: datetime) -> Sequence[Told]:
        said = dict(knock.query) | dict(parse_qsl(knock.body.decode("utf-8", "replace"), max_num_fields=100))
        basket, code = said.get("basket_id", ""), said.get("err_code", "")
        key, merchant = str(self.values["secured_key"]), str(self.values["merchant_id"])
        genuine = validation_hash(basket, key, merchant, code)
        if not basket or not hmac.compare_digest(genuine.encode(), said.get("validation_hash", "").lower().encode()):
            raise Forged("This message is not from PayFast.")
        payment = said.get("transaction_id") or basket
        kind = base.PAID if code == "000" else base.HINT
        return [Told(id=f"{basket}:{code}:{payment}", kind=kind, reference=basket, payment_reference=payment,
                     amount=_amount(said.get("transaction_amount")), currency="PKR")]  # fmt: skip

    async def inquire(self, http: EgressSession, asked: Asked) -> Finding:
        form = {"merchant_id": str(self.values["merchant_id"]), "secured_key": str(self.values["secured_key"]),
                "grant_type": "client_credentials"}  # fmt: skip
        place = self.place("/Ecommerce/api/token")
        given = as_json(await http.request("POST", place, headers=_FORM, body=urlencode(form).encode()), "PayFast")
        token = str(given.get("token") or given.get("access_token") or "")
        if not token:
            raise AnswerLost("PayFast gave no token for an inquiry.")
        day = asked.begun_at.astimezone(PAKISTAN).strftime("%Y-%m-%d")
        basket = quote(asked.reference, safe="")
        place = self.place(f"/Ecommerce/api/transaction/basket_id/{basket}?order_date={day}")
        found = as_json(await http.request("GET", place, headers={"Authorization": f"Bearer {token}"}), "PayFast")
        if str(found.get("basket_id", asked.reference)) != asked.reference:
            return Finding(state=base.PENDING, answer="an answer about another payment")
        code = str(found.get("status_code") or found.get("code") or "")
        if code in ("00", "000"):
            amount = _amount(found.get("transaction_amount"))
            if amount is None:
                return Finding(state=base.PENDING, answer="paid, but without a sum")
            payment = str(found.get("transaction_id") or asked.reference)
            return Finding(state=base.PAID, payment_reference=payment, amount=amount, currency="PKR")
        return Finding(state=base.PENDING, answer=code[:20])


def _amount(said: object) -> Decimal | None:
    try:
        return cents(Decimal(str(said))) if said not in (None, "") else None
    except InvalidOperation:
        raise Forged("This message names a sum that is no number.") from None
