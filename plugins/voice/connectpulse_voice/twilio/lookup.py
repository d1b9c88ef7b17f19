"""What became of a call whose answer was lost: looked for among those Twilio lists for its number.

Twilio keeps no reference of ours, so a call is known by who called whom since its message was made. The list proves
something only where it reaches back to then and holds no call, or one and the message was never tried before.
"""

from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

from connectpulse.core.api import Accepted, ErrorClass, Outcome, Reply, Submission, TryLater, Unknown, id_at, requests

PAGE: Final = 100
"""Calls to a number that are looked through, newest first."""
OPEN: Final = Unknown("not_found_out")
_SKEW: Final = timedelta(seconds=30)


def found(reply: Reply, submission: Submission) -> Outcome:
    """Return what a list of calls proves about ours."""
    rows = requests.document(reply).get("calls")
    if reply.status != 200 or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return OPEN
    recent = [row for row in rows if _is_since(row, submission.message_id)]
    is_whole = len(rows) < PAGE or len(recent) < len(rows)
    ours = [row for row in recent if row.get("direction") == "outbound-api" and _is_from(row, submission.sender)]
    if not ours and is_whole:
        return TryLater(timedelta(), ErrorClass.PROVIDER, "not_received")
    sid = ours[0].get("sid") if len(ours) == 1 and is_whole and submission.attempt == 1 else None
    return Accepted((sid,)) if isinstance(sid, str) and sid else OPEN


def _is_from(row: Mapping[str, Any], sender: str) -> bool:
    """Return whether a row may be a call from `sender`: Twilio lists E.164, a caller id may be shorter.

    One that is in doubt counts as ours. Better a call that stays unknown than a person who is called twice.
    """
    return str(row.get("from") or sender).endswith(sender.lstrip("+0"))


def _is_since(row: Mapping[str, Any], message_id: int) -> bool:
    """Return whether a row may be our call; one whose date cannot be read may."""
    try:
        made = parsedate_to_datetime(str(row.get("date_created") or ""))
    except ValueError:
        return True
    return made.tzinfo is None or id_at(made + _SKEW) >= message_id
