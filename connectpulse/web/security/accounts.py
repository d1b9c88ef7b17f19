"""People's accounts and their roles in organisations: made, changed and taken away, every time on the record."""

import re
import secrets
from dataclasses import dataclass

from flask_appbuilder.security.sqla.models import Role, User
from sqlalchemy import func, or_, select
from werkzeug.security import generate_password_hash

from ...core.errors import NotFound, Refused
from ...core.services import audit, records
from ...core.services.work import Work
from ...core.storage.models import Membership
from .roles import ORGANISATION_ROLES, PLATFORM_ROLES

LEAST_PASSWORD = 10
_EMAIL = re.compile(r"^[^@\s]{1,64}@[^@\s]{1,255}$")


@dataclass(frozen=True, slots=True)
class Account:
    """Who somebody is. `username` is what they sign in with; their e-mail address works as well."""

    username: str
    email: str
    first_name: str
    last_name: str

    def check(self) -> None:
        """Raise Refused with every fault."""
        faults = {}
        if not re.fullmatch(r"[^\s<>\"]{2,64}", self.username):
            faults["username"] = "User name: two to 64 characters without spaces."
        if not _EMAIL.match(self.email):
            faults["email"] = "E-mail: this is no e-mail address."
        if not self.first_name.strip():
            faults["first_name"] = "First name: please fill this in."
        if faults:
            refusal = Refused(*faults.values())
            refusal.fields = faults
            raise refusal


def fresh_password() -> str:
    """Return a password nobody has to invent: five groups of four letters and digits."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(4)) for _ in range(5))


def create(work: Work, account: Account, password: str, platform_role: str = "") -> User:
    """Make an account; raise Refused if its name or e-mail address is taken or the password is too short."""
    account.check()
    check_password(password)
    taken = select(User.id).where(
        or_(func.lower(User.username) == account.username.lower(), func.lower(User.email) == account.email.lower())
    )
    if work.session.scalar(taken) is not None:
        raise Refused("There is an account with this name or e-mail address already.")
    user = User(
        username=account.username,
        email=account.email.lower(),
        first_name=account.first_name.strip()[:64],
        last_name=account.last_name.strip()[:64],
        active=True,
        password=generate_password_hash(password),
        roles=[_role(work, platform_role)] if platform_role else [],
    )
    work.session.add(user)
    work.session.flush()
    audit.record_named(work, "user.created", work.organisation, "User", user.id, user.username, role=platform_role)
    return user


def check_password(password: str) -> None:
    """Raise Refused for a password that is too short."""
    if len(password) < LEAST_PASSWORD:
        raise Refused(f"Choose a password of at least {LEAST_PASSWORD} characters.")


def set_password(work: Work, user_id: int, password: str) -> None:
    """Give an account another password."""
    check_password(password)
    user = find(work, user_id)
    user.password = generate_password_hash(password[:1024])
    audit.record_named(work, "user.updated", work.organisation, "User", user.id, user.username, changed="password")


def set_active(work: Work, user_id: int, is_active: bool) -> None:
    """Switch an account off, or on again."""
    user = find(work, user_id)
    if user.id == work.actor.id:
        raise Refused("You cannot switch off your own account.")
    user.active = is_active
    audit.record_named(work, "user.updated", work.organisation, "User", user.id, user.username, is_active=is_active)


def find(work: Work, user_id: int) -> User:
    """Return an account; raise NotFound if there is none."""
    user = work.session.get(User, user_id)
    if user is None:
        raise NotFound(f"There is no user {user_id}.")
    return user


def by_email(work: Work, email: str) -> User | None:
    """Return the account with this e-mail address."""
    user: User | None = work.session.scalars(
        select(User).where(func.lower(User.email) == email.strip().lower())
    ).one_or_none()
    return user


def join(work: Work, user: User, role: str) -> Membership:
    """Give somebody a role in the organisation of `work`; raise Refused if they have one already."""
    _check_role(role)
    held = select(Membership).where(Membership.user_id == user.id)
    if work.session.scalars(held).one_or_none() is not None:
        raise Refused(f"{user.get_full_name()} is a member of this organisation already.")
    membership = Membership(user_id=user.id, role=role, organisation_id=work.organisation_id)
    return records.create(work, membership, "membership.created", user=user.username, role=role)


def change_role(work: Work, membership: Membership, role: str) -> Membership:
    """Change somebody's role; raise Refused for one's own."""
    _check_role(role)
    _not_oneself(work, membership)
    membership.role = role
    return records.update(work, membership, "membership.updated")


def leave(work: Work, membership: Membership) -> None:
    """Take somebody's role in the organisation away; raise Refused for one's own."""
    _not_oneself(work, membership)
    records.delete(work, membership, "membership.deleted")


def _not_oneself(work: Work, membership: Membership) -> None:
    if membership.user_id == work.actor.id:
        raise Refused("You cannot change your own role. Ask another administrator.")


def _check_role(role: str) -> None:
    if role not in ORGANISATION_ROLES:
        raise Refused(f"There is no role {role!r} in an organisation.")


def _role(work: Work, name: str) -> Role:
    role: Role | None = work.session.scalars(select(Role).where(Role.name == name)).one_or_none()
    if name not in PLATFORM_ROLES or role is None:
        raise Refused(f"There is no role {name!r} on the platform.")
    return role
