"""How Twilio proves that a request is its own: an HMAC over the address it called and what it posted.

SHA-1 with the account's token is the rule. Where the account has a webhook rule, the header
`X-Twilio-Webhooks-Signature-Settings` names the algorithm, and the secret is the rule's shared key.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from connectpulse.core.api import Callback

_ALGORITHMS: Final = {"HMAC_SHA1": hashlib.sha1, "HMAC_SHA256": hashlib.sha256}
_FORM = "application/x-www-form-urlencoded"


def is_genuine(callback: Callback, auth_token: str, shared_key: str = "") -> bool:
    """Return whether Twilio sent `callback`: signed with the shared key where a rule's header says so.

    Messages are told of by forms alone, so any other body is nobody's.
    """
    headers = {name.lower(): value for name, value in callback.headers.items()}
    rule = headers.get("x-twilio-webhooks-signature-settings", "").strip()
    secret, algorithm = (shared_key, _algorithm(rule)) if rule else (auth_token, "HMAC_SHA1")
    given = headers.get("x-twilio-signature", "").encode("utf-8", "replace")
    is_form = headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM
    if not secret or not given or algorithm not in _ALGORITHMS or (callback.body and not is_form):
        return False
    try:
        posted, urls = form(callback.body), _spellings(callback.url)
    except ValueError:
        return False
    return any(hmac.compare_digest(given, sign(secret, url, posted, algorithm).encode()) for url in urls)


def sign(secret: str, url: str, posted: Iterable[tuple[str, str]] = (), algorithm: str = "HMAC_SHA1") -> str:
    """Return the signature of a request to `url`: its fields follow the address in order, without separators."""
    text = url + "".join(name + value for name, value in sorted(set(posted)))
    digest = hmac.new(secret.encode(), text.encode("utf-8", "surrogateescape"), _ALGORITHMS[algorithm]).digest()
    return base64.b64encode(digest).decode()


def form(body: bytes) -> list[tuple[str, str]]:
    """Return the fields of a form; raise ValueError if there are absurdly many."""
    return parse_qsl(body.decode("utf-8", "surrogateescape"), keep_blank_values=True, max_num_fields=200)


def _algorithm(rule: str) -> str:
    """Return the algorithm a rule's header names, like `key=…,algorithm=HMAC_SHA256`."""
    named = (part.partition("=") for part in rule.split(","))
    return next((value.strip().upper() for name, _, value in named if name.strip() == "algorithm"), "HMAC_SHA1")


def _spellings(url: str) -> list[str]:
    """Return the address as it came, and with and without its port: Twilio signs either."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    host = parts.netloc.removesuffix(f":{parts.port}") if parts.port else parts.netloc
    return list(dict.fromkeys((url, _at(parts, host), _at(parts, f"{host}:{port}"))))


def _at(parts: SplitResult, place: str) -> str:
    return parts._replace(netloc=place).geturl()
