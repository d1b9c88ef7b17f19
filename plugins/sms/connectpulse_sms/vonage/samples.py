"""What the conformance kit tries the provider with: the SMS API on loopback, and what it would call back."""

from datetime import UTC, datetime, timedelta

from connectpulse.core.api import Callback, ErrorClass, Inbound, MessageState, Receipt, Samples, Submission

from . import peer

_URL = "https://pulse.example.com/callbacks/7/trial"
_NUMBER = "+923001234567"
_OURS = "1f"
"""Our name for a message."""
_AT = datetime(2026, 11, 23, 13, 5, tzinfo=UTC)


def samples() -> Samples:
    """Return the samples."""
    sent = {"msisdn": _NUMBER[1:], "to": "PULSE", "message-timestamp": "2026-11-23 13:05:00", "client-ref": _OURS}
    wrote = {"msisdn": _NUMBER[1:], "to": "447700900000", "messageId": "0C", "text": "روکیں & stop", "type": "unicode"}
    return Samples(
        settings=peer.settings(),
        peer=peer.vonage,
        callbacks=(
            (
                _called({**sent, "messageId": "0A", "status": "delivered", "err-code": "0"}),
                [Receipt("0A", MessageState.DELIVERED, occurred_at=_AT, address=_NUMBER, token=_OURS)],
            ),
            (
                _called({**sent, "messageId": "0B", "status": "failed", "err-code": "3"}),
                [Receipt("0B", MessageState.UNDELIVERABLE, "3", "unknown_number", _AT, _NUMBER, token=_OURS)],
            ),
            (_called(wrote), [Inbound(_NUMBER, "+447700900000", "روکیں & stop", "0C")]),
        ),
        forged=(
            _called({**sent, "messageId": "0A", "status": "failed"}, more=b"&status=delivered"),
            _called({**sent, "messageId": "0A", "status": "failed"}, more=b"&err-code=0"),
        ),
        submissions=(_submission(1, _NUMBER, "Hello & welcome"), _submission(2, "+923217654321", "سلام 🌙")),
        refused=(
            (_submission(3, "+923001234500", "Hello"), ErrorClass.RECIPIENT),
            (_submission(4, "+923001234510", "Hello"), ErrorClass.RECIPIENT),
            (_submission(5, "+923001234529", "Hello"), ErrorClass.THROTTLE),
        ),
    )


def _called(fields: dict[str, str], more: bytes = b"") -> Callback:
    body, headers = peer.signed_form(fields)
    return Callback("POST", _URL, headers, (), body + more)


def _submission(number: int, address: str, text: str) -> Submission:
    return Submission(number, address, "PULSE", text, 1, timedelta(hours=4), f"sample-{number}")
