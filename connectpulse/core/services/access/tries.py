"""Wrong attempts, counted in the database before each is looked at, so that the count is exact over processes.

An attempt is counted first and given back if it was right. Counts are kept by account, by network, and for a
browser an account is known to use by that browser alone: strangers who try passwords close their own way in,
never the owner's. A passkey cannot be guessed and is not counted here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from sqlalchemy import delete, func, text, update

from ...errors import Wait
from ...storage.models import WrongTries
from .. import audit
from ..notices import board
from ..work import Work
from . import people, telling, tokens
from .people import Person

_LOCKS = (900, 1800, 3600, 7200, 14_400, 28_800, 57_600, 86_400)
PASSWORD = (0, 0, 0, 0, 1, 2, 4, 8, 16, *_LOCKS)
"""Seconds a way in stays closed after the first, second, third ... wrong password in a row: the tenth locks."""
CODE = (0, 0, 1, 2, *_LOCKS)
"""The same for codes of a second factor: the fifth locks."""
NETWORK = (0,) * 20 + (1, 2, 4, 8, 16, 30, 60, 120, 240, *_LOCKS)
"""The same for all accounts tried from one network: the thirtieth locks."""
FORGOTTEN_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Count:
    """What is counted together: a keyed name, the account it concerns, and how long it closes."""

    key: bytes
    user_id: int | None
    pauses: Sequence[int]
    is_shared: bool = False
    is_password: bool = False


def by_account(typed: str, person: Person | None, device: str = "") -> Count:
    """Count wrong passwords of an account, or of a name nobody has; of one browser if `device` is given."""
    name = f"{person.id}:{device}" if person else f"nobody:{typed.strip().lower()}"
    return Count(tokens.keyed("tries", f"password:{name}"), person.id if person else None, PASSWORD, is_password=True)


def by_code(user_id: int, device: str = "") -> Count:
    """Count wrong codes of an account; of one browser if `device` is given."""
    return Count(tokens.keyed("tries", f"code:{user_id}:{device}"), user_id, CODE)


def by_network(network: str) -> Count:
    """Count wrong attempts from one network, whatever account they are for."""
    return Count(tokens.keyed("tries", f"network:{network}"), None, NETWORK, is_shared=True)


_TAKE = text(
    "INSERT INTO pulse_wrong_tries AS t (key, user_id, count, closed_until, updated_at)"
    " VALUES (:key, :user_id, 1, :now, :now)"
    " ON CONFLICT (key) DO UPDATE SET updated_at = :now,"
    " count = CASE WHEN t.updated_at < :stale THEN 1 ELSE t.count + 1 END,"
    " closed_until = CAST(:now AS timestamptz) + make_interval(secs => (CAST(:pauses AS int[]))["
    "CASE WHEN t.updated_at < :stale THEN 1 ELSE least(t.count + 1, :most) END])"
    " WHERE t.closed_until <= :now RETURNING count"
)


def take(work: Work, counts: Sequence[Count]) -> None:
    """Count an attempt before it is looked at; raise Wait if one of `counts` is closed.

    The caller commits either way: an attempt that is turned away has still been made.
    """
    closed = max((_take(work, each) for each in counts), default=0)
    if closed > 0:
        raise Wait(f"There were too many wrong attempts. Try again in {_span(closed)}.", closed)


def _take(work: Work, each: Count) -> int:
    """Count an attempt; return for how many seconds this way in is closed, 0 if it was open."""
    now = work.clock()
    taken = work.session.execute(
        _TAKE,
        {"key": each.key, "user_id": each.user_id, "now": now, "stale": now - FORGOTTEN_AFTER,
         "pauses": list(each.pauses), "most": len(each.pauses)},
    ).scalar_one_or_none()  # fmt: skip
    if taken is None:
        until = work.session.execute(
            text("SELECT closed_until FROM pulse_wrong_tries WHERE key = :key"), {"key": each.key}
        ).scalar_one()
        left: float = (until - now).total_seconds()
        return max(1, ceil(left))
    if taken == len(each.pauses) - len(_LOCKS) + 1 and each.user_id is not None:
        _tell(work, each)
    return 0


def _tell(work: Work, each: Count) -> None:
    """Tell an account's owner that the way in is closed if this attempt is wrong as well."""
    person = people.by_id(work, each.user_id or 0)
    if person is None:
        return
    what = "passwords" if each.is_password else "codes"
    body = (
        f"Somebody typed so many wrong {what} for your account that it takes no more for a while. "
        "A passkey, and a browser you signed in with before, still work. If it was not you, choose a new password."
    )
    audit.record_named(work, "user.locked", None, "User", person.id, person.username, wrong=what)
    telling.tell(work, person, f"Too many wrong {what}", body, level=board.WARNING, key=f"locked:{person.id}")


def give_back(work: Work, counts: Sequence[Count]) -> None:
    """Take back an attempt that was right: an account's count begins anew, a network's is one less."""
    undo(work, [each for each in counts if each.is_shared])
    own = [each.key for each in counts if not each.is_shared]
    work.session.execute(delete(WrongTries).where(WrongTries.key.in_(own)))


def undo(work: Work, counts: Sequence[Count]) -> None:
    """Take back an attempt that was not looked at, and no other."""
    keys = [each.key for each in counts]
    one_less = {"count": func.greatest(0, WrongTries.count - 1), "closed_until": work.clock()}
    work.session.execute(update(WrongTries).where(WrongTries.key.in_(keys)).values(**one_less))


def forget(work: Work, user_id: int) -> None:
    """Open every way into an account again."""
    work.session.execute(delete(WrongTries).where(WrongTries.user_id == user_id))
    board.end(work, f"locked:{user_id}")


def _span(seconds: int) -> str:
    if seconds < 90:
        return f"{seconds} seconds" if seconds > 1 else "a second"
    return f"{ceil(seconds / 60)} minutes" if seconds < 5400 else f"{ceil(seconds / 3600)} hours"
