"""What a call says, carried by the addresses Twilio calls: sealed, so that it is stored nowhere and read by nobody.

Twilio asks at one address what to say, and tells at another how the call ended. Both hold what the answer depends on:
the content with its recipient's values, and which attempt it was.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from connectpulse.core.api import Callback, NotFound, Submission

from ..outcomes import content_of
from ..seal import key_of, opened, sealed

SAID, ENDED, TURN = "said", "ended", "turn"
"""Names in an address: what is said next, how the call ended, and how often something was said."""

GOOD_FOR: Final = timedelta(days=2)
LONGEST_URL: Final = 4000
_SPOKEN: Final = frozenset({"text", "more_text"})


def addresses(callback_url: str, secret: str, submission: Submission) -> tuple[str, str]:
    """Return the address at which Twilio asks what to say, and the one at which it tells how the call ended."""
    key = key_of(secret)
    content = {name: value for name, value in content_of(submission).items() if value not in (None, "")}
    facts = {
        "to": submission.address,
        "from": submission.sender,
        "attempt": submission.attempt,
        "left": int(submission.validity.total_seconds()),
    }
    whole = facts | {"content": content, "values": (submission.extra or {}).get("values") or {}}
    plan = facts | {"content": {name: value for name, value in content.items() if name not in _SPOKEN}}
    return _with(callback_url, {SAID: sealed(key, whole)}), _with(callback_url, {ENDED: sealed(key, plan)})


def read(secret: str, callback: Callback) -> tuple[str, Submission]:
    """Return what a callback is about, SAID or ENDED, and the call; raise ValueError for an address not ours."""
    for name, word in parse_qsl(urlsplit(callback.url).query):
        if name in (SAID, ENDED):
            try:
                return name, _call(opened(key_of(secret), word, GOOD_FOR))
            except NotFound as stale:
                raise ValueError(str(stale)) from None
    raise ValueError("The callback names no call of ours.")


def turn(callback: Callback) -> int:
    """Return how often something was said already in this call."""
    found = dict(parse_qsl(urlsplit(callback.url).query)).get(TURN, "")
    return int(found) if found.isascii() and found.isdigit() and len(found) < 4 else 0


def next_turn(callback: Callback) -> str:
    """Return the address at which Twilio tells a key that was pressed."""
    parts = urlsplit(callback.url)
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != TURN]
    return parts._replace(query=urlencode([*query, (TURN, str(turn(callback) + 1))])).geturl()


def _with(url: str, query: Mapping[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"


def _call(facts: Mapping[str, Any]) -> Submission:
    return Submission(
        0, facts["to"], facts["from"], "", 1, timedelta(seconds=facts["left"]), "",
        extra={"values": facts.get("values", {})}, shared={"content": facts["content"]}, attempt=facts["attempt"],
    )  # fmt: skip
