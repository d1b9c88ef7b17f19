"""Callbacks signed by an HMAC over the address that was called and the fields that were posted to it, in order.

Several providers sign so, each with headers and secrets of its own: those are for the adapter to know.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from ..domain.provider import Callback

FORM: Final = "application/x-www-form-urlencoded"
MOST_FIELDS: Final = 200
_ALGORITHMS: Final = {"HMAC_SHA1": hashlib.sha1, "HMAC_SHA256": hashlib.sha256}


def headers_of(callback: Callback) -> Mapping[str, str]:
    """Return the headers of a request, their names in small letters."""
    return {name.lower(): value for name, value in callback.headers.items()}


def is_form(callback: Callback) -> bool:
    """Return whether a request says that its body is a form."""
    return headers_of(callback).get("content-type", "").partition(";")[0].strip().lower() == FORM


def form(body: bytes) -> list[tuple[str, str]]:
    """Return the fields of a form; raise ValueError if there are absurdly many."""
    return parse_qsl(body.decode("utf-8", "surrogateescape"), keep_blank_values=True, max_num_fields=MOST_FIELDS)


def sign(secret: str, url: str, posted: Iterable[tuple[str, str]] = (), algorithm: str = "HMAC_SHA1") -> str:
    """Return the signature of a request to `url`, in base64: its fields follow the address, without separators."""
    text = url + "".join(name + value for name, value in sorted(set(posted)))
    digest = hmac.new(secret.encode(), text.encode("utf-8", "surrogateescape"), _ALGORITHMS[algorithm]).digest()
    return base64.b64encode(digest).decode()


def is_signed(callback: Callback, given: str, secret: str, algorithm: str = "HMAC_SHA1", *, digest: str = "") -> bool:
    """Return whether `given` is the signature of a request; without a secret or a signature nothing is.

    A body that is no form is vouched for only where the address carries its SHA-256 in a field called `digest`.
    """
    if not secret or not given or algorithm not in _ALGORITHMS:
        return False
    has_form = is_form(callback)
    if callback.body and not has_form and not (digest and _is_named(callback, digest)):
        return False
    try:
        posted, urls = form(callback.body) if has_form else [], _spellings(callback.url)
    except ValueError:
        return False
    stated = given.encode("utf-8", "replace")
    return any(hmac.compare_digest(stated, sign(secret, url, posted, algorithm).encode()) for url in urls)


def _is_named(callback: Callback, field: str) -> bool:
    """Return whether the address carries the digest of the body, once."""
    named = [value for name, value in parse_qsl(urlsplit(callback.url).query) if name == field]
    digest = hashlib.sha256(callback.body).hexdigest()
    return len(named) == 1 and hmac.compare_digest(named[0].lower().encode(), digest.encode())


def _spellings(url: str) -> list[str]:
    """Return the address as it came, and with and without its port: signers know it as either."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    host = parts.netloc.removesuffix(f":{parts.port}") if parts.port else parts.netloc
    return list(dict.fromkeys((url, _at(parts, host), _at(parts, f"{host}:{port}"))))


def _at(parts: SplitResult, place: str) -> str:
    return parts._replace(netloc=place).geturl()
