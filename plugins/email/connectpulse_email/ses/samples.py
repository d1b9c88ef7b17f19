"""What the conformance kit tries the provider with: an SES on loopback, and what SNS would post."""

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
    bounce = {
        "bounceType": "Permanent",
        "bounceSubType": "General",
        "bouncedRecipients": [{"emailAddress": _TO, "status": "5.1.1"}],
    }
    complaint = {"complainedRecipients": [{"emailAddress": _TO}]}
    return Samples(
        settings=peer.settings(),
        peer=peer.ses,
        callbacks=(
            (_called("Delivery", delivery={}), [_told(MessageState.DELIVERED)]),
            (
                _called("Bounce", version="1", bounce=bounce),
                [_told(MessageState.UNDELIVERABLE, "5.1.1", "unknown_recipient", is_stopped=True)],
            ),
            (
                _called("Complaint", complaint=complaint),
                [_told(MessageState.DELIVERED, "Complaint", "complained", is_stopped=True)],
            ),
        ),
        forged=_forged(),
        submissions=(letter(1, "amina01"), letter(2, "bilal02", is_urdu=True)),
        refused=(
            (letter(3, "amina03", sender="news@unverified.example"), ErrorClass.SENDER),
            (letter(4, "amina04")._replace(address="amina@sandbox.example"), ErrorClass.RECIPIENT),
            (letter(5, "amina29"), ErrorClass.THROTTLE),
        ),
    )


def _told(state: MessageState, code: str = "", reason: str = "", *, is_stopped: bool = False) -> Receipt:
    return Receipt("1-1", state, code, reason, _AT, _TO, suppress=is_stopped, token="1")  # noqa: S106 - names a message


def _called(kind: str, *, version: str = "2", **facts: Any) -> Callback:
    return _proven(peer.enveloped(peer.event(_TO, "1-1", eventType=kind, **facts), version))


def _proven(envelope: dict[str, Any]) -> Callback:
    return replace(posted(*peer.posted(envelope)), proof=peer.certificate())


def _forged() -> tuple[Callback, ...]:
    """Return an event that was changed after it was signed, and one of another topic."""
    changed = peer.enveloped(peer.event(_TO, "1-1", eventType="Bounce"))
    changed["Message"] = changed["Message"].replace("Bounce", "Delivery")
    event = peer.event(_TO, "1-1", eventType="Delivery")
    return _proven(changed), _proven(peer.enveloped(event, TopicArn=peer.TOPIC + "-of-others"))
