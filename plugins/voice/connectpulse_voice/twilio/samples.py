"""What the conformance kit tries the provider with: a Twilio on loopback, and what it would call back."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from connectpulse.core.api import Callback, ErrorClass, Inbound, MessageState, Receipt, Samples, Submission

from ..outcomes import BUSY, HUMAN, INVALID, MACHINE
from . import peer, script

_URL: Final = "https://pulse.example.com/callbacks/7/trial"
_NUMBER: Final = "+923001234567"
_CALLER: Final = "+15005550006"
_AT: Final = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
_TIMESTAMP: Final = "Mon, 23 Nov 2026 09:30:00 +0000"
_CONTENT: Final = {"text": "Good day.", "opt_out_key": "9", "answers": "1 Yes", "machine": "hang_up", "busy_retries": 1}


def samples() -> Samples:
    """Return the samples."""
    return Samples(
        settings=peer.settings() | {"shared_key": peer.SHARED_KEY},
        peer=peer.twilio,
        callbacks=(
            (
                _ended(CallStatus="completed", CallDuration="31", AnsweredBy="human"),
                [_receipt(MessageState.DELIVERED, reason=HUMAN, quantity=31)],
            ),
            (
                _ended(by_key=True, CallStatus="completed", CallDuration="4", AnsweredBy="machine_start"),
                [_receipt(MessageState.UNDELIVERABLE, reason=MACHINE, quantity=4)],
            ),
            (
                _ended(CallStatus="busy"),
                [_receipt(MessageState.UNDELIVERABLE, "busy", BUSY, quantity=0, again=timedelta(minutes=10))],
            ),
            (
                _ended(CallStatus="failed", SipResponseCode="404"),
                [_receipt(MessageState.UNDELIVERABLE, "404", INVALID, quantity=0)],
            ),
            (_said(), [Receipt("CA1", MessageState.SENT, address=_NUMBER)]),
            (_said(Digits="1"), [Inbound(_NUMBER, _CALLER, "Yes", "CA1-1")]),
            (
                _said(Digits="9"),
                [Receipt("CA1", MessageState.SENT, "9", "opted_out", address=_NUMBER, suppress=True)],
            ),
        ),
        forged=(_forged(), _forged(by_key=True)),
        submissions=(submission(1, _NUMBER), submission(2, "+923217654371")),
        refused=(
            (submission(3, "+923001234500"), ErrorClass.RECIPIENT),
            (submission(4, "+923001234529"), ErrorClass.THROTTLE),
        ),
    )


def submission(number: int, address: str, **content: Any) -> Submission:
    """Return a call to `address` with the sample's content, and what is named of it otherwise."""
    shared = {"content": {**_CONTENT, **content}, "recordings": {}}
    return Submission(
        number, address, _CALLER, "Good day.", 1, timedelta(hours=4), f"sample-{number}", shared=shared
    )  # fmt: skip


def _receipt(state: MessageState, code: str = "", reason: str = "", **more: Any) -> Receipt:
    return Receipt("CA1", state, code, reason, _AT, _NUMBER, **more)


def _addresses() -> tuple[str, str]:
    return script.addresses(_URL, peer.TOKEN, submission(1, _NUMBER))


def _ended(*, by_key: bool = False, **fields: str) -> Callback:
    return _called(_addresses()[1], {"CallSid": "CA1", "To": _NUMBER, "Timestamp": _TIMESTAMP, **fields}, by_key)


def _said(**fields: str) -> Callback:
    return _called(_addresses()[0], {"CallSid": "CA1", "To": _NUMBER, "CallStatus": "in-progress", **fields})


def _called(url: str, fields: dict[str, str], by_key: bool = False, **changed: str) -> Callback:
    headers = peer.signed(url, fields, by_key=by_key)
    return Callback("POST", url, headers, (), urlencode(fields | changed).encode())


def _forged(*, by_key: bool = False) -> Callback:
    """Return a callback whose status was changed after it was signed."""
    return _called(_addresses()[1], {"CallSid": "CA1", "CallStatus": "busy"}, by_key, CallStatus="completed")
