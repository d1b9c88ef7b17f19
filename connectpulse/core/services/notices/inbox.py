"""One's own notices in the panel: how many are unread, which there are, reading them."""

from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import text

from ...errors import Refused
from ...storage import ids
from ...storage.models import NoticeChoice
from .. import audit
from ..work import Work
from . import readers

SHOWN = timedelta(days=90)
"""How far back the panel looks."""
MOST_UNREAD = 99
PAGE = 25

MODES = {"each": "Each at once", "digest": "Once a day, together", "never": "Never"}
ONCE = {"each": "Yes", "never": "No"}
SORTS = {"alarms": "Alarms", "updates": "Service updates", "news": "News and offers (optional)"}
_ADMINISTERS = (
    "SELECT 1 FROM ab_user_role ur JOIN ab_role r ON r.id = ur.role_id "
    "WHERE ur.user_id = :user AND r.name = 'Platform administrator' "
    "UNION ALL SELECT 1 FROM pulse_membership WHERE user_id = :user AND role = 'Organisation administrator' LIMIT 1"
)


class Line(NamedTuple):
    """A notice as its reader sees it."""

    id: int
    kind: str
    level: str
    title: str
    body: str
    link: str
    created_at: Any
    ended_at: Any
    is_read: bool


_COLUMNS = "SELECT n.id, n.kind, n.level, n.title, n.body, n.link, n.created_at, n.ended_at, d.user_id IS NOT NULL"
_MINE = f"""
    FROM {readers.MINE} n LEFT JOIN pulse_notice_read d ON d.user_id = :user AND d.notice_id = n.id WHERE true
"""


def unread(work: Work, user_id: int) -> int:
    """Return how many open notices the account has not read; counts no further than `MOST_UNREAD`."""
    counted = text(
        f"SELECT count(*) FROM (SELECT 1 {_MINE} AND d.user_id IS NULL AND n.ended_at IS NULL LIMIT :most) AS found"
    )
    return int(work.session.scalar(counted, {**_facts(work, user_id), "most": MOST_UNREAD}) or 0)


def page(
    work: Work, user_id: int, *, before: int | None = None, only_unread: bool = False, sort: str = ""
) -> list[Line]:
    """Return up to `PAGE` + 1 notices of the account, the newest first, older than `before`."""
    conditions = " AND n.id < :before" if before else ""
    conditions += " AND d.user_id IS NULL" if only_unread else ""
    conditions += f" AND {readers.SORT} = :sort" if sort in SORTS else ""
    rows = work.session.execute(
        text(f"{_COLUMNS} {_MINE}{conditions} ORDER BY n.id DESC LIMIT {PAGE + 1}"),
        {**_facts(work, user_id), "before": before, "sort": sort},
    )
    return [Line(*row) for row in rows]


def find(work: Work, user_id: int, notice_id: int) -> Line | None:
    """Return one notice if the account is among its readers."""
    row = work.session.execute(
        text(f"{_COLUMNS} {_MINE} AND n.id = :notice"), {**_facts(work, user_id), "notice": notice_id}
    ).one_or_none()
    return Line(*row) if row is not None else None


def read(work: Work, user_id: int, notice_id: int | None = None) -> int:
    """Mark one notice as read, or all of them; return how many that changes."""
    one = "AND n.id = :notice" if notice_id is not None else ""
    done: Any = work.session.execute(
        text(
            "INSERT INTO pulse_notice_read (user_id, notice_id) "
            f"SELECT :user, n.id {_MINE} AND d.user_id IS NULL {one} ON CONFLICT DO NOTHING"
        ),
        {**_facts(work, user_id), "notice": notice_id},
    )
    return int(done.rowcount)


def _facts(work: Work, user_id: int) -> dict[str, Any]:
    return {"user": user_id, "since": ids.at(work.clock() - SHOWN)}


def choices(work: Work, user_id: int) -> NoticeChoice:
    """Return what the account wants by mail; the usual, where it never said."""
    return work.session.get(NoticeChoice, user_id) or NoticeChoice(
        user_id=user_id, alarms="each", updates="digest", news="never", reminders="each"
    )


def administers(work: Work, user_id: int) -> bool:
    """Return whether the account is an administrator's, who gets every alarm by mail."""
    return work.session.scalar(text(_ADMINISTERS), {"user": user_id}) is not None


def choose(work: Work, alarms: str, updates: str, news: str, reminders: str = "each") -> None:
    """Say what the actor wants by mail; alarms cannot be put off by an administrator."""
    user_id = work.actor.id
    if user_id is None or {alarms, updates, news} - set(MODES) or reminders not in ONCE:
        raise Refused("Choose for each sort: each at once, once a day, or never.")
    if alarms != "each" and administers(work, user_id):
        raise Refused("Administrators get every alarm by mail: somebody has to act on it.")
    chosen = {"alarms": alarms, "updates": updates, "news": news, "reminders": reminders}
    work.session.execute(
        text(
            "INSERT INTO pulse_notice_choice (user_id, alarms, updates, news, reminders) "
            "VALUES (:user, :alarms, :updates, :news, :reminders) ON CONFLICT (user_id) DO UPDATE "
            "SET alarms = :alarms, updates = :updates, news = :news, reminders = :reminders"
        ),
        {"user": user_id, **chosen},
    )
    audit.record_named(work, "notice.chosen", None, "User", user_id, work.actor.name, **chosen)
