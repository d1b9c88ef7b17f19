"""From Twilio's answer to a message to an outcome."""

from datetime import timedelta
from typing import Final

from connectpulse.core.api import Accepted, ErrorClass, Outcome, Rejected, Reply, TryLater, Unknown, requests

from .codes import AGAIN, BY_STATUS, CAP_PASSES, ERRORS, MARKETING_CAP, PAUSES, STOPPED

_FEW_SECONDS: Final = timedelta(seconds=5)


def outcome(reply: Reply, attempt: int = 1) -> Outcome:
    """Return what became of the message. What nobody understands is no proof that nothing was sent."""
    found = requests.document(reply)
    if reply.status < 300:
        sid = found.get("sid")
        return Accepted((sid,)) if isinstance(sid, str) and sid else Unknown("answer_not_understood")
    code = str(found.get("code") or "")[:40]
    if reply.status < 400:
        return Unknown("redirected", str(reply.status))
    if reply.status >= 500:
        return Unknown("provider_failed", code or str(reply.status))
    error, reason = ERRORS.get(code) or BY_STATUS.get(reply.status, (ErrorClass.CONTENT, "request_refused"))
    code = code or str(reply.status)
    if reply.status == 429 or error is ErrorClass.THROTTLE:  # never processed, whatever its code
        return TryLater(PAUSES.get(code, _FEW_SECONDS), ErrorClass.THROTTLE, reason, code)
    if code == MARKETING_CAP and attempt == 1:
        return TryLater(CAP_PASSES, error, reason, code)
    if error is ErrorClass.PROVIDER:
        return TryLater(AGAIN, error, reason, code)
    return Rejected(reason, error, code, suppress=code in STOPPED)
