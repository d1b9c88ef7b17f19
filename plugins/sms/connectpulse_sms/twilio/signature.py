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

SIGNATURE: Final = "x-twilio-signature"
RULE: Final = "x-twilio-webhooks-signature-settings"

_ALGORITHMS: Final = {"HMAC_SHA1": hashlib.sha1, "HMAC_SHA256": hashlib.sha256}
_FORM = "application/x-www-form-urlencoded"


def is_genuine(callback: Callback, auth_token: str, shared_key: str = "") -> bool:
    """Return whether Twilio sent `callback`: signed with the shared key where a rule's header says so."""
    headers = {name.lower(): value for name, value in callback.headers.items()}
    rule = headers.get(RULE, "").strip()
    secret, algorithm = (shared_key, algorithm_of(rule)) if rule else (auth_token, "HMAC_SHA1")
    given = headers.get(SIGNATURE, "").encode("utf-8", "replace")
    if not secret or not given or algorithm not in _ALGORITHMS:
        return False
    is_form = headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM
    if callback.body and not is_form and not _names_body(callback):
        return False  # nothing that was signed vouches for these bytes
    try:
        posted = form(callback.body) if is_form else []
        urls = _spellings(callback.url)
    except ValueError:
        return False
    return any(hmac.compare_digest(given, sign(secret, url, posted, algorithm).encode()) for url in urls)


def sign(secret: str, url: str, posted: Iterable[tuple[str, str]] = (), algorithm: str = "HMAC_SHA1") -> str:
    """Return the signature of a request to `url`: its fields follow the address in order, without separators."""
    text = url + "".join(name + value for name, value in sorted(set(posted)))
    digest = hmac.new(secret.encode(), text.encode("utf-8", "surrogateescape"), _ALGORITHMS[algorithm]).digest()
    return base64.b64encode(digest).decode()


def algorithm_of(rule: str) -> str:
    """Return the algorithm a rule's header names, like `key=…,algorithm=HMAC_SHA256`."""
    for part in rule.split(","):
        name, _, value = part.partition("=")
        if name.strip() == "algorithm" and value.strip():
            return value.strip().upper()
    return "HMAC_SHA1"


def form(body: bytes) -> list[tuple[str, str]]:
    """Return the fields of a form; raise ValueError if there are absurdly many."""
    return parse_qsl(body.decode("utf-8", "surrogateescape"), keep_blank_values=True, max_num_fields=200)


def _names_body(callback: Callback) -> bool:
    """Return whether the signed address carries the digest of the body, as it does for JSON."""
    named = [value for name, value in parse_qsl(urlsplit(callback.url).query) if name == "bodySHA256"]
    digest = hashlib.sha256(callback.body).hexdigest()
    return len(named) == 1 and hmac.compare_digest(named[0].lower().encode(), digest.encode())


def _spellings(url: str) -> list[str]:
    """Return the address as it came, and with and without its port: Twilio signs either."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    host = parts.netloc.removesuffix(f":{parts.port}") if parts.port else parts.netloc
    return list(dict.fromkeys((url, _at(parts, host), _at(parts, f"{host}:{port}"))))


def _at(parts: SplitResult, place: str) -> str:
    return parts._replace(netloc=place).geturl()
