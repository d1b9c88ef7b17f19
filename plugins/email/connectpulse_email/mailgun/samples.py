"""What the conformance kit tries the provider with: a Mailgun on loopback, and what it would post."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from connectpulse.core.api import Callback, ErrorClass, MessageState, Receipt, Samples

from ..hosted.samples import letter, posted
from . import peer

_TO = "amina01@example.com"
_AT = datetime(2026, 1, 2, tzinfo=UTC)


def samples() -> Samples:
    """Return the samples."""
    bounce = {"severity": "permanent", "reason": "bounce", "delivery-status": {"code": 550, "enhanced-code": "5.1.1"}}
    return Samples(
        settings=peer.settings(),
        peer=peer.mailgun,
        callbacks=(
            (_called("delivered"), [_told(MessageState.DELIVERED)]),
            (
                _called("failed", **bounce),
                [_told(MessageState.UNDELIVERABLE, "5.1.1", "unknown_recipient", is_stopped=True)],
            ),
            (_called("complained"), [_told(MessageState.DELIVERED, "complained", "complained", is_stopped=True)]),
        ),
        forged=(_forged(),),
        submissions=(letter(1, "amina01"), letter(2, "bilal02", is_urdu=True)),
        refused=(
            (letter(3, "nobody00"), ErrorClass.RECIPIENT),
            (letter(4, "amina04")._replace(address="amina@sandbox.example"), ErrorClass.RECIPIENT),
            (letter(5, "amina29"), ErrorClass.THROTTLE),
        ),
    )


def _told(state: MessageState, code: str = "", reason: str = "", *, is_stopped: bool = False) -> Receipt:
    return Receipt("1-1", state, code, reason, _AT, _TO, suppress=is_stopped, token="1")  # noqa: S106 - names a message


def _called(kind: str, **facts: Any) -> Callback:
    return posted(*peer.posted(peer.event(_TO, "1-1", event=kind, timestamp=_AT.timestamp(), **facts)))


def _forged() -> Callback:
    """Return an event whose token was changed after it was signed."""
    callback = posted(*peer.posted(peer.event(_TO, "1-1", event="delivered"), token="0" * 50))
    return replace(callback, body=callback.body.replace(b"0" * 50, b"1" * 50))
