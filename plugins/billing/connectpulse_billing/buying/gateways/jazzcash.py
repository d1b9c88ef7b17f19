"""JazzCash: the payer goes to JazzCash's page by a signed form; a signed message and inquiries tell how it went.

Sums are in paisa, times on Pakistan's clock. `pp_SecureHash` is the HMAC-SHA256, keyed with the integrity salt,
over the salt and every value that is not empty, in the order of their names, joined with `&`.
"""

import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from connectpulse.core.api import EgressSession, Field, Form, Kind, Knock

from ..money import from_minor, minor
from . import base
from .base import Asked, Finding, Forged, Gateway, Purchase, Step, Told, as_json

PAKISTAN = timezone(timedelta(hours=5))
_TIME = "%Y%m%d%H%M%S"
SUCCESS = frozenset({"000", "121"})
"""What means paid. Sources disagree about 124 and 157: these and all others are inquired about, not believed."""
OLDEST = timedelta(days=7)
"""How old a payment may be of which a message tells."""


def secure_hash(values: Mapping[str, str], salt: str) -> str:
    """Return the hash over a form's or a message's values, in small hexadecimal digits."""
    named = sorted((name, value) for name, value in values.items() if name != "pp_SecureHash" and value)
    joined = "&".join([salt, *(value for name, value in named if name.lower().startswith("pp"))])
    return hmac.new(salt.encode(), joined.encode(), "sha256").hexdigest()


class JazzCash(Gateway):
    """Wallet and card payments on JazzCash's page."""

    name, title = "jazzcash", "JazzCash"
    hint = "Pay from a JazzCash account or by card on JazzCash's page."
    currencies = ("PKR",)
    patience = timedelta(days=3)
    settings: ClassVar[Form] = (
        Field("merchant_id", "Merchant id", is_required=True, high=60),
        Field("password", "Password", Kind.SECRET, is_required=True, high=100),
        Field("salt", "Integrity salt", Kind.SECRET, is_required=True, high=100),
        Field("base_url", "Address", default="https://payments.jazzcash.com.pk", is_required=True, high=200,
              help="For trials https://sandbox.jazzcash.com.pk."),
    )  # fmt: skip

    async def begin(self, http: EgressSession, purchase: Purchase) -> Step:
        fields = {
            "pp_Version": "1.1",
            "pp_TxnType": "",
            "pp_Language": "EN",
            "pp_MerchantID": str(self.values["merchant_id"]),
            "pp_Password": str(self.values["password"]),
            "pp_TxnRefNo": purchase.reference,
            "pp_Amount": str(minor(purchase.amount)),
            "pp_TxnCurrency": "PKR",
            "pp_TxnDateTime": purchase.now.astimezone(PAKISTAN).strftime(_TIME),
            "pp_TxnExpiryDateTime": purchase.until.astimezone(PAKISTAN).strftime(_TIME),
            "pp_BillReference": purchase.reference,
            "pp_Description": "".join(each for each in purchase.title if each.isalnum() or each == " ")[:100],
            "pp_ReturnURL": f"{purchase.hook_url}/back",
        }
        fields["pp_SecureHash"] = secure_hash(fields, str(self.values["salt"]))
        return Step(url=self.place("/CustomerPortal/transactionmanagement/merchantform/"), fields=fields)

    def read(self, knock: Knock, now: datetime) -> Sequence[Told]:
        values = _values(knock)
        self._verify(values)
        try:
            moment = datetime.strptime(values["pp_TxnDateTime"], _TIME).replace(tzinfo=PAKISTAN)
            reference, code = values["pp_TxnRefNo"], values["pp_ResponseCode"]
            amount = from_minor(values["pp_Amount"])
        except (KeyError, ValueError):
            raise Forged("This message is not as JazzCash documents it.") from None
        if now - moment > OLDEST:
            raise Forged("This message tells of a payment that is too long ago.")
        kind = base.PAID if code in SUCCESS else base.HINT
        payment = values.get("pp_RetreivalReferenceNo") or reference
        return [Told(id=f"{reference}:{code}:{values['pp_SecureHash'].lower()}", kind=kind, reference=reference,
                     payment_reference=payment, amount=amount, currency=values.get("pp_TxnCurrency", "PKR"),
                     occurred_at=moment)]  # fmt: skip

    def back(self, knock: Knock) -> str:
        return _values(knock).get("pp_TxnRefNo", "")[:100]

    async def inquire(self, http: EgressSession, asked: Asked) -> Finding:
        form = {
            "pp_TxnRefNo": asked.reference,
            "pp_MerchantID": str(self.values["merchant_id"]),
            "pp_Password": str(self.values["password"]),
        }
        form["pp_SecureHash"] = secure_hash(form, str(self.values["salt"]))
        place = self.place("/ApplicationAPI/API/PaymentInquiry/Inquire")
        headers = {"Content-Type": "application/json"}
        found = as_json(await http.request("POST", place, headers=headers, body=json.dumps(form).encode()), "JazzCash")
        values = {name: "" if value is None else str(value) for name, value in found.items()}
        if values.get("pp_SecureHash"):
            self._verify(values)
        if values.get("pp_ResponseCode") != "000":
            return Finding(state=base.PENDING, answer=values.get("pp_ResponseCode", "")[:20])
        code = values.get("pp_PaymentResponseCode", "")
        if code in SUCCESS:
            amount = from_minor(values["pp_Amount"]) if values.get("pp_Amount", "").isdecimal() else asked.amount
            return Finding(state=base.PAID, payment_reference=values.get("pp_RetreivalReferenceNo") or asked.reference,
                           amount=amount, currency="PKR")  # fmt: skip
        is_over = values.get("pp_Status", "").lower() in ("failed", "dropped", "expired", "reversed")
        return Finding(state=base.FAILED if is_over else base.PENDING, answer=code[:20])

    def _verify(self, values: Mapping[str, str]) -> None:
        genuine = secure_hash(values, str(self.values["salt"]))
        if not hmac.compare_digest(genuine.encode(), values.get("pp_SecureHash", "").lower().encode()):
            raise Forged("This message is not signed by JazzCash.")


def _values(knock: Knock) -> dict[str, str]:
    """Return the values of a posted form, or of the JSON the newer messages come as."""
    text = knock.body.decode("utf-8", "replace")
    if not text.lstrip().startswith("{"):
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=100))
    try:
        found: dict[str, Any] = json.loads(text)
    except ValueError:
        return {}
    return {str(name): "" if value is None else str(value) for name, value in found.items()}
