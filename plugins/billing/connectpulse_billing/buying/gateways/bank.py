"""A transfer to the seller's bank account: the payer uploads a proof, and a second person approves it."""

from datetime import timedelta
from typing import ClassVar

from connectpulse.core.api import Check, EgressSession, Field, Form, Kind

from .base import Gateway, Purchase, Step


class BankTransfer(Gateway):
    """Nothing is asked over the network: people look at the account."""

    name, title = "bank", "Bank transfer"
    hint = "Transfer the sum, then upload the bank's receipt. Units come once it is approved, mostly within a day."
    patience = timedelta(days=14)
    can_inquire = False
    settings: ClassVar[Form] = (
        Field("bank", "Bank", is_required=True, high=120),
        Field("account_title", "Account title", is_required=True, high=120),
        Field("account_number", "Account number", is_required=True, high=60,
              help="As payers type it, for instance the IBAN."),
        Field("more", "What else payers need", Kind.LONG_TEXT, high=500, help="Branch, SWIFT code, opening hours."),
    )  # fmt: skip

    async def begin(self, http: EgressSession, purchase: Purchase) -> Step:
        lines = [
            ("Bank", str(self.values["bank"])),
            ("Account title", str(self.values["account_title"])),
            ("Account number", str(self.values["account_number"])),
            ("Sum", f"{purchase.currency} {purchase.amount:,.2f}"),
            ("Write in the purpose", purchase.reference),
        ]
        if self.values.get("more"):
            lines.append(("Also", str(self.values["more"])))
        return Step(lines=lines, wants_proof=True)

    async def check(self, http: EgressSession) -> Check:
        return Check(True, ("There is nothing to ask: compare the account number with the bank's papers.",))
