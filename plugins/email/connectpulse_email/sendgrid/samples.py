"""What the conformance kit tries the provider with: a SendGrid on loopback, and what it would post."""

from datetime import UTC, datetime

from connectpulse.core.api import Callback, ErrorClass, MessageState, Receipt, Samples

from ..hosted.samples import letter, posted
from . import peer

_TO = "amina01@example.com"
_AT = datetime(2026, 1, 2, tzinfo=UTC)


def samples() -> Samples:
    """Return the samples."""
    bounce = {"event": "bounce", "type": "bounce", "status": "5.1.1"}
    return Samples(
        settings=peer.settings(),
        peer=peer.sendgrid,
        callbacks=(
            (
                _called({"event": "processed"}, {"event": "delivered"}),
                [_told(MessageState.ACCEPTED), _told(MessageState.DELIVERED)],
            ),
            (_called(bounce), [_told(MessageState.UNDELIVERABLE, "5.1.1", "unknown_recipient", is_stopped=True)]),
            (
                _called({"event": "spamreport"}),
                [_told(MessageState.DELIVERED, "spamreport", "complained", is_stopped=True)],
            ),
        ),
        forged=(_forged(),),
        submissions=(letter(1, "amina01"), letter(2, "bilal02", is_urdu=True)),
        refused=(
            (letter(3, "nobody00"), ErrorClass.RECIPIENT),
            (letter(4, "amina04", sender="news@unverified.example"), ErrorClass.SENDER),
            (letter(5, "amina29"), ErrorClass.THROTTLE),
        ),
    )


def _told(state: MessageState, code: str = "", reason: str = "", *, is_stopped: bool = False) -> Receipt:
    return Receipt("1-1", state, code, reason, _AT, _TO, suppress=is_stopped, token="1")  # noqa: S106 - names a message


def _called(*told: dict[str, str]) -> Callback:
    stamp = int(_AT.timestamp())
    return posted(*peer.signed([peer.event(_TO, "1-1", **each, timestamp=stamp) for each in told]))


def _forged() -> Callback:
    """Return events that were changed after they were signed."""
    body, headers = peer.signed([peer.event(_TO, "1-1", event="bounce")])
    return posted(body.replace(b"bounce", b"delivered"), headers)
