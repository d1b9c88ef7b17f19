"""Sums of money: exact decimals with two places, and the currencies that have so many."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from connectpulse.core.api import Refused

CENT = Decimal("0.01")
UNIT = Decimal("0.0001")
MOST = Decimal("9999999999.99")
MOST_UNITS = Decimal("9999999999")

CURRENCIES = (
    "PKR", "USD", "EUR", "GBP", "AED", "SAR", "QAR", "INR", "BDT", "LKR", "NPR", "MYR", "SGD", "AUD", "CAD", "CHF",
    "CNY", "DKK", "EGP", "HKD", "KES", "NGN", "NOK", "NZD", "PHP", "PLN", "SEK", "THB", "TRY",
)  # fmt: skip
"""What things may be sold in: currencies whose smallest piece is a hundredth."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A tax by its name, in percent of the price without taxes."""

    name: str
    percent: Decimal


@dataclass(frozen=True, slots=True)
class Levied:
    """A tax on one line: what was levied, and the sum."""

    name: str
    percent: Decimal
    amount: Decimal


def cents(amount: Decimal) -> Decimal:
    """Return `amount` rounded to hundredths, halves away from zero."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def levy(net: Decimal, rates: Iterable[Rate]) -> list[Levied]:
    """Return each tax on one line of `net`.

    Every tax is on the price without taxes, and is rounded to hundredths on its own, halves up; sums of an
    order are sums of what was rounded, so that every figure of an invoice adds up as it is printed.
    """
    return [Levied(each.name, each.percent, cents(net * each.percent / 100)) for each in rates]


def share(whole: Decimal, part: Decimal, of: Decimal) -> Decimal:
    """Return the units of `whole` that `part` of the sum `of` stands for, to four places."""
    if part >= of:
        return whole
    return (whole * part / of).quantize(UNIT, ROUND_HALF_UP)


def currency(typed: Any) -> str:
    """Return a currency's code; raise Refused for one in which nothing can be sold here."""
    code = str(typed or "").strip().upper()
    if code not in CURRENCIES:
        raise Refused(f"{code[:10] or 'Nothing'} is no currency with two decimal places that can be used here.")
    return code


def number(typed: Any, label: str, *, places: int, low: Decimal, high: Decimal) -> Decimal:
    """Return a decimal somebody typed; raise Refused unless it lies in its bounds and has no more places."""
    text = str(typed if typed is not None else "").strip().replace(",", "")
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise Refused(f"{label}: {text[:20]!r} is not a number.") from None
    if not value.is_finite() or not low <= value <= high:
        raise Refused(f"{label}: enter a number from {low} to {high}.")
    exact = value.quantize(Decimal(1).scaleb(-places))
    if exact != value:
        raise Refused(f"{label}: at most {places} decimal places.")
    return exact


def shown(amount: Decimal, code: str) -> str:
    """Return a sum as people read it: `PKR 1,200.00`."""
    return f"{code} {amount:,.2f}"


def minor(amount: Decimal) -> int:
    """Return a sum in hundredths, as gateways count."""
    return int(cents(amount) * 100)


def from_minor(hundredths: Any) -> Decimal:
    """Return a sum from hundredths; raise ValueError for what is no whole number."""
    return (Decimal(int(hundredths)) / 100).quantize(CENT)
