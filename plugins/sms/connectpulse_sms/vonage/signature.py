"""How Vonage proves that a request is its own: a `sig` among the fields, or a token in the header.

Fields are joined in order of their names as &name=value, with & and = in values replaced. `md5hash` appends
the secret and hashes; the other methods are keyed. A token is a JWT with HS256; it vouches for the body
only by its `payload_hash`, so that is required. Both tell when they were made, and are believed for a day only.
Source: Vonage, Signing messages; Messages API, Signed webhooks.
"""

import base64
import binascii
import hashlib
import hmac
import json
import math
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

METHODS: Final = ("md5hash", "md5", "sha1", "sha256", "sha512")
OLDEST: Final = 25 * 3600
"""Seconds: Vonage repeats for a day what was not answered. An event that comes twice changes nothing."""
AHEAD: Final = 300
"""Seconds by which clocks may differ."""

_UNSAFE = str.maketrans("&=", "__")


def sign(fields: Iterable[tuple[str, str]], secret: str, method: str) -> str:
    """Return the signature of fields, in small letters."""
    pairs = sorted((name, value) for name, value in fields if name != "sig")
    text = "".join(f"&{name}={value.translate(_UNSAFE)}" for name, value in pairs)
    octets = text.encode("utf-8", "replace")
    if method == "md5hash":
        return hashlib.md5(octets + secret.encode(), usedforsecurity=False).hexdigest()
    return hmac.new(secret.encode(), octets, method).hexdigest()


def is_signed(fields: Iterable[tuple[str, str]], secret: str, method: str) -> bool:
    """Return whether the field `sig`, one alone, signs the others, and their `timestamp` is recent."""
    pairs = list(fields)
    found = dict(pairs)
    given = found.get("sig", "").lower()
    if not secret or not given or len(found) != len(pairs) or not _is_recent(found.get("timestamp")):
        return False
    return hmac.compare_digest(given.encode("utf-8", "replace"), sign(pairs, secret, method).encode())


def is_vouched(authorization: str, body: bytes, secret: str) -> bool:
    """Return whether a bearer token was made with `secret` for exactly this body, lately."""
    scheme, _, token = authorization.strip().partition(" ")
    claims = claims_of(token.strip(), secret) if secret and scheme.lower() == "bearer" else {}
    if not _is_recent(claims.get("iat")) or ("exp" in claims and _age(claims["exp"]) > AHEAD):
        return False
    digest = str(claims.get("payload_hash") or "").lower().encode("utf-8", "replace")
    return hmac.compare_digest(digest, hashlib.sha256(body).hexdigest().encode())


def claims_of(token: str, secret: str) -> dict[str, Any]:
    """Return the claims of a JWT signed by HS256 with `secret`, none for any other."""
    try:
        signed, _, given = token.rpartition(".")
        head, _, payload = signed.partition(".")
        expected = hmac.new(secret.encode(), signed.encode("ascii"), "sha256").digest()
        if not hmac.compare_digest(expected, _octets(given)) or json.loads(_octets(head)).get("alg") != "HS256":
            return {}
        claims = json.loads(_octets(payload))
    except (ValueError, AttributeError, RecursionError, binascii.Error):
        return {}
    return claims if isinstance(claims, dict) else {}


def token(claims: Mapping[str, Any], secret: str) -> str:
    """Return a JWT with `claims`, as Vonage makes them."""
    signed = ".".join(_letters(json.dumps(each).encode()) for each in ({"alg": "HS256", "typ": "JWT"}, dict(claims)))
    return f"{signed}.{_letters(hmac.new(secret.encode(), signed.encode(), 'sha256').digest())}"


def _is_recent(stamp: Any) -> bool:
    return -AHEAD <= _age(stamp) <= OLDEST


def _age(stamp: Any) -> float:
    """Return the seconds since a time given in seconds since 1970, infinity for what is none."""
    text = str(stamp)
    return time.time() - int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else math.inf


def _octets(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _letters(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
