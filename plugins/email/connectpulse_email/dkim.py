"""DKIM signatures (RFC 6376): relaxed headers, relaxed body, RSA (2048 bits) or Ed25519 (RFC 8463) with SHA-256.

A signature is made over the body as `mime` writes it, whose relaxed form it already is.
"""

import hashlib
import re
import time
from base64 import b64encode
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

if TYPE_CHECKING:
    from .letter import SigningKey

SIGNED: Final = (
    b"From", b"To", b"Subject", b"Date", b"Message-ID", b"Reply-To", b"MIME-Version", b"Content-Type",
    b"List-Unsubscribe", b"List-Unsubscribe-Post", b"Feedback-ID", b"Auto-Submitted", b"Precedence", b"In-Reply-To",
    b"References",
)  # fmt: skip
"""Headers that are signed where they are there."""
_TWICE: Final = (b"From", b"Subject", b"To", b"List-Unsubscribe", b"List-Unsubscribe-Post")
"""Headers named once more than they are there, so that nobody can add another."""
_BLANKS: Final = re.compile(rb"[ \t\r\n]+")

Private = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def sign(key: "SigningKey", headers: Sequence[tuple[bytes, bytes]], body: bytes) -> tuple[bytes, bytes]:
    """Return the header that signs a message; `body` has no blanks that relaxing would remove."""
    private = _private(key.private_key)
    algorithm = b"rsa-sha256" if isinstance(private, rsa.RSAPrivateKey) else b"ed25519-sha256"
    there = {name.lower(): value for name, value in headers}
    named = [name for name in SIGNED if name.lower() in there]
    value = b"".join(
        (
            b"v=1; a=", algorithm, b"; c=relaxed/relaxed; d=", key.domain.encode(), b"; s=", key.selector.encode(),
            b"; t=%d" % time.time(), b";\r\n h=", b":".join((*named, *[each for each in _TWICE if each in named])),
            b";\r\n bh=", b64encode(hashlib.sha256(body).digest()), b";\r\n b=",
        )
    )  # fmt: skip
    lines = [name.lower() + b":" + _relaxed(there[name.lower()]) + b"\r\n" for name in named]
    seen = b"".join(lines) + b"dkim-signature:" + _relaxed(value)
    return b"DKIM-Signature", value + _wrapped(b64encode(_signed(private, seen)))


def _signed(private: Private, seen: bytes) -> bytes:
    if isinstance(private, rsa.RSAPrivateKey):
        return private.sign(seen, padding.PKCS1v15(), hashes.SHA256())
    return private.sign(hashlib.sha256(seen).digest())


def _relaxed(value: bytes) -> bytes:
    return _BLANKS.sub(b" ", value).strip()


def _wrapped(text: bytes) -> bytes:
    return b"\r\n ".join(text[start : start + 72] for start in range(0, len(text), 72))


@lru_cache(maxsize=256)
def _private(pem: str) -> Private:
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey)
    return key
