"""What Twilio calls back: the state of a message, and what people write to our numbers."""

from datetime import timedelta
from typing import Final

from connectpulse.core.api import Callback, ErrorClass, Events, Inbound, Receipt, signed_forms

from ..buttons import STOP_PAYLOAD
from .codes import AGAIN, CAP_PASSES, ERRORS, MARKETING_CAP, PAUSES, STATES, STOPPED

MARK: Final = "pulse"
"""The name in the callback's address under which our token and the attempt come back: `1f.2`."""
_PREFIX: Final = "whatsapp:"
_UNDONE: Final = frozenset({"undelivered", "failed"})


def events(callback: Callback) -> Events:
    """Return the event of a callback; raise ValueError if it makes no sense."""
    fields = dict(signed_forms.form(callback.body)) if callback.body else dict(callback.query)
    if status := fields.get("MessageStatus", ""):
        return [_receipt(status, fields, dict(callback.query).get(MARK, ""))]
    if fields.get("From", "").startswith(_PREFIX) and fields.get("To"):
        return [Inbound(bare(fields["From"]), bare(fields["To"]), _text(fields), fields.get("MessageSid", ""))]
    raise ValueError("The callback holds neither the status of a message nor what a person wrote.")


def bare(address: str) -> str:
    """Return an address without the channel Twilio puts before it."""
    return address.removeprefix(_PREFIX)


def _text(fields: dict[str, str]) -> str:
    if fields.get("ButtonPayload") == STOP_PAYLOAD:
        return STOP_PAYLOAD
    kind = fields.get("MediaContentType0", "").partition("/")[0]
    text = fields.get("Body") or fields.get("ButtonText") or ""
    return f"[{kind}] {text}".strip() if kind else text


def _receipt(status: str, fields: dict[str, str], mark: str) -> Receipt:
    state, reference = STATES.get(status), fields.get("MessageSid", "")
    if state is None or not reference:
        raise ValueError(f"The status {status[:40]!r} is not one we know, or names no message.")
    token, _, attempt = mark.partition(".")
    code = fields.get("ErrorCode", "")[:40]
    error, reason = ERRORS.get(code, (None, "failed" if status in _UNDONE else ""))
    if status not in _UNDONE:
        return Receipt(reference, state, code, "", address=bare(fields.get("To", "")), token=token)
    return Receipt(
        reference,
        error.state if error else state,
        code or status,
        reason,
        address=bare(fields.get("To", "")),
        suppress=code in STOPPED,
        again=_again(code, error, attempt),
        token=token,
    )


def _again(code: str, error: ErrorClass | None, attempt: str) -> timedelta | None:
    """Return after what while a message is tried once more; the limit of a person is met once, and never again."""
    if code == MARKETING_CAP:
        return CAP_PASSES if attempt == "1" else None
    if error is ErrorClass.THROTTLE:
        return PAUSES.get(code, AGAIN)
    return AGAIN if error is ErrorClass.PROVIDER else None
