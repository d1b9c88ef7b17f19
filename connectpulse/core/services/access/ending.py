"""Ending everything that lets somebody in without a fresh proof of who they are, on the whole platform at once."""

from sqlalchemy import delete, update

from ...storage.models import Challenge, Invitation, PasswordReset, UserSession
from ..work import Work


def everything(work: Work, why: str) -> int:
    """End every session and make every open link and challenge void; return how many sessions ended.

    `why` is told of sessions (60 characters) and of invitations (20). The caller holds a scope of the platform.
    Cost: the open rows of four tables, one statement each.
    """
    now, here = work.clock(), {"synchronize_session": False}
    s, i, r = UserSession, Invitation, PasswordReset
    sessions = work.session.execute(
        update(s).where(s.ended_at.is_(None)).values(ended_at=now, why=why[:60]).returning(s.id), execution_options=here
    )
    ended = len(sessions.all())
    work.session.execute(
        update(i).where(i.ended_at.is_(None)).values(ended_at=now, why=why[:20]), execution_options=here
    )
    work.session.execute(update(r).where(r.used_at.is_(None)).values(used_at=now), execution_options=here)
    work.session.execute(delete(Challenge), execution_options=here)
    return ended
