"""From Vonage's answer to a message to an outcome. The SMS API says HTTP 200 whatever became of it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from connectpulse.core.api import Accepted, ErrorClass, Outcome, Rejected, Reply, TryLater, Unknown, requests

from .codes import BY_STATUS, MESSAGES_ERRORS, SMS_ERRORS, SUPPRESSED, Codes

_AGAIN = timedelta(seconds=30)
_NOT_UNDERSTOOD = Unknown("answer_not_understood")


def of_sms(reply: Reply) -> Outcome:
    """Return what the SMS API did; a message has an entry per part.

    Once a part was taken the message is never sent again: what was taken is what was accepted.
    """
    if reply.status != 200:
        return _by_status(reply, "", {})
    rows = requests.document(reply).get("messages")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        return _NOT_UNDERSTOOD
    taken = [row for row in rows if str(row.get("status")) == "0"]
    references = tuple(str(row["message-id"]) for row in taken if row.get("message-id"))
    if taken:
        return Accepted(references, len(taken)) if len(references) == len(taken) else _NOT_UNDERSTOOD
    status = str(rows[0].get("status"))[:40]
    if status not in SMS_ERRORS:
        return Unknown("answer_not_understood", status)
    return _refusal(reply, status, *SMS_ERRORS[status])


def of_messages(reply: Reply) -> Outcome:
    """Return what the Messages API did."""
    found = requests.document(reply)
    if reply.status < 300:
        reference = found.get("message_uuid")
        return Accepted((reference,)) if isinstance(reference, str) and reference else _NOT_UNDERSTOOD
    return _by_status(reply, code_of(found), MESSAGES_ERRORS)


def code_of(problem: Mapping[str, Any]) -> str:
    """Return the number of a problem: the end of its type, or in older ones its title or code."""
    for text in (str(problem.get("type") or "").rpartition("#")[2], problem.get("title"), problem.get("code")):
        number = str(text or "").strip()
        if number.isascii() and number.isdigit():
            return number[:40]
    return ""


def _by_status(reply: Reply, code: str, codes: Codes) -> Outcome:
    if reply.status < 400:
        return Unknown("redirected" if reply.status >= 300 else "answer_not_understood", str(reply.status))
    if reply.status >= 500:
        return Unknown("provider_failed", code or str(reply.status))
    default = BY_STATUS.get(reply.status, (ErrorClass.CONTENT, "request_refused"))
    error, reason = codes.get(code, default)
    if reply.status == 429:
        error = ErrorClass.THROTTLE
    return _refusal(reply, code or str(reply.status), error, reason)


def _refusal(reply: Reply, code: str, error: ErrorClass, reason: str) -> Outcome:
    if error is ErrorClass.THROTTLE:
        return TryLater(requests.retry_after(reply.headers), error, reason, code)
    if error is ErrorClass.PROVIDER:
        return TryLater(_AGAIN, error, reason, code)
    return Rejected(reason, error, code, suppress=code in SUPPRESSED)
