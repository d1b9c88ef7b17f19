"""People's accounts and their roles in organisations: made, changed and taken away, every time on the record."""

import re
import secrets
from dataclasses import dataclass

from flask_appbuilder.security.sqla.models import Role, User
from sqlalchemy import func, or_, select

from ...core.errors import NotFound, Refused
from ...core.registry import Registry
from ...core.services import audit, records
from ...core.services.access import passwords, people, resets, sessions, telling, tries
from ...core.services.conversations import threads
from ...core.services.work import Work
from ...core.storage.models import Membership
from .roles import PLATFORM_ADMINISTRATOR

LEAST_PASSWORD = passwords.LEAST
_EMAIL = re.compile(r"^[^@\s]{1,64}@[^@\s]{1,255}$")


class Taken(Refused):
    """There is an account with this name or e-mail address already."""


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


def create(work: Work, account: Account, password: str, platform_role: str = "", *, must_change: bool = False) -> User:
    """Make an account; raise Taken if its name or e-mail address is, Refused if the password is a bad one.

    With `must_change` its owner chooses a password of their own at the first sign-in.
    """
    account.check()
    passwords.check(password, account.username, account.email, f"{account.first_name}{account.last_name}")
    taken = select(User.id).where(
        or_(func.lower(User.username) == account.username.lower(), func.lower(User.email) == account.email.lower())
    )
    if work.session.scalar(taken) is not None:
        raise Taken("There is an account with this name or e-mail address already.")
    user = User(
        username=account.username,
        email=account.email.lower(),
        first_name=account.first_name.strip()[:64],
        last_name=account.last_name.strip()[:64],
        active=True,
        password=passwords.hashed(password),
        roles=[_role(work, platform_role)] if platform_role else [],
    )
    work.session.add(user)
    work.session.flush()
    if must_change:
        people.state(work, user.id).must_change = True
    audit.record_named(work, "user.created", work.organisation, "User", user.id, user.username, role=platform_role)
    return user


def set_password(work: Work, user_id: int, password: str, *, must_change: bool = False) -> None:
    """Give an account another password: every session ends, links are void, and wrong attempts are forgotten.

    With `must_change`, where somebody else made it up, its owner chooses another at the next sign-in.
    """
    user = find(work, user_id)
    passwords.check(password, user.username, user.email, f"{user.first_name}{user.last_name}")
    user.password = passwords.hashed(password)
    people.state(work, user.id).must_change = must_change
    sessions.end_all(work, user.id, "password changed")
    resets.void(work, user.id)
    tries.forget(work, user.id)
    audit.record_named(work, "user.password_changed", None, "User", user.id, user.username)
    telling.tell_of_change(work, _person(user), "The password was changed")


def demand_change(work: Work, user_id: int) -> None:
    """Let an account's owner choose a new password before anything else; their sessions end."""
    user = find(work, user_id)
    people.state(work, user.id).must_change = True
    sessions.end_all(work, user.id, "new password asked for")
    audit.record_named(work, "user.change_demanded", None, "User", user.id, user.username)


def set_active(work: Work, user_id: int, is_active: bool) -> None:
    """Switch an account off, which ends its sessions, or on again; raise Refused for the last administrator."""
    user = find(work, user_id)
    if user.id == work.actor.id:
        raise Refused("You cannot switch off your own account.")
    if not is_active:
        _keep_an_administrator(work, user)
        sessions.end_all(work, user.id, "switched off")
        resets.void(work, user.id)
    user.active = is_active
    audit.record_named(work, "user.updated", work.organisation, "User", user.id, user.username, is_active=is_active)


def set_platform_role(work: Work, user_id: int, role: str) -> None:
    """Give an account a role on the platform, empty for none; its sessions end.

    Raises Refused for one's own, and for the last administrator.
    """
    user = find(work, user_id)
    before = platform_role(work.registry, user)
    if before == role:
        return
    if user.id == work.actor.id:
        raise Refused("You cannot change your own role. Ask another administrator.")
    _keep_an_administrator(work, user)
    user.roles = [_role(work, role)] if role else []
    sessions.end_all(work, user.id, "role changed")
    work.session.flush()
    audit.record_named(
        work, "user.role_changed", None, "User", user.id, user.username, changes={"role": [before, role]}
    )


def platform_role(registry: Registry, user: User) -> str:
    """Return the role an account holds on the platform, empty for none."""
    held = registry.roles_held(on_platform=True)
    return next((role.name for role in user.roles if role.name in held), "")


def unlock(work: Work, user_id: int) -> None:
    """Open an account again that too many wrong attempts have closed."""
    user = find(work, user_id)
    tries.forget(work, user.id)
    audit.record_named(work, "user.unlocked", None, "User", user.id, user.username)


def end_sessions(work: Work, user_id: int, why: str, but: int | None = None) -> int:
    """End the sessions of an account, or all but one; return how many."""
    user = find(work, user_id)
    ended = sessions.end_all(work, user.id, why, but)
    audit.record_named(work, "user.sessions_ended", work.organisation, "User", user.id, user.username, ended=ended)
    return ended


def _person(user: User) -> people.Person:
    return people.Person(user.id, user.username, user.email, user.get_full_name(), user.password or "", user.is_active)


def _keep_an_administrator(work: Work, user: User) -> None:
    """Raise Refused if the platform would be left without an administrator; the operator's commands may do so."""
    if platform_role(work.registry, user) != PLATFORM_ADMINISTRATOR or work.actor.kind == "command":
        return
    held = select(Role).where(Role.name == PLATFORM_ADMINISTRATOR).with_for_update()  # two at once wait here
    role = work.session.scalars(held).one()
    others = select(func.count()).select_from(User).where(User.roles.any(id=role.id), User.active, User.id != user.id)
    if not work.session.scalar(others):
        raise Refused("This is the last administrator of the platform. Make another one first.")


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
    _check_role(work, role)
    held = select(Membership).where(Membership.user_id == user.id)
    if work.session.scalars(held).one_or_none() is not None:
        raise Refused(f"{user.get_full_name()} is a member of this organisation already.")
    membership = Membership(user_id=user.id, role=role, organisation_id=work.organisation_id)
    return records.create(work, membership, "membership.created", user=user.username, role=role)


def change_role(work: Work, membership: Membership, role: str) -> Membership:
    """Change somebody's role; raise Refused for one's own."""
    _check_role(work, role)
    _not_oneself(work, membership)
    if membership.role != role:
        sessions.end_all(work, membership.user_id, "role changed")
    membership.role = role
    return records.update(work, membership, "membership.updated")


def leave(work: Work, membership: Membership) -> None:
    """Take somebody's role in the organisation away; raise Refused for one's own."""
    _not_oneself(work, membership)
    sessions.end_all(work, membership.user_id, "no longer a member")
    threads.release(work, membership.user_id)
    records.delete(work, membership, "membership.deleted")


def _not_oneself(work: Work, membership: Membership) -> None:
    if membership.user_id == work.actor.id:
        raise Refused("You cannot change your own role. Ask another administrator.")


def _check_role(work: Work, role: str) -> None:
    if role not in work.registry.roles_held(on_platform=False):
        raise Refused(f"There is no role {role!r} in an organisation.")


def _role(work: Work, name: str) -> Role:
    role: Role | None = work.session.scalars(select(Role).where(Role.name == name)).one_or_none()
    if role is None or name not in work.registry.roles_held(on_platform=True):
        raise Refused(f"There is no role {name!r} on the platform.")
    return role
