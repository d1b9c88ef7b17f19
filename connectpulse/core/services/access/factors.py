"""Second factors that are typed: time-based codes (TOTP, RFC 6238) and recovery codes, each used once."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import pyotp
from sqlalchemy import delete, exists, func, select, union, update

from ...errors import Refused
from ...storage.base import metadata
from ...storage.models import AccountState, Membership, Passkey, RecoveryCode, SecondFactorRule
from .. import audit
from ..notices import board
from ..work import Work
from . import people, sessions, telling, tokens
from .people import Person

STEP = 30
RECOVERY_CODES = 10
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
ISSUER = "Connect Pulse"


@dataclass(frozen=True, slots=True)
class Factors:
    """What an account has besides its password."""

    has_totp: bool
    passkeys: int
    codes_left: int

    @property
    def has_any(self) -> bool:
        return self.has_totp or self.passkeys > 0


def of(work: Work, user_id: int) -> Factors:
    """Return what an account has besides its password."""
    totp = select(AccountState.totp_at).where(AccountState.user_id == user_id)
    keys = select(func.count()).select_from(Passkey).where(Passkey.user_id == user_id)
    codes = select(func.count()).select_from(RecoveryCode).where(
        RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None)
    )  # fmt: skip
    return Factors(
        work.session.scalar(totp) is not None, work.session.scalar(keys) or 0, work.session.scalar(codes) or 0
    )


def begin_totp(work: Work, user_id: int) -> str:
    """Make a secret for an account's authenticator app; it counts once a code of it was typed."""
    state = people.state(work, user_id)
    if state.totp_at is not None:
        raise Refused("An authenticator app is set up already. Remove it first to set up another.")
    secret = pyotp.random_base32()
    state.totp = {"secret": secret}
    work.session.flush()
    return secret


def pending_totp(work: Work, user_id: int) -> str:
    """Return the secret that waits for its first code, empty if none does."""
    state = work.session.get(AccountState, user_id)
    return str((state.totp or {}).get("secret", "")) if state is not None and state.totp_at is None else ""


def address_of(person: Person, secret: str) -> str:
    """Return the otpauth:// address that an authenticator app reads from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=person.email, issuer_name=ISSUER)


def confirm_totp(work: Work, person: Person, code: str) -> None:
    """Set up an authenticator app by its first code; raise Refused if it does not fit."""
    state = people.state(work, person.id)
    if state.totp_at is not None or not state.totp:
        raise Refused("Begin again: no authenticator app is being set up.")
    step = _step_of(work, state.totp["secret"], code)
    if step is None:
        raise Refused("This code does not fit. Check the clock of your phone, and type the code it shows now.")
    state.totp_at, state.totp_step = work.clock(), step
    work.session.flush()
    audit.record_named(work, "user.totp_added", None, "User", person.id, person.username)
    telling.tell_of_change(work, person, "An authenticator app was set up")


def remove_totp(work: Work, person: Person) -> None:
    """Take an account's authenticator app away."""
    state = people.state(work, person.id)
    state.totp, state.totp_at = None, None
    audit.record_named(work, "user.totp_removed", None, "User", person.id, person.username)
    telling.tell_of_change(work, person, "The authenticator app was removed")
    _without_factor(work, person)


def use_code(work: Work, person: Person, code: str) -> str:
    """Use up a code of the app or a recovery code; return which it was, empty if it fits neither."""
    if _use_totp(work, person.id, code):
        return "authenticator app"
    return "recovery code" if _use_recovery(work, person, code) else ""


def _use_totp(work: Work, user_id: int, code: str) -> bool:
    state = work.session.get(AccountState, user_id)
    if state is None or state.totp_at is None or not state.totp:
        return False
    step = _step_of(work, state.totp["secret"], code)
    if step is None:
        return False
    used = work.session.execute(
        update(AccountState)
        .where(AccountState.user_id == user_id, AccountState.totp_step < step)
        .values(totp_step=step)
        .returning(AccountState.user_id)
    )
    return used.scalar_one_or_none() is not None


def _step_of(work: Work, secret: str, code: str) -> int | None:
    """Return the time step a code belongs to: the present one, the one before or the one after."""
    typed = "".join(code.split())
    now = int(work.clock().timestamp()) // STEP
    totp = pyotp.TOTP(secret)
    fitting = [step for step in (now - 1, now, now + 1) if secrets.compare_digest(totp.at(step * STEP), _digits(typed))]
    return max(fitting, default=None)


def _digits(typed: str) -> str:
    return typed if typed.isascii() and typed.isdigit() else ""


def renew_codes(work: Work, person: Person) -> Sequence[str]:
    """Make an account's recovery codes anew; return them to be shown once. The former ones are void."""
    codes = ["-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(3)) for _ in
             range(RECOVERY_CODES)]  # fmt: skip
    work.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == person.id))
    work.session.add_all(RecoveryCode(user_id=person.id, code_hash=_hash_of(person.id, code)) for code in codes)
    work.session.flush()
    audit.record_named(work, "user.codes_renewed", None, "User", person.id, person.username)
    return codes


def _use_recovery(work: Work, person: Person, code: str) -> bool:
    used = work.session.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.user_id == person.id, RecoveryCode.code_hash == _hash_of(person.id, code),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=work.clock())
        .returning(RecoveryCode.id)
    ).scalar_one_or_none()  # fmt: skip
    if used is None:
        return False
    audit.record_named(work, "user.recovery_code_used", None, "User", person.id, person.username)
    telling.tell_of_change(work, person, "A recovery code was used")
    return True


def _hash_of(user_id: int, code: str) -> bytes:
    plain = "".join(each for each in code.lower() if each in _ALPHABET)
    return tokens.keyed("recovery codes", f"{user_id}:{plain}")


def reset(work: Work, person: Person) -> None:
    """Take every second factor of an account away, for somebody who lost them; its sessions end."""
    state = people.state(work, person.id)
    state.totp, state.totp_at = None, None
    work.session.execute(delete(Passkey).where(Passkey.user_id == person.id))
    work.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == person.id))
    sessions.end_all(work, person.id, "second factor reset")
    body = "An administrator took the second factors of your account away. Set up new ones on your profile page."
    telling.tell(work, person, "Your second factors were reset", body, level=board.WARNING)
    audit.record_named(work, "user.factors_reset", None, "User", person.id, person.username)


def _without_factor(work: Work, person: Person) -> None:
    """Void the recovery codes of an account that has nothing left for them to stand in for."""
    work.session.flush()
    if not of(work, person.id).has_any:
        work.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == person.id))


def forget_codes_without_factor(work: Work, person: Person) -> None:
    """Void the recovery codes if the last factor is gone."""
    _without_factor(work, person)


def required_roles(work: Work) -> frozenset[str]:
    """Return the roles whose holders must have a second factor."""
    return frozenset(work.session.scalars(select(SecondFactorRule.role)))


def require(work: Work, roles: frozenset[str]) -> None:
    """Ask for a second factor of whoever holds one of `roles`, and of nobody else."""
    before = required_roles(work)
    if before == roles:
        return
    work.session.execute(delete(SecondFactorRule).where(SecondFactorRule.role.not_in(roles)))
    work.session.add_all(SecondFactorRule(role=role) for role in sorted(roles - before))
    work.session.flush()
    audit.record(work, "access.rule_changed", before=sorted(before), after=sorted(roles))


def lacking(work: Work) -> dict[str, int]:
    """Return how many people hold each role and have no second factor. Reads every account that holds one."""
    user, link, role = people.users(), metadata.tables["ab_user_role"], metadata.tables["ab_role"]
    on_platform = select(link.c.user_id, role.c.name.label("role")).join(role, role.c.id == link.c.role_id)
    held = union(on_platform, select(Membership.user_id, Membership.role)).subquery()
    has_totp = exists().where(AccountState.user_id == user.c.id, AccountState.totp_at.is_not(None))
    has_passkey = exists().where(Passkey.user_id == user.c.id)
    counted = (
        select(held.c.role, func.count())
        .join(user, user.c.id == held.c.user_id)
        .where(user.c.active, ~has_totp, ~has_passkey)
        .group_by(held.c.role)
    )
    return {row[0]: row[1] for row in work.session.execute(counted)}
