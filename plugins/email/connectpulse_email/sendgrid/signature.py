"""How SendGrid proves that events are its own: ECDSA over the header's timestamp and the bytes that came."""

import base64
import binascii
import time
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256

from connectpulse.core.api import Callback

from .settings import verifier

SIGNATURE: Final = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP: Final = "X-Twilio-Email-Event-Webhook-Timestamp"
OLDEST: Final = 25 * 3600
"""Seconds: SendGrid repeats for a day what was not answered. An event that comes twice changes nothing."""
AHEAD: Final = 300
"""Seconds by which clocks may differ."""


def is_genuine(callback: Callback, key: str) -> bool:
    """Return whether SendGrid signed `callback`, lately."""
    headers = {name.lower(): value for name, value in callback.headers.items()}
    stamp = headers.get(TIMESTAMP.lower(), "")
    public = verifier(key)
    if public is None or not _is_recent(stamp):
        return False
    try:
        signature = base64.b64decode(headers.get(SIGNATURE.lower(), ""), validate=True)
        public.verify(signature, stamp.encode() + callback.body, ECDSA(SHA256()))
    except (ValueError, binascii.Error, InvalidSignature):
        return False
    return True


def _is_recent(stamp: str) -> bool:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        return False
    return -AHEAD <= time.time() - int(stamp) <= OLDEST
