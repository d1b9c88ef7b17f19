"""What an administrator is asked for: an API key, and the key by which events are believed."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from connectpulse.core.api import Field, Form, Kind

from ..hosted.settings import network

BASE: Final = "https://api.sendgrid.com"
EUROPE: Final = "https://api.eu.sendgrid.com"

FORM: Final[Form] = (
    Field("api_key", "API key", Kind.SECRET, "It begins with SG. and needs the permission Mail Send, no other.",
          is_required=True, high=200, group="Account"),
    Field("verifier", "Verification key of events", help="From Mail Settings, Event Webhook, Signature Verification. "
          "Without it no event is taken, and letters stay accepted.", high=500, group="Events"),
    *network(BASE, "US"),
)  # fmt: skip

PRESETS: Final[Mapping[str, Mapping[str, Any]]] = {
    "SendGrid, United States": {"base_url": BASE, "countries": "US"},
    "SendGrid, European Union": {"base_url": EUROPE, "countries": "DE"},
}


def verifier(text: str) -> EllipticCurvePublicKey | None:
    """Return the public key of events (base64 of DER, on P-256), None if it is none."""
    try:
        key = load_der_public_key(base64.b64decode("".join(text.split()), validate=True))
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1) else None


def faults(settings: Mapping[str, Any]) -> list[str]:
    """Return one sentence per setting that cannot be right."""
    found = []
    if not str(settings["api_key"]).isascii() or any(sign.isspace() for sign in str(settings["api_key"])):
        found.append("API key: it has no spaces and only plain letters.")
    if settings["verifier"] and verifier(settings["verifier"]) is None:
        found.append("Verification key of events: copy the whole line that SendGrid shows, like MFkwEwYH….")
    return found
