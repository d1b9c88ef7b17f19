"""Easypaisa: the payer goes to Easypay's page by a form with an encrypted digest; only our inquiry is believed.

`merchantHashedReq` is base64 of AES-128-ECB with PKCS#7 padding over the sorted `name=value` pairs, as Easypay
asks for; it proves to Easypay that the form is ours. What comes back is not signed, so it only makes us ask.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import ClassVar
from urllib.parse import parse_qsl, urlsplit

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from connectpulse.core.api import EgressSession, Field, Form, Kind, Knock

from ..money import cents
from . import base
from .base import Asked, Finding, Gateway, Purchase, Step, Told, as_json

PAKISTAN = timezone(timedelta(hours=5))


def hashed(fields: Mapping[str, str], key: str) -> str:
    """Return `merchantHashedReq` of a form's fields; `key` is the store's, of 16, 24 or 32 characters."""
    plain = "&".join(f"{name}={fields[name]}" for name in sorted(fields) if fields[name]).encode()
    padder = PKCS7(128).padder()
    cipher = Cipher(algorithms.AES(key.encode()), modes.ECB()).encryptor()  # noqa: S305 - the gateway's rule
    return base64.b64encode(cipher.update(padder.update(plain) + padder.finalize()) + cipher.finalize()).decode()


class Easypaisa(Gateway):
    """Wallet, card and shop payments on Easypay's page."""

    name, title = "easypaisa", "Easypaisa"
    hint = "Pay from an Easypaisa account or by card on Easypay's page."
    currencies = ("PKR",)
    patience = timedelta(days=3)
    settings: ClassVar[Form] = (
        Field("store_id", "Store id", is_required=True, high=40),
        Field("hash_key", "Hash key", Kind.SECRET, is_required=True, low=16, high=32, help="16, 24 or 32 characters."),
        Field("username", "User name", is_required=True, high=100, help="For inquiries."),
        Field("password", "Password", Kind.SECRET, is_required=True, high=100),
        Field("account", "Merchant account number", is_required=True, high=60),
        Field("base_url", "Address", default="https://easypay.easypaisa.com.pk", is_required=True, high=200),
    )  # fmt: skip

    async def begin(self, http: EgressSession, purchase: Purchase) -> Step:
        fields = {
            "storeId": str(self.values["store_id"]),
            "amount": f"{purchase.amount:.2f}",
            "postBackURL": f"{purchase.hook_url}/back/{purchase.reference}",
            "orderRefNum": purchase.reference,
            "expiryDate": purchase.until.astimezone(PAKISTAN).strftime("%Y%m%d %H%M%S"),
            "autoRedirect": "1",
        }
        fields["merchantHashedReq"] = hashed(fields, str(self.values["hash_key"]))
        return Step(url=self.place("/easypay/Index.jsf"), fields=fields)

    def read(self, knock: Knock, now: datetime) -> Sequence[Told]:
        reference = self.back(knock)
        if not reference:
            raise base.Forged("This names no payment.")
        return [Told(id=f"{reference}:{now:%Y%m%d%H%M}", kind=base.HINT, reference=reference)]

    def resume(self, knock: Knock) -> Step | None:
        token = dict(knock.query).get("auth_token", "")[:500]
        if not token:
            return None
        address = knock.url.partition("?")[0]
        return Step(url=self.place("/easypay/Confirm.jsf"), fields={"auth_token": token, "postBackURL": address})

    def back(self, knock: Knock) -> str:
        said = dict(knock.query) | dict(parse_qsl(knock.body.decode("utf-8", "replace"), max_num_fields=100))
        # The instant message carries the address of its details; of that only the reference is read.
        inner = dict(parse_qsl(urlsplit(said.get("url", "")).query, max_num_fields=20))
        named = [each.get(name) for each in (said, inner) for name in ("orderRefNumber", "orderRefNum", "orderId")]
        return next((each for each in named if each), "")[:100]

    async def inquire(self, http: EgressSession, asked: Asked) -> Finding:
        credentials = f"{self.values['username']}:{self.values['password']}".encode()
        headers = {"Content-Type": "application/json", "Credentials": base64.b64encode(credentials).decode()}
        form = {"orderId": asked.reference, "storeId": str(self.values["store_id"]),
                "accountNum": str(self.values["account"])}  # fmt: skip
        place = self.place("/easypay-service/rest/v4/inquire-transaction")
        found = as_json(await http.request("POST", place, headers=headers, body=json.dumps(form).encode()), "Easypaisa")
        state = str(found.get("transactionStatus", "")).upper()
        if str(found.get("responseCode", "")) != "0000" or str(found.get("orderId", "")) != asked.reference:
            return Finding(state=base.PENDING, answer=str(found.get("responseCode", ""))[:20])
        if state == "PAID":
            try:
                amount = cents(Decimal(str(found["transactionAmount"])))
            except (KeyError, InvalidOperation):
                return Finding(state=base.PENDING, answer="paid, but without a sum")
            payment = str(found.get("transactionId") or asked.reference)
            return Finding(state=base.PAID, payment_reference=payment, amount=amount, currency="PKR")
        is_over = state in ("FAILED", "EXPIRED", "REVERSED", "DROPPED", "BLOCKED")
        return Finding(state=base.FAILED if is_over else base.PENDING, answer=state[:20])
