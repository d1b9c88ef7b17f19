"""Accounts as signing in needs them: read from Flask-AppBuilder's table without its classes."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from ...storage.base import metadata
from ...storage.models import AccountState
from ..work import Work


@dataclass(frozen=True, slots=True)
class Person:
    """One account."""

    id: int
    username: str
    email: str
    name: str
    password: str
    is_active: bool


def users() -> Table:
    """Return the table of accounts."""
    found: Table = metadata.tables["ab_user"]
    return found


def by_name(work: Work, typed: str) -> Person | None:
    """Return the account with this user name or, failing that, this e-mail address."""
    user, wanted = users(), typed.strip().lower()
    found = work.session.execute(
        _columns().where(or_(func.lower(user.c.username) == wanted, func.lower(user.c.email) == wanted))
        .order_by((func.lower(user.c.username) == wanted).desc()).limit(1)
    ).one_or_none()  # fmt: skip
    return Person(*found) if found else None


def by_email(work: Work, email: str) -> Person | None:
    """Return the account with this e-mail address."""
    wanted = _columns().where(func.lower(users().c.email) == email.strip().lower())
    found = work.session.execute(wanted).one_or_none()
    return Person(*found) if found else None


def by_id(work: Work, user_id: int) -> Person | None:
    """Return the account with this id."""
    found = work.session.execute(_columns().where(users().c.id == user_id)).one_or_none()
    return Person(*found) if found else None


def _columns() -> Any:
    user = users()
    name = func.trim(user.c.first_name + " " + user.c.last_name)
    return select(
        user.c.id, user.c.username, user.c.email, name, func.coalesce(user.c.password, ""),
        func.coalesce(user.c.active, False),
    )  # fmt: skip


def state(work: Work, user_id: int) -> AccountState:
    """Return an account's state, locked against others that change it; made where there was none yet."""
    work.session.execute(insert(AccountState.__table__).values(user_id=user_id).on_conflict_do_nothing())
    wanted = select(AccountState).where(AccountState.user_id == user_id).with_for_update()
    return work.session.scalars(wanted.execution_options(populate_existing=True)).one()


def store_password(work: Work, user_id: int, hashed: str) -> None:
    """Write an account's password hash."""
    user = users()
    work.session.execute(update(user).where(user.c.id == user_id).values(password=hashed))


def stamp_sign_in(work: Work, user_id: int) -> None:
    """Write when somebody signed in last, in Flask-AppBuilder's columns, which hold UTC without saying so."""
    user = users()
    work.session.execute(
        update(user).where(user.c.id == user_id).values(
            last_login=work.clock().replace(tzinfo=None), login_count=func.coalesce(user.c.login_count, 0) + 1
        )
    )  # fmt: skip
