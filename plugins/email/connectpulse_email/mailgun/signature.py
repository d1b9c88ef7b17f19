"""How Mailgun proves that an event is its own: an HMAC over a time and a token, which stand in the event.

It does not cover what the event says. So an event must be young, and a token counts for one event only: who saw a
genuine one cannot put other words into it. Tokens are remembered by each process for itself.
"""

import hashlib
import hmac
import time
from collections import OrderedDict
from threading import Lock
from typing import Any, Final

from connectpulse.core.api import Callback, requests

AHEAD: Final = 300
"""Seconds by which clocks may differ."""
MOST: Final = 20_000
"""Tokens that are remembered."""

_seen: OrderedDict[str, bytes] = OrderedDict()
_lock = Lock()


def read(callback: Callback) -> dict[str, Any]:
    """Return the document of a request, an empty one where it is none."""
    try:
        found = requests.parse(callback.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def sign(key: str, stamp: str, token: str) -> str:
    """Return the signature, in hexadecimal digits, of an event of `stamp` (seconds) and `token`."""
    return hmac.new(key.encode(), (stamp + token).encode(), hashlib.sha256).hexdigest()


def is_genuine(callback: Callback, key: str, oldest: float) -> bool:
    """Return whether Mailgun signed the event within the last `oldest` seconds."""
    kind = next((value for name, value in callback.headers.items() if name.lower() == "content-type"), "")
    given = read(callback).get("signature")
    if not key or not isinstance(given, dict) or not kind.lower().startswith("application/json"):
        return False
    stamp, token, signature = (given.get(name) for name in ("timestamp", "token", "signature"))
    if not isinstance(stamp, str) or not isinstance(token, str) or not isinstance(signature, str):
        return False
    if not _is_recent(stamp, oldest) or not 16 <= len(token) <= 100:
        return False
    expected = sign(key, stamp, token).encode()
    return hmac.compare_digest(expected, signature.encode()) and _is_first(stamp + token, callback)


def _is_recent(stamp: str, oldest: float) -> bool:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        return False
    return -AHEAD <= time.time() - int(stamp) <= oldest


def _is_first(token: str, callback: Callback) -> bool:
    """Return whether the token is new, or came with the same event before: Mailgun repeats itself."""
    digest = hashlib.sha256(callback.body).digest()
    with _lock:
        known = _seen.setdefault(token, digest)
        while len(_seen) > MOST:
            _seen.popitem(last=False)
    return hmac.compare_digest(known, digest)
