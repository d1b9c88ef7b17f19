"""Notices by mail: each at once to whoever wants that or must have it, the others once a day together."""

from datetime import timedelta
from typing import Any

from sqlalchemy import text

from ...storage import guard, ids
from ..work import SYSTEM, Opener, Work
from . import board, leaving, mail, readers

PEOPLE = 200
"""Accounts looked at in one transaction."""
DIGEST_EVERY = timedelta(hours=24)
DIGEST_SHOWS = 20

_ADMINISTERS = """
    (EXISTS (SELECT 1 FROM ab_user_role ur JOIN ab_role r ON r.id = ur.role_id
             WHERE ur.user_id = u.id AND r.name = 'Platform administrator')
     OR EXISTS (SELECT 1 FROM pulse_membership m WHERE m.user_id = u.id AND m.role = 'Organisation administrator'))
"""

_WANTS = f"""
    CASE {readers.SORT}
    WHEN 'alarms' THEN CASE WHEN {_ADMINISTERS} THEN 'each' ELSE coalesce(c.alarms, 'each') END
    WHEN 'news' THEN coalesce(c.news, 'never') ELSE coalesce(c.updates, 'digest') END
"""
"""What the account `u` wants by mail of notices like `n`."""


def at_once(open_work: Opener) -> int:
    """Put the mails of new notices on their way; return how many. Any number of workers may do it at once."""
    sent = 0
    while True:
        with open_work(SYSTEM) as work, guard.platform_scope(work.session, "mail notices"):
            done = _next(work)
        if done is None:
            return sent
        sent += done


_CLAIM = text(
    "SELECT id, title, body, link, level, kind, is_binding, mailed_to FROM pulse_notice WHERE mailed_at IS NULL "
    "ORDER BY level <> 'alarm', id LIMIT 1 FOR UPDATE SKIP LOCKED"
)
_READERS = text(
    f"""
    SELECT u.id, u.email FROM ab_user u JOIN pulse_notice n ON n.id = :notice
    LEFT JOIN pulse_notice_choice c ON c.user_id = u.id
    WHERE u.id > :after AND u.active AND ({readers.READS}) AND (n.is_binding OR {_WANTS} = 'each')
    ORDER BY u.id LIMIT :people
    """
)
_NOTE = text(
    "UPDATE pulse_notice SET mailed_to = :to, mailed_at = CASE WHEN :is_over THEN now() END WHERE id = :notice"
)


def _next(work: Work) -> int | None:
    """Mail one notice to its next readers; return how many, None if there is none to mail."""
    notice = work.session.execute(_CLAIM).one_or_none()
    if notice is None:
        return None
    people = []
    if mail.is_sent_here():
        asked = {"notice": notice.id, "after": notice.mailed_to, "people": PEOPLE}
        people = list(work.session.execute(_READERS, asked))
    for user_id, email in people:
        sort = _optional(notice)
        mail.post(work, email, _subject(notice), _body(notice), leave=leaving.address(user_id, sort) if sort else "")
    is_over = len(people) < PEOPLE
    last = people[-1][0] if people else notice.mailed_to
    work.session.execute(_NOTE, {"to": last, "is_over": is_over, "notice": notice.id})
    return len(people)


def _optional(notice: Any) -> str:
    """Return which sort of mail a click may end with this one; none for what must be sent, or be acted on."""
    if notice.is_binding or notice.level == board.ALARM:
        return ""
    return "news" if notice.kind.startswith(board.NEWS) else "updates"


def _subject(notice: Any) -> str:
    return f"Alarm: {notice.title}" if notice.level == "alarm" else str(notice.title)


def _body(notice: Any) -> str:
    parts = [notice.title, notice.body, mail.address(notice.link) if notice.link else "", _foot()]
    return "\n\n".join(part for part in parts if part) + "\n"


def _foot() -> str:
    return f"What you get by mail you decide here: {mail.address('/notices/choices')}"


def digests(work: Work) -> int:
    """Send today's digest to the next accounts it is due for; return to how many."""
    work.session.execute(_BEGIN, {"from": ids.at(work.clock() - DIGEST_EVERY)})
    due = work.session.execute(_DUE, {"before": work.clock() - DIGEST_EVERY, "people": PEOPLE}).all()
    return sum(_digest(work, user_id, email, after) for user_id, email, after in due)


_BEGIN = text(
    "INSERT INTO pulse_notice_choice (user_id, digested_to) SELECT u.id, :from FROM ab_user u WHERE u.active "
    "AND NOT EXISTS (SELECT 1 FROM pulse_notice_choice c WHERE c.user_id = u.id) ON CONFLICT DO NOTHING"
)
_DUE = text(
    "SELECT c.user_id, u.email, c.digested_to FROM pulse_notice_choice c JOIN ab_user u ON u.id = c.user_id "
    "WHERE c.digested_at <= :before AND u.active ORDER BY c.digested_at, c.user_id "
    "LIMIT :people FOR UPDATE OF c SKIP LOCKED"
)
_GATHER = text(
    f"""
    SELECT n.id, n.title FROM {readers.MINE} n JOIN ab_user u ON u.id = :user
    LEFT JOIN pulse_notice_choice c ON c.user_id = u.id
    LEFT JOIN pulse_notice_read d ON d.user_id = u.id AND d.notice_id = n.id
    WHERE n.ended_at IS NULL AND d.user_id IS NULL AND NOT n.is_binding
      AND {_WANTS} = 'digest'
    ORDER BY n.id
    """
)
_DIGESTED = text("UPDATE pulse_notice_choice SET digested_at = :now, digested_to = :to WHERE user_id = :user")


def _digest(work: Work, user_id: int, email: str, after: int) -> bool:
    found = work.session.execute(_GATHER, {"user": user_id, "since": after}).all()
    if found and mail.is_sent_here():
        titles = [f"- {row.title}" for row in found[:DIGEST_SHOWS]]
        if len(found) > DIGEST_SHOWS:
            titles.append(f"and {len(found) - DIGEST_SHOWS} more")
        said = "\n".join(["What is new since yesterday:", "", *titles, "", mail.address("/notices/"), "", _foot(), ""])
        title = f"{len(found)} new notices" if len(found) > 1 else "A new notice"
        mail.post(work, email, title, said, leave=leaving.address(user_id, leaving.DIGEST))
    last = found[-1].id if found else after
    work.session.execute(_DIGESTED, {"now": work.clock(), "to": last, "user": user_id})
    return bool(found)
