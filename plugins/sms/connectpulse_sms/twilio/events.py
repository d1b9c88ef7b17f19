"""What Twilio calls back: the state of a message, and what people write to our numbers."""

from connectpulse.core.api import Callback, ErrorClass, Events, Inbound, MessageState, Receipt, signed_forms

from .codes import ERRORS, STATES, SUPPRESSED, UNDONE


def events(callback: Callback) -> Events:
    """Return the event of a callback; raise ValueError if it makes no sense."""
    fields = dict(signed_forms.form(callback.body)) if callback.body else dict(callback.query)
    status = fields.get("MessageStatus", "")
    if status:
        return [_receipt(status, fields)]
    if "Body" in fields and fields.get("From") and fields.get("To"):
        return [Inbound(fields["From"], fields["To"], fields["Body"], fields.get("MessageSid", ""))]
    raise ValueError("The callback holds neither the status of a message nor a text.")


def _receipt(status: str, fields: dict[str, str]) -> Receipt:
    state = STATES.get(status)
    if state is None:
        raise ValueError(f"The status {status[:40]!r} is not one we know.")
    reference = fields.get("MessageSid") or fields.get("SmsSid") or ""
    if not reference:
        raise ValueError("The callback reports a status without the SID of a message.")
    code = fields.get("ErrorCode", "")
    error, reason = ERRORS.get(code, (None, ""))
    return Receipt(
        reference,
        _state(state, error) if status in UNDONE else state,
        code[:40] or (status if MessageState.EXPIRED <= state < MessageState.DELIVERED else ""),
        reason,
        address=fields.get("To", ""),
        suppress=code in SUPPRESSED,
    )


def _state(state: MessageState, error: ErrorClass | None) -> MessageState:
    """Return the state an error's class ends in: a filtered text is refused, whatever Twilio calls it."""
    return error.state if error else state
