"""Reminding by mail, once, of a material version that will soon hold, those who have not accepted it."""

from datetime import timedelta
from typing import Any

from sqlalchemy import exists, select, text
from sqlalchemy.dialects.postgresql import insert

from ...storage.models import PolicyReminder, PolicyVersion
from .. import audit
from ..notices import leaving, mail
from ..work import Work
from . import versions

AHEAD = timedelta(days=3)
"""How long before its day a version is reminded of."""
SINCE = timedelta(days=2)
"""A version published later than this before is not reminded of: its first mail has just come."""
PEOPLE = 200
PAGES = 5
"""Accounts of one page, and pages of one call."""

_WAITING = text(
    """
    SELECT u.id, u.email FROM ab_user u LEFT JOIN pulse_notice_choice c ON c.user_id = u.id
    WHERE u.id > :after AND u.active AND coalesce(c.reminders, 'each') <> 'never'
      AND NOT EXISTS (SELECT 1 FROM pulse_acceptance a WHERE a.user_id = u.id AND a.digest = :digest)
    ORDER BY u.id LIMIT :people
    """
)


def remind(work: Work) -> int:
    """Mail the next people whom a coming version is to be reminded of; return how many. Nobody is reminded twice."""
    version = _due(work)
    if version is None or not mail.is_sent_here():
        return 0
    begin = insert(PolicyReminder.__table__).values(version_id=version.id).on_conflict_do_nothing()
    work.session.execute(begin)
    wanted = select(PolicyReminder).where(PolicyReminder.version_id == version.id, PolicyReminder.done_at.is_(None))
    row = work.session.scalars(wanted.with_for_update(skip_locked=True)).one_or_none()
    return sum(_page(work, row, version) for _ in range(PAGES)) if row is not None else 0


def _due(work: Work) -> PolicyVersion | None:
    """Return the material version that holds within `AHEAD`, and of which not everybody was reminded."""
    now = work.clock()
    wanted = select(PolicyVersion).where(
        PolicyVersion.published_at <= now - SINCE,
        PolicyVersion.effective_on > now.date(),
        PolicyVersion.effective_on <= (now + AHEAD).date(),
        PolicyVersion.is_material,
        ~exists().where(PolicyReminder.version_id == PolicyVersion.id, PolicyReminder.done_at.is_not(None)),
    )
    return work.session.scalars(wanted.order_by(PolicyVersion.effective_on, PolicyVersion.id).limit(1)).one_or_none()


def _page(work: Work, row: PolicyReminder, version: PolicyVersion) -> int:
    if row.done_at is not None:
        return 0
    asked = {"after": row.mailed_to, "digest": version.digest, "people": PEOPLE}
    people = work.session.execute(_WAITING, asked).all()
    day = versions.day(version.effective_on)
    for user_id, email in people:
        leave = leaving.address(user_id, "reminders")
        mail.post(
            work, email, f"Reminder: our privacy policy changes on {day}", _body(version, day, leave), leave=leave
        )
    row.mailed_to = people[-1][0] if people else row.mailed_to
    if len(people) < PEOPLE:
        row.done_at = work.clock()
        audit.record(work, "policy.reminded", version, digest=version.digest)
    work.session.flush()
    return len(people)


def _body(version: PolicyVersion, day: str, leave: str) -> str:
    parts: list[Any] = [
        f"From {day} a new version of our privacy policy holds. It changes something that matters, and you have not "
        "accepted it yet: without that you cannot go on from that day.",
        version.summary,
        f"Read and accept it: {mail.address('/privacy/')}",
        f"No more reminders: {leave}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
