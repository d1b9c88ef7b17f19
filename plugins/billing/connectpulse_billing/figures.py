"""How units are written for people."""

from decimal import Decimal


def spelt(units: Decimal) -> str:
    """Return units grouped by thousands, with no more places than there are."""
    whole, _, places = f"{units:,.4f}".partition(".")
    return f"{whole}.{places.rstrip('0')}" if places.rstrip("0") else whole
