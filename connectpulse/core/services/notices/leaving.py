"""Ending mail that nobody must get by the link in it: one click, without signing in (RFC 8058).

A link is made from the account's number and the sort of mail with the key of trust: it needs not be stored, works
as long as the account is there, and says nothing about anybody.
"""

import hmac
from collections.abc import Mapping

from sqlalchemy import text

from ...errors import NotFound
from ...storage.trust import trust
from .. import audit
from ..work import Work
from . import mail

DIGEST = "digest"
SORTS: Mapping[str, str] = {
    DIGEST: "the mail of the day, with what is new",
    "updates": "service updates",
    "news": "news and offers",
    "reminders": "reminders",
}
"""What a link may end, in words for `You get no more ... by mail`."""
_ENDED: Mapping[str, str] = {
    DIGEST: "alarms = CASE alarms WHEN 'digest' THEN 'never' ELSE alarms END, "
    "updates = CASE updates WHEN 'digest' THEN 'never' ELSE updates END, "
    "news = CASE news WHEN 'digest' THEN 'never' ELSE news END",
    **{sort: f"{sort} = 'never'" for sort in ("updates", "news", "reminders")},
}


def address(user_id: int, sort: str) -> str:
    """Return the address at which an account ends mail of a sort."""
    return mail.address(f"/mail/leave/{_word(user_id, sort)}")


def _word(user_id: int, sort: str) -> str:
    proof = hmac.new(trust.key("mail choices"), f"{user_id}|{sort}".encode(), "sha256").hexdigest()
    return f"{user_id}-{sort}-{proof[:32]}"


def opened(word: str) -> tuple[int, str]:
    """Return whose mail of which sort a link ends; raise NotFound for a link we never made."""
    number, _, rest = word.partition("-")
    sort = rest.partition("-")[0]
    is_number = number.isascii() and number.isdigit() and len(number) < 10
    if (
        not is_number
        or sort not in SORTS
        or not hmac.compare_digest(_word(int(number), sort).encode(), word.encode("utf-8", "replace"))
    ):
        raise NotFound("This link is not one of ours. Copy it whole from the mail you got.")
    return int(number), sort


def leave(work: Work, word: str) -> str:
    """End the mail a link was made for; return its sort. Safe to do again; raise NotFound as `opened` does."""
    user_id, sort = opened(word)
    if not work.session.scalar(text("SELECT true FROM ab_user WHERE id = :id"), {"id": user_id}):
        return sort
    made = "INSERT INTO pulse_notice_choice (user_id) VALUES (:id) ON CONFLICT (user_id) DO NOTHING"
    work.session.execute(text(made), {"id": user_id})
    before, after = (
        "SELECT alarms, updates, news, reminders FROM pulse_notice_choice WHERE user_id = :id FOR UPDATE",
        f"UPDATE pulse_notice_choice SET {_ENDED[sort]} WHERE user_id = :id RETURNING alarms, updates, news, reminders",
    )
    was = work.session.execute(text(before), {"id": user_id}).one()
    now = work.session.execute(text(after), {"id": user_id}).one()
    if was != now:
        audit.record_named(work, "notice.left", None, "User", user_id, f"account {user_id}", sort=sort)
    return sort
