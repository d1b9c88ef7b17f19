"""What the conformance kit tries the provider with: a Twilio on loopback, and what it would call back."""

from datetime import timedelta
from urllib.parse import urlencode

from connectpulse.core.api import Callback, ErrorClass, Inbound, MessageState, Receipt, Samples, Submission

from . import peer

_URL = "https://pulse.example.com/callbacks/7/trial"
_NUMBER = "+923001234567"


def samples() -> Samples:
    """Return the samples."""
    return Samples(
        settings=peer.settings() | {"shared_key": peer.SHARED_KEY},
        peer=peer.twilio,
        callbacks=(
            (
                _called(MessageSid="SM1", MessageStatus="delivered", To=_NUMBER, From="PULSE"),
                [Receipt("SM1", MessageState.DELIVERED, address=_NUMBER)],
            ),
            (
                _called(by_key=True, MessageSid="SM2", MessageStatus="undelivered", To=_NUMBER, ErrorCode="30003"),
                [Receipt("SM2", MessageState.UNDELIVERABLE, "30003", "handset_unreachable", address=_NUMBER)],
            ),
            (
                _called(MessageSid="SM3", MessageStatus="failed", To=_NUMBER, ErrorCode="21610"),
                [Receipt("SM3", MessageState.UNDELIVERABLE, "21610", "opted_out", address=_NUMBER, suppress=True)],
            ),
            (
                _called(MessageSid="SM4", SmsStatus="received", From=_NUMBER, To="+15005550006", Body="روکیں"),
                [Inbound(_NUMBER, "+15005550006", "روکیں", "SM4")],
            ),
        ),
        forged=(_forged(), _forged("HMAC_SHA256")),
        submissions=(
            submission(1, _NUMBER, "Hello & welcome"),
            submission(2, "+923217654321", "سلام 🌙"),
        ),
        refused=(
            (submission(3, "+923001234500", "Hello"), ErrorClass.RECIPIENT),
            (submission(4, "+923001234510", "Hello"), ErrorClass.RECIPIENT),
            (submission(5, "+923001234529", "Hello"), ErrorClass.THROTTLE),
        ),
    )


def submission(number: int, address: str, text: str) -> Submission:
    """Return a message to `address`."""
    return Submission(number, address, "+15005550006", text, 1, timedelta(hours=4), f"sample-{number}")


def _called(*, by_key: bool = False, **fields: str) -> Callback:
    return Callback("POST", _URL, peer.signed(_URL, fields, by_key=by_key), (), urlencode(fields).encode())


def _forged(algorithm: str = "") -> Callback:
    """Return a callback whose status was changed after it was signed."""
    signed = peer.signed(_URL, {"MessageSid": "SM1", "MessageStatus": "failed"}, by_key=bool(algorithm))
    return Callback("POST", _URL, signed, (), urlencode({"MessageSid": "SM1", "MessageStatus": "delivered"}).encode())
