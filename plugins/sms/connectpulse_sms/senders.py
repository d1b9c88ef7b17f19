"""The three forms of an SMS sender: a mask of letters, a short code, a full number."""

import re

from connectpulse.core.api import SenderKind

from .encoding import GSM, measure

_SHORTCODE = re.compile(r"[0-9]{3,8}")
_LONGCODE = re.compile(r"\+[1-9][0-9]{6,14}")


def check_alphanumeric(value: str) -> str | None:
    """Return what is wrong with a mask: TS 23.040 section 9.1.2.5 gives it room for 11 septets."""
    alphabet, units, _ = measure(value)
    if alphabet is not GSM or not value.isprintable():
        return "Sender name: use letters, digits and signs of the GSM alphabet only."
    if units > 11:
        return f"Sender name: {units} characters; at most 11 fit."
    if value != value.strip():
        return "Sender name: remove the space at its beginning or end."
    if not any(character.isalpha() for character in value):
        return "Sender name: it needs at least one letter; enter a number as a short or long code."
    return None


def check_shortcode(value: str) -> str | None:
    """Return what is wrong with a short code."""
    return None if _SHORTCODE.fullmatch(value) else "Short code: write three to eight digits, like 8558."


def check_longcode(value: str) -> str | None:
    """Return what is wrong with a long code."""
    if _LONGCODE.fullmatch(value):
        return None
    return "Long code: write the full number with + and country code, like +923001234567."


ALPHANUMERIC = SenderKind(
    "alphanumeric",
    "Sender name (mask)",
    check_alphanumeric,
    "Up to 11 characters with at least one letter. Recipients cannot reply to it. In many countries, "
    "Pakistan among them, every name must be approved first.",
)
SHORTCODE = SenderKind("shortcode", "Short code", check_shortcode, "Three to eight digits.")
LONGCODE = SenderKind("longcode", "Long code", check_longcode, "A full number, like +923001234567.")
