"""Whether a callback is Meta's: its handshake names our verify token, its events are signed with the app secret."""

import hmac
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from connectpulse.core.api import Callback


def sign(app_secret: str, body: bytes) -> str:
    """Return the value of X-Hub-Signature-256 for a body, as it is sent."""
    return "sha256=" + hmac.new(app_secret.encode(), body, sha256).hexdigest()


def is_genuine(settings: Mapping[str, Any], callback: Callback) -> bool:
    """Return whether a request is a handshake with our token, or an event signed over these very bytes."""
    if callback.method == "GET":
        query = dict(callback.query)
        given = query.get("hub.verify_token", "")
        is_ours = hmac.compare_digest(given.encode(), str(settings["verify_token"]).encode())
        return is_ours and query.get("hub.mode") == "subscribe" and bool(query.get("hub.challenge"))
    given = next((value for name, value in callback.headers.items() if name.lower() == "x-hub-signature-256"), "")
    return hmac.compare_digest(given.encode(), sign(str(settings["app_secret"]), callback.body).encode())


def challenge(callback: Callback) -> str:
    """Return what a genuine handshake wants to hear, empty for an event."""
    return dict(callback.query).get("hub.challenge", "") if callback.method == "GET" else ""
