"""What Mailgun posts: one event about one letter."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from connectpulse.core.api import Callback, ErrorClass, Events, MessageState, Receipt

from ..smtp import codes as smtp
from .codes import FAILURES, STATES, STOPS
from .signature import read

REFERENCE: Final = "pulse_reference"
"""The variable that carries our name of a letter."""

_Meaning = tuple[MessageState, str, str, bool]


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
    address = _text(event, "recipient")
    return [Receipt(reference, state, code[:40], reason, _moment(event), address, suppress=is_stopped)]


def _meaning(kind: str, event: Mapping[str, Any]) -> _Meaning:
    """Return state, code, reason and whether to suppress."""
    state = STATES[kind]
    if kind in STOPS:
        return state, kind, STOPS[kind], True
    if kind == "permanent":
        return _failure(event)
    if kind == "rejected":
        return state, kind, "refused_by_policy", False
    return state, "", "put_off" if kind == "temporary" else "", False


def _failure(event: Mapping[str, Any]) -> _Meaning:
    why, status = _text(event, "reason"), _part(event, "delivery-status")
    if why in FAILURES:
        state, reason, is_stopped = FAILURES[why]
        return state, why, reason, is_stopped
    code = status.get("code")
    found = smtp.find(_text(status, "enhanced-code"), code if isinstance(code, int) and 400 <= code < 600 else 500)
    is_hard = found.code in smtp.HARD or (
        why == "bounce" and found.reason in ("refused_for_recipient", "undeliverable")
    )
    state = found.error.state if found.error is not ErrorClass.PROVIDER else MessageState.UNDELIVERABLE
    return state, found.code, found.reason, is_hard


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
