"""What Twilio calls back about a call: how it goes, how it ended, and the keys that were pressed."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

from connectpulse.core.api import Callback, Events, Inbound, MessageState, Receipt, Submission, signed_forms

from .. import menu
from ..menu import Deed
from ..outcomes import CONGESTION, FAILED, MACHINE, UNANSWERED, Talk, again_after, answered, is_left_a_message
from . import codes, script

_CONGESTION_OVER: Final = timedelta(minutes=5)
_MOST_SECONDS: Final = 24 * 3600


def events(settings: Mapping[str, Any], callback: Callback) -> Events:
    """Return the events of a callback; raise ValueError if it makes no sense."""
    about, submission = script.read(settings["auth_token"], callback)
    fields = dict(signed_forms.form(callback.body))
    reference = fields.get("CallSid", "")
    if not reference:
        raise ValueError("The callback does not say which call it is about.")
    if about == script.SAID:
        return _asked(reference, submission, fields)
    status = fields.get("CallStatus", "")
    if status not in codes.STATES:
        raise ValueError(f"The status {status[:40]!r} is not one we know.")
    if status == "completed":
        return _talk(reference, submission, fields)
    if status in codes.ENDINGS:
        return [_unanswered(reference, submission, status, fields)]
    return [Receipt(reference, codes.STATES[status], occurred_at=_moment(fields), address=submission.address)]


def _asked(reference: str, submission: Submission, fields: Mapping[str, str]) -> Events:
    """Return that somebody answered, or what a key means: a wish not to be called again, an answer that was offered."""
    digit = fields.get("Digits")
    if digit is None:
        return [Receipt(reference, MessageState.SENT, address=submission.address)]
    key = menu.read(submission.shared["content"] if submission.shared else {})[0].get(digit)
    if key is not None and key.deed is Deed.OPT_OUT:
        return [Receipt(reference, MessageState.SENT, digit, "opted_out", address=submission.address, suppress=True)]
    if key is not None and key.deed is Deed.ANSWER:
        return [Inbound(submission.address, submission.sender, key.label, f"{reference}-{digit}")]
    return []


def _talk(reference: str, submission: Submission, fields: Mapping[str, str]) -> Events:
    who = codes.answer(fields.get("AnsweredBy", ""))
    is_spoken_to = is_left_a_message(submission) and fields.get("AnsweredBy") != "fax"
    talk = Talk(who, _seconds(fields), is_heard=who != MACHINE or is_spoken_to)
    told = answered(submission, reference, talk)
    return [each._replace(occurred_at=_moment(fields)) if isinstance(each, Receipt) else each for each in told]


def _unanswered(reference: str, submission: Submission, status: str, fields: Mapping[str, str]) -> Receipt:
    """Return the receipt of a call that nobody answered; it says when the call is made again."""
    sip = fields.get("SipResponseCode", "")
    code = fields.get("ErrorCode", "")
    ending = codes.ENDINGS[status]
    if ending == FAILED:
        ending = codes.SIP.get(sip) or codes.ERRORS.get(code, (None, FAILED))[1]
    again = _CONGESTION_OVER if ending == CONGESTION else again_after(submission, ending)
    error = codes.ERRORS[code][0] if code in codes.ERRORS else UNANSWERED.get(ending, UNANSWERED[FAILED])
    return Receipt(
        reference, error.state, (code or sip or status)[:40], ending, occurred_at=_moment(fields),
        address=submission.address, quantity=0, again=again,
    )  # fmt: skip


def _seconds(fields: Mapping[str, str]) -> int:
    said = fields.get("CallDuration", "")
    return min(int(said), _MOST_SECONDS) if said.isascii() and said.isdigit() else 0


def _moment(fields: Mapping[str, str]) -> datetime | None:
    """Return when it happened, as Twilio writes it (RFC 2822); None where it does not say."""
    try:
        found = parsedate_to_datetime(fields.get("Timestamp", ""))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
