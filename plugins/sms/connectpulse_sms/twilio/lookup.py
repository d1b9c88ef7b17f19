"""What became of a message whose answer was lost: looked for among those Twilio lists for its number.

Twilio has no idempotency key and keeps no reference of ours, so a message is known by number and text.
The answer counts only where it proves something: one message with this text made since ours was, or none in
a list that reaches back to then.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

from connectpulse.core.api import Accepted, ErrorClass, Outcome, Reply, Submission, TryLater, Unknown, id_at, requests

from .answers import parts

PAGE: Final = 100
"""Messages of a number that are looked through, newest first."""

TRIAL: Final = "Sent from your Twilio trial account - "

_SKEW = timedelta(seconds=30)


def found(reply: Reply, submission: Submission) -> Outcome:
    """Return what a list of messages proves about ours."""
    rows = requests.document(reply).get("messages")
    if reply.status != 200 or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return Unknown("not_found_out")
    recent = [row for row in rows if _is_since(row, submission.message_id)]
    is_whole = len(rows) < PAGE or len(recent) < len(rows)
    ours = [row for row in recent if str(row.get("direction") or "").startswith("outbound")]
    same = [row for row in ours if _is_same(str(row.get("body") or ""), submission.body)]
    if len(same) == 1 and is_whole and isinstance(same[0].get("sid"), str):
        return Accepted((same[0]["sid"],), parts(same[0]))
    if same or not is_whole or any(not row.get("body") for row in ours):
        return Unknown("not_found_out")
    return TryLater(timedelta(), ErrorClass.PROVIDER, "not_received")


def _is_same(theirs: str, ours: str) -> bool:
    """Return whether a text is ours: trial accounts put a sentence before it."""
    return theirs.strip().removeprefix(TRIAL) == ours.strip()


def _is_since(row: Mapping[str, Any], message_id: int) -> bool:
    """Return whether a row may be our message; one whose date cannot be read may."""
    try:
        made = parsedate_to_datetime(str(row.get("date_created") or ""))
    except ValueError:
        return True
    return made.tzinfo is None or _id_after(made) >= message_id


def _id_after(made: datetime) -> int:
    return id_at(made + _SKEW)
