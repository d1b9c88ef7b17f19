"""Words that travel through others' hands and come back: encrypted, signed, and good for a while (Fernet)."""

import hmac
import json
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from cryptography.fernet import Fernet, InvalidToken

from connectpulse.core.api import NotFound

_LARGEST: Final = 1 << 18
"""Bytes a word may unfold to."""
_STALE = "This address is too old, or not whole."


def sealed(key: bytes, value: Mapping[str, Any]) -> str:
    """Return a value as a word that fits into an address."""
    plain = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return _fernet(key).encrypt(zlib.compress(plain, 9)).decode().rstrip("=")


def opened(key: bytes, word: str, for_at_most: timedelta) -> dict[str, Any]:
    """Return what was sealed; raise NotFound for a word that is not ours or older than `for_at_most`."""
    padded = word + "=" * (-len(word) % 4)
    try:
        packed = _fernet(key).decrypt(padded.encode(), ttl=int(for_at_most.total_seconds()))
        found: dict[str, Any] = json.loads(zlib.decompressobj().decompress(packed, _LARGEST))
    except (InvalidToken, ValueError, zlib.error):
        raise NotFound(_STALE) from None
    return found


def key_of(secret: str) -> bytes:
    """Return the key of words that only the holders of a provider's secret may make."""
    return hmac.digest(secret.encode(), b"connectpulse voice", "sha256")


def _fernet(key: bytes) -> Fernet:
    return Fernet(urlsafe_b64encode(key))
