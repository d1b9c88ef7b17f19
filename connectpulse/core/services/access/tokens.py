"""Random words that open something, and the digests of them that are stored instead."""

import hashlib
import hmac
import secrets

from ...storage.trust import trust


def fresh() -> str:
    """Return 256 random bits as text that fits into a cookie or an address."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> bytes:
    """Return what is stored of a token of 256 bits: nothing that long can be guessed from it."""
    return hashlib.sha256(token.encode(errors="replace")).digest()


def keyed(purpose: str, value: str) -> bytes:
    """Return a keyed digest of something short enough to be guessed; the key is not in the database."""
    return hmac.digest(trust.key(purpose), value.encode(errors="replace"), "sha256")
