"""What the conformance kit tries the provider with: a Kannel on loopback and what it would call back."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from connectpulse.core.api import Callback, ErrorClass, Inbound, MessageState, Receipt, Samples, Submission

from . import peer

_SETTINGS = peer.settings("https://kannel.example.com")
_SECRET = _SETTINGS["callback_token"]


def kannel() -> Samples:
    """Return the samples; all of Kannel's preset is exercised by them."""
    return Samples(
        settings=_SETTINGS,
        peer=peer.kannel,
        callbacks=(
            (
                _called(
                    token=_SECRET,
                    reference="t1",
                    status="1",
                    recipient="+923001234567",
                    time="1764000000",
                    error="id:7 stat:DELIVRD err:000",
                ),
                [
                    Receipt(
                        "t1",
                        MessageState.DELIVERED,
                        "000",
                        occurred_at=datetime.fromtimestamp(1764000000, UTC),
                        address="+923001234567",
                    )
                ],
            ),
            (
                _called(token=_SECRET, reference="t2", status="2", recipient="923001234567"),
                [Receipt("t2", MessageState.UNDELIVERABLE, "2", address="+923001234567")],
            ),
            (
                _called(token=_SECRET, **{"from": "+923001234567"}, to="8583", text="روکیں"),
                [Inbound("+923001234567", "8583", "روکیں")],
            ),
        ),
        forged=(
            _called(token=_SECRET[:-1], reference="t1", status="1"),
            _called(reference="t1", status="1"),
        ),
        submissions=(
            _submission(1, "+923001234567", "Hello & welcome"),
            _submission(2, "+923217654321", "سلام 🌙"),
        ),
        refused=((_submission(3, "+923001234500", "Hello"), ErrorClass.RECIPIENT),),
    )


def _called(**query: str) -> Callback:
    return Callback("GET", f"https://pulse.example.com/in?{urlencode(query)}", {}, tuple(query.items()), b"")


def _submission(number: int, address: str, text: str) -> Submission:
    return Submission(number, address, "PULSE", text, 1, timedelta(hours=4), f"sample-{number}")
