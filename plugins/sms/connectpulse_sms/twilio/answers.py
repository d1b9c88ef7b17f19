"""From Twilio's answer to a message to an outcome."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from connectpulse.core.api import Accepted, ErrorClass, Outcome, Rejected, Reply, TryLater, Unknown, requests

from .codes import BY_STATUS, ERRORS, PAUSES, SUPPRESSED

_AGAIN = timedelta(seconds=30)


def outcome(reply: Reply) -> Outcome:
    """Return what became of the message. What nobody understands is no proof that nothing was sent."""
    found = requests.document(reply)
    if reply.status < 300:
        sid = found.get("sid")
        return Accepted((sid,), parts(found)) if isinstance(sid, str) and sid else Unknown("answer_not_understood")
    code = str(found.get("code") or "")[:40]
    if reply.status < 400:
        return Unknown("redirected", str(reply.status))
    if reply.status >= 500:
        return Unknown("provider_failed", code or str(reply.status))
    return _refusal(reply, code)


def parts(found: Mapping[str, Any]) -> int | None:
    """Return the parts Twilio bills, None where it does not know yet: a messaging service says 0 at first."""
    count = str(found.get("num_segments") or "")
    return int(count) or None if count.isascii() and count.isdigit() else None


def _refusal(reply: Reply, code: str) -> Outcome:
    default = BY_STATUS.get(reply.status, (ErrorClass.CONTENT, "request_refused"))
    error, reason = ERRORS.get(code, default)
    code = code or str(reply.status)
    if reply.status == 429:  # never processed, whatever its code
        return TryLater(PAUSES.get(code, requests.retry_after(reply.headers)), ErrorClass.THROTTLE, reason, code)
    if error is ErrorClass.THROTTLE:
        return TryLater(PAUSES.get(code, requests.retry_after(reply.headers)), error, reason, code)
    if error is ErrorClass.PROVIDER:
        return TryLater(_AGAIN, error, reason, code)
    return Rejected(reason, error, code, suppress=code in SUPPRESSED)
