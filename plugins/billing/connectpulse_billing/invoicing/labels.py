"""What is printed beside parties and sums, in Urdu besides English where the seller wants both."""

from collections.abc import Mapping

from .tables import ENGLISH_AND_URDU, Invoice

URDU: Mapping[str, str] = {
    "Invoice": "انوائس",
    "Credit note": "کریڈٹ نوٹ",
    "corrects": "تصحیح برائے",
    "From": "منجانب",
    "To": "بنام",
    "NTN": "قومی ٹیکس نمبر",
    "STRN": "سیلز ٹیکس نمبر",
    "Description": "تفصیل",
    "Quantity": "تعداد",
    "Price": "قیمت",
    "Tax": "ٹیکس",
    "Amount": "رقم",
    "Without taxes": "ٹیکس کے بغیر",
    "Taxes": "ٹیکس",
    "Total": "کل رقم",
    "Paid": "ادا شدہ",
    "Reason": "وجہ",
    "Bank details": "بینک کی تفصیل",
}
"""Every label of a document; each is printed as it stands here."""


def beside(invoice: Invoice) -> Mapping[str, str]:
    """Return the Urdu beside a document's English labels: that of the day it was written, none where it has one."""
    return URDU if invoice.seller.get("labels") == ENGLISH_AND_URDU else {}
