"""Return addresses of our own (VERP): `b+1f3a-1=9c0d…@bounce.acme.example` names a letter and proves we made it."""

import hmac
import re
from typing import Final

_DIGITS: Final = 20
"""Hexadecimal digits of proof: 80 bits."""
_REFERENCE: Final = re.compile(r"([0-9a-f]{1,16})-[0-9]{1,4}")
_LOCAL: Final = re.compile(rf"b\+(?P<reference>{_REFERENCE.pattern})=(?P<proof>[0-9a-f]{{20}})", re.IGNORECASE)


def reference(message_id: int, attempt: int) -> str:
    """Return our name for one attempt at a message, as its receipts carry it."""
    return f"{message_id:x}-{attempt}"


def token(reference: str) -> str:
    """Return the message that a reference names (`Submission.token`), empty where it is none of ours."""
    found = _REFERENCE.fullmatch(reference)
    return found[1] if found else ""


def address(reference: str, domain: str, key: str) -> str:
    """Return the address to which bounces of a letter come back."""
    return f"b+{reference}={_proof(reference, key)}@{domain}"


def read(value: str, domain: str, key: str) -> str | None:
    """Return the reference in one of our return addresses; None for any other address, forged ones among them."""
    local, _, place = value.strip().strip("<>").rpartition("@")
    found = _LOCAL.fullmatch(local)
    if found is None or not key or place.lower() != domain.lower():
        return None
    named = found["reference"].lower()
    return named if hmac.compare_digest(_proof(named, key), found["proof"].lower()) else None


def _proof(reference: str, key: str) -> str:
    return hmac.digest(key.encode(), reference.encode(), "sha256").hex()[:_DIGITS]
