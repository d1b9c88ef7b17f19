"""From Meta's answer to a message to an outcome."""

from datetime import timedelta
from typing import Any

from connectpulse.core.api import Accepted, ErrorClass, Outcome, Rejected, Reply, TryLater, Unknown, requests

from .codes import AGAIN, BY_STATUS, CAP_PASSES, MARKETING_CAP, PAIR_RATE, PAUSES, STOPPED, meaning, pair_pause


def outcome(reply: Reply, attempt: int = 1) -> Outcome:
    """Return what became of a message. What nobody understands is no proof that nothing was sent."""
    found = requests.document(reply)
    if reply.status < 300:
        messages = found.get("messages")
        first = messages[0] if isinstance(messages, list) and messages else None
        name = first.get("id") if isinstance(first, dict) else None
        return Accepted((name,)) if isinstance(name, str) and name else Unknown("answer_not_understood")
    if reply.status < 400:
        return Unknown("redirected", str(reply.status))
    code = code_of(found)
    known = meaning(code) or BY_STATUS.get(reply.status)
    if known is None:
        if reply.status >= 500:
            return Unknown("provider_failed", code or str(reply.status))
        known = (ErrorClass.CONTENT, "request_refused")
    return refusal(known, code or str(reply.status), attempt, requests.retry_after(reply.headers))


def refusal(known: tuple[ErrorClass, str], code: str, attempt: int, asked: timedelta = requests.FIRST_PAUSE) -> Outcome:
    """Return the outcome of a message that was certainly not sent, at its `attempt`."""
    error, reason = known
    if code == PAIR_RATE:
        return TryLater(pair_pause(attempt), error, reason, code)
    if code == MARKETING_CAP and attempt == 1:
        return TryLater(CAP_PASSES, error, reason, code)
    if error is ErrorClass.THROTTLE:
        return TryLater(PAUSES.get(code, asked), error, reason, code)
    if error is ErrorClass.PROVIDER:
        return TryLater(AGAIN, error, reason, code)
    return Rejected(reason, error, code, suppress=code == STOPPED)


def code_of(found: dict[str, Any]) -> str:
    """Return the error code of an answer, empty where it has none. A number that does not exist is 100 with 33."""
    error = found.get("error")
    if not isinstance(error, dict):
        return ""
    if str(error.get("code")) == "100" and str(error.get("error_subcode")) == "33":
        return "33"
    return str(error.get("code", ""))[:20]
