"""Whether a callback is Twilio's: an HMAC-SHA1 over the address it called and the fields it posted, in order.

Source: Twilio, Security: validating signatures.
"""

import base64
import hmac
from collections.abc import Iterable
from hashlib import sha1
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from connectpulse.core.api import Callback

SIGNATURE: Final = "x-twilio-signature"
_FORM: Final = "application/x-www-form-urlencoded"


def sign(token: str, url: str, posted: Iterable[tuple[str, str]] = ()) -> str:
    """Return the signature of a request to `url`."""
    text = url + "".join(name + value for name, value in sorted(set(posted)))
    return base64.b64encode(hmac.new(token.encode(), text.encode("utf-8", "surrogateescape"), sha1).digest()).decode()


def is_genuine(callback: Callback, token: str) -> bool:
    """Return whether a request is signed with the account's token. A body that is no form is vouched for by nothing."""
    headers = {name.lower(): value for name, value in callback.headers.items()}
    given = headers.get(SIGNATURE, "").encode("utf-8", "replace")
    is_form = headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM
    if not token or not given or (callback.body and not is_form):
        return False
    try:
        posted, urls = form(callback.body), _spellings(callback.url)
    except ValueError:
        return False
    return any(hmac.compare_digest(given, sign(token, url, posted).encode()) for url in urls)


def form(body: bytes) -> list[tuple[str, str]]:
    """Return the fields of a form; raise ValueError if there are absurdly many."""
    return parse_qsl(body.decode("utf-8", "surrogateescape"), keep_blank_values=True, max_num_fields=200)


def _spellings(url: str) -> list[str]:
    """Return the address as it came, and with and without its port: Twilio signs either."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    host = parts.netloc.removesuffix(f":{parts.port}") if parts.port else parts.netloc
    return [url, parts._replace(netloc=host).geturl(), parts._replace(netloc=f"{host}:{port}").geturl()]
