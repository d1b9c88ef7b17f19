"""What Mailgun posts: one event about one letter."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from connectpulse.core.api import Callback, Events, Receipt

from ..bounces.verp import token
from ..hosted.bounces import Meaning, bounced
from .codes import FAILURES, STATES, STOPS
from .signature import read

REFERENCE: Final = "pulse_reference"
"""The variable that carries our name of a letter."""


def events(callback: Callback) -> Events:
    """Return the receipt of a request; raise ValueError if it holds no event.

    Events of other programs on the account, and those that tell nothing new, make none.
    """
    event = read(callback).get("event-data")
    if not isinstance(event, dict):
        raise ValueError("The callback holds no event.")
    reference = _text(_part(event, "user-variables"), REFERENCE)
    kind = _text(event, "event")
    kind = _text(event, "severity") if kind == "failed" else kind
    if not reference or kind not in STATES:
        return ()
    state, code, reason, is_stopped = _meaning(kind, event)
    at, address = _moment(event), _text(event, "recipient")
    return [Receipt(reference, state, code[:40], reason, at, address, suppress=is_stopped, token=token(reference))]


def _meaning(kind: str, event: Mapping[str, Any]) -> Meaning:
    state = STATES[kind]
    if kind in STOPS:
        return Meaning(state, kind, STOPS[kind], True)
    if kind == "permanent":
        return _failure(event)
    if kind == "rejected":
        return Meaning(state, kind, "refused_by_policy")
    return Meaning(state, reason="put_off" if kind == "temporary" else "")


def _failure(event: Mapping[str, Any]) -> Meaning:
    why, status = _text(event, "reason"), _part(event, "delivery-status")
    if why in FAILURES:
        state, reason, is_stopped = FAILURES[why]
        return Meaning(state, why, reason, is_stopped)
    code = status.get("code")
    plain = code if isinstance(code, int) else 0
    return bounced(_text(status, "enhanced-code"), plain, is_hard=why == "bounce")


def _text(event: Mapping[str, Any], name: str) -> str:
    value = event.get(name)
    return value.strip()[:300] if isinstance(value, str) else ""


def _part(event: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = event.get(name)
    return found if isinstance(found, dict) else {}


def _moment(event: Mapping[str, Any]) -> datetime | None:
    stamp = event.get("timestamp")
    if isinstance(stamp, bool) or not isinstance(stamp, int | float) or not 0 < stamp < 1 << 33:
        return None
    return datetime.fromtimestamp(stamp, UTC)
