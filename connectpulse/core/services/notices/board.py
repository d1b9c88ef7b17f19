"""Telling people: a notice in the panel, and where it matters a mail."""

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert

from ...errors import Refused
from ...storage.models import Notice
from .. import audit
from ..work import Work

INFO, WARNING, ALARM = "info", "warning", "alarm"
EVERYONE = "*"
"""The role of everybody: on the platform, or with an organisation named, in that one."""
NEWS = "news."
"""What the kind of an optional notice begins with: nobody needs it, and nobody gets it by mail unasked."""


def post(
    work: Work, kind: str, title: str, body: str = "", *,
    roles: tuple[str, ...] = (), user_id: int | None = None, organisation_id: int | None = None,
    level: str = INFO, link: str = "", key: str = "", is_binding: bool = False,
) -> int | None:  # fmt: skip
    """Post a notice to one user or to whoever holds one of `roles`; return its id.

    `organisation_id` None posts to those who hold a role on the platform. `key` names the matter: nothing is
    posted, and None returned, while an earlier notice of it is open. `end` closes a matter. Workers send it by
    mail within seconds to those who want that, and to all of them if `is_binding`.
    """
    made = work.session.execute(
        insert(Notice.__table__)
        .values(
            organisation_id=organisation_id, user_id=user_id, roles=list(roles), level=level, kind=kind,
            title=title[:200], body=body, link=link, key=key, is_binding=is_binding,
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


def announce(work: Work, title: str, body: str, *, is_optional: bool) -> int | None:
    """Tell everybody something: a service update, or news that nobody needs."""
    if not title.strip():
        raise Refused("Give it a title.")
    kind = f"{NEWS}announcement" if is_optional else "service.announcement"
    made = post(work, kind, title.strip(), body.strip(), roles=(EVERYONE,))
    audit.record(work, "notice.announced", title=title.strip()[:200], is_optional=is_optional)
    return made
