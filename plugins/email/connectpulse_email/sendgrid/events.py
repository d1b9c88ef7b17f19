"""What SendGrid posts: an array of events, each about one letter."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from connectpulse.core.api import Callback, Events, Receipt, requests

from ..bounces.verp import token
from ..hosted.bounces import Meaning, bounced
from .codes import DROPS, STATES, STOPS

REFERENCE: Final = "pulse_reference"
"""The custom argument that carries our name of a letter."""


def events(callback: Callback) -> Events:
    """Return the receipts of a request; raise ValueError if it is no array of events.

    Events of other programs on the account, and those that tell nothing new, are left out.
    """
    found = requests.parse(callback.body)
    if not isinstance(found, list):
        raise ValueError("The callback holds no array of events.")
    read = [_receipt(each) for each in found if isinstance(each, dict)]
    return [each for each in read if each is not None]


def _receipt(event: Mapping[str, Any]) -> Receipt | None:
    reference, kind = _text(event, REFERENCE), _text(event, "event")
    if kind == "bounce" and _text(event, "type") == "blocked":
        kind = "blocked"
    if not reference or kind not in STATES:
        return None
    state, code, reason, is_stopped = _meaning(kind, event)
    at, address = _moment(event), _text(event, "email")
    return Receipt(reference, state, code[:40], reason, at, address, suppress=is_stopped, token=token(reference))


def _meaning(kind: str, event: Mapping[str, Any]) -> Meaning:
    if kind in STOPS:
        return Meaning(STATES[kind], kind, STOPS[kind], True)
    if kind == "dropped":
        why = _text(event, "reason").lower()
        drop = next((DROPS[words] for words in DROPS if why.startswith(words)), None)
        state, reason, is_stopped = drop or (STATES[kind], "dropped", False)
        return Meaning(state, kind, reason, is_stopped)
    if kind == "blocked":
        return Meaning(STATES[kind], _text(event, "status") or kind, "refused_by_policy")
    if kind == "bounce":
        return bounced(_text(event, "status"), is_hard=True)
    return Meaning(STATES[kind], reason="put_off" if kind == "deferred" else "")


def _text(event: Mapping[str, Any], name: str) -> str:
    value = event.get(name)
    return value.strip()[:300] if isinstance(value, str) else ""


def _moment(event: Mapping[str, Any]) -> datetime | None:
    stamp = event.get("timestamp")
    if isinstance(stamp, bool) or not isinstance(stamp, int) or not 0 < stamp < 1 << 33:
        return None
    return datetime.fromtimestamp(stamp, UTC)
