"""The key of trust: everything that must be recognised or proved years later is derived from it.

It seals the action log, signs what leaves the house, and recognises people who were erased. It is not in the
database, is kept apart from backups, and is never changed: what it sealed could not be verified any more.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ..errors import Misconfigured, Refused

LEAST = 32


class Trust:
    """The key of this process, set once at start."""

    def __init__(self) -> None:
        self._secret = b""

    def set(self, secret: str) -> None:
        """Use `secret` from now on; raise Misconfigured if it is too short to be one."""
        if len(secret) < LEAST:
            raise Misconfigured("TRUST_KEY must have at least 32 characters. `connectpulse keys` prints one.")
        self._secret = secret.encode()
        self.key.cache_clear()

    @cache  # noqa: B019 - there is one per process
    def key(self, purpose: str) -> bytes:
        """Return the 32 bytes for one purpose (HKDF-SHA256, RFC 5869); purposes tell nothing of each other."""
        if not self._secret:
            raise Misconfigured("TRUST_KEY is not set.")
        return HKDF(SHA256(), 32, b"connectpulse", purpose.encode()).derive(self._secret)

    @property
    def signer(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.key("signing"))

    @property
    def public_key(self) -> str:
        """The site's public key (ed25519, RFC 8032) in hexadecimal: what others verify signatures with."""
        return self.signer.public_key().public_bytes_raw().hex()

    def sign(self, content: bytes) -> str:
        """Return the site's signature over `content` in hexadecimal."""
        return self.signer.sign(content).hex()


trust = Trust()


def own_key(purpose: str) -> bytes:
    """Return 32 bytes for a purpose of a plugin, like `acme links`, the same in every process of the site, for ever."""
    return trust.key(f"plugin {purpose}")


def canonical(value: Any) -> bytes:
    """Return the one way JSON is written where it is signed: sorted, without spaces, in UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sealed(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return `payload` with the site's signature over its canonical form."""
    return {"payload": payload, "public_key": trust.public_key, "signature": trust.sign(canonical(payload))}


def unsealed(envelope: Mapping[str, Any], public_key: str) -> dict[str, Any]:
    """Return the payload of an envelope made by `sealed`; raise Refused unless `public_key` signed it."""
    payload, signature = envelope.get("payload"), envelope.get("signature")
    if not isinstance(payload, dict) or not is_signed(canonical(payload), str(signature), public_key):
        raise Refused("The signature is not this site's, or something in it was changed.")
    return payload


def is_signed(content: bytes, signature: str, public_key: str) -> bool:
    """Return whether `signature` is that of `public_key`, both hexadecimal, over `content`."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(bytes.fromhex(signature), content)
    except (ValueError, InvalidSignature):
        return False
    return True
