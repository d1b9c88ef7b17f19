"""From Twilio's answer to a call to an outcome."""

from datetime import timedelta
from typing import Final

from connectpulse.core.api import Accepted, ErrorClass, Outcome, Rejected, Reply, TryLater, Unknown, requests

from .codes import BY_STATUS, ERRORS

_AGAIN: Final = timedelta(seconds=30)


def outcome(reply: Reply) -> Outcome:
    """Return what became of the call. What nobody understands is no proof that nobody is called."""
    found = requests.document(reply)
    if reply.status < 300:
        sid = found.get("sid")
        return Accepted((sid,)) if isinstance(sid, str) and sid else Unknown("answer_not_understood")
    code = str(found.get("code") or "")[:40]
    if reply.status < 400:
        return Unknown("redirected", str(reply.status))
    if reply.status >= 500:
        return Unknown("provider_failed", code or str(reply.status))
    return _refusal(reply, code)


def _refusal(reply: Reply, code: str) -> Outcome:
    error, reason = ERRORS.get(code, BY_STATUS.get(reply.status, (ErrorClass.CONTENT, "request_refused")))
    code = code or str(reply.status)
    if reply.status == 429 or error is ErrorClass.THROTTLE:  # 429 was never processed, whatever its code
        return TryLater(requests.retry_after(reply.headers), ErrorClass.THROTTLE, reason, code)
    if error is ErrorClass.PROVIDER:
        return TryLater(_AGAIN, error, reason, code)
    return Rejected(reason, error, code)
