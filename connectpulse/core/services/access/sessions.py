"""Sessions: begun by signing in, looked up with every request, ended at once by whoever may."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists, or_, select, update

from ...errors import NotFound
from ...storage.models import AccountState, Passkey, UserSession
from ..work import Work
from . import tokens
from .devices import Visit

ABSOLUTE = timedelta(hours=24)
IDLE = timedelta(hours=8)
HALF = timedelta(minutes=10)
"""How long one may take between the password and the second factor."""
RECENT = timedelta(minutes=10)
"""For how long a proof of who one is counts for changing one's factors."""
SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Open:
    """An open session as a request needs it."""

    id: int
    user_id: int
    is_half: bool
    proven_at: datetime
    seen_at: datetime
    must_change: bool
    has_factor: bool


def start(work: Work, user_id: int, visit: Visit, way: str, *, is_half: bool = False) -> str:
    """Begin a session; return the token its cookie holds. The token is never used before or after it."""
    token, now = tokens.fresh(), work.clock()
    work.session.add(
        UserSession(
            user_id=user_id, token_hash=tokens.digest(token), is_half=is_half, way=way, address=visit.address[:60],
            device=visit.device, created_at=now, proven_at=now, seen_at=now,
        )
    )  # fmt: skip
    work.session.flush()
    return token


def find(work: Work, token: str, *, is_half: bool = False) -> Open | None:
    """Return the open session of a token, None if there is none, it is over or has grown old."""
    s, state, now = UserSession, AccountState, work.clock()
    begun_after = now - (HALF if is_half else ABSOLUTE)
    has_passkey = exists().where(Passkey.user_id == s.user_id)
    row = work.session.execute(
        select(
            s.id, s.user_id, s.is_half, s.proven_at, s.seen_at, state.must_change,
            or_(state.totp_at.is_not(None), has_passkey),
        )
        .outerjoin(state, state.user_id == s.user_id)
        .where(
            s.token_hash == tokens.digest(token), s.ended_at.is_(None), s.is_half.is_(is_half),
            s.created_at > begun_after, s.seen_at > now - IDLE,
        )
    ).one_or_none()  # fmt: skip
    return Open(*row[:5], bool(row[5]), bool(row[6])) if row else None


def see(work: Work, found: Open) -> None:
    """Write that a session is in use; once a minute is enough."""
    now = work.clock()
    work.session.execute(
        update(UserSession)
        .where(UserSession.id == found.id, UserSession.seen_at < now - SEEN_EVERY)
        .values(seen_at=now)
    )


def prove(work: Work, session_id: int) -> None:
    """Write that the person of a session has just proven again who they are."""
    work.session.execute(update(UserSession).where(UserSession.id == session_id).values(proven_at=work.clock()))


def is_recent(work: Work, found: Open) -> bool:
    """Return whether the person has proven lately who they are."""
    return found.proven_at > work.clock() - RECENT


def open_of(work: Work, user_id: int) -> list[UserSession]:
    """Return the open sessions of an account, the latest first."""
    s, now = UserSession, work.clock()
    wanted = select(s).where(
        s.user_id == user_id, s.ended_at.is_(None), s.is_half.is_(False), s.created_at > now - ABSOLUTE,
        s.seen_at > now - IDLE,
    )  # fmt: skip
    return list(work.session.scalars(wanted.order_by(s.id.desc()).limit(100)))


def end(work: Work, user_id: int, session_id: int, why: str) -> None:
    """End one session of an account; raise NotFound if it has none like that."""
    s = UserSession
    one = s.id == session_id
    if not _end(work, s.user_id == user_id, one, why=why):
        raise NotFound("This session is over already.")


def end_all(work: Work, user_id: int, why: str, but: int | None = None) -> int:
    """End every session of an account, or all but one; return how many. The next request of each is refused."""
    s = UserSession
    return _end(work, s.user_id == user_id, s.id != (but or 0), why=why)


def _end(work: Work, *which: ColumnElement[bool], why: str) -> int:
    s = UserSession
    ended = work.session.execute(
        update(s).where(*which, s.ended_at.is_(None)).values(ended_at=work.clock(), why=why).returning(s.id),
        execution_options={"synchronize_session": False},
    )
    return len(ended.all())
