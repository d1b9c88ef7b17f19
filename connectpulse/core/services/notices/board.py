"""Telling people: a notice in the panel, and where it matters a mail."""

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert

from ...storage.models import Notice
from ..work import Work

INFO, WARNING, ALARM = "info", "warning", "alarm"


def post(
    work: Work, kind: str, title: str, body: str = "", *,
    roles: tuple[str, ...] = (), user_id: int | None = None, organisation_id: int | None = None,
    level: str = INFO, link: str = "", key: str = "",
) -> int | None:  # fmt: skip
    """Post a notice to one user or to whoever holds one of `roles`; return its id.

    `organisation_id` None posts to those who hold a role on the platform. `key` names the matter: nothing is
    posted, and None returned, while an earlier notice of it is open. `end` closes a matter.
    """
    made = work.session.execute(
        insert(Notice.__table__)
        .values(
            organisation_id=organisation_id, user_id=user_id, roles=list(roles), level=level, kind=kind,
            title=title[:200], body=body, link=link, key=key,
        )
        .on_conflict_do_nothing()
        .returning(Notice.__table__.c.id)
    )  # fmt: skip
    notice_id: int | None = made.scalar_one_or_none()
    return notice_id


def end(work: Work, key: str) -> None:
    """Close the matter `key`: what was wrong is right again."""
    work.session.execute(
        update(Notice).where(Notice.key == key, Notice.ended_at.is_(None)).values(ended_at=work.clock())
    )
