"""Signing in, step by step, for every face: counted, checked, written down, and told to the account's owner."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select, update

from ...errors import Refused, Wait
from ...storage.models import SignIn, UserSession
from .. import audit
from ..work import Work
from . import devices, factors, passkeys, passwords, people, sessions, telling, tokens, tries
from .devices import Visit
from .passkeys import Site
from .people import Person

OpenWork = Callable[[], AbstractContextManager[Work]]
WRONG = "The name or the password is not right."
WRONG_CODE = "This code does not fit, or it was used already. Type the next one."
NEVER_GIVEN = "second factor never given"
WRONG_PASSKEY = "This passkey was not accepted."


@dataclass(frozen=True, slots=True)
class Entered:
    """Somebody got past a step. `token` is for the session's cookie, `device` for the browser's.

    With `is_half` the password was right and the second factor is still due.
    """

    user_id: int
    token: str
    device: str
    is_half: bool = False


def by_password(open_work: OpenWork, visit: Visit, typed: str, password: str) -> Entered:
    """Sign in by user name or e-mail address and password.

    Raises Refused where that is wrong, in the same words and time whether or not there is such an account, and
    Wait where this account or network may not try now. The count is committed before the password is looked at.
    """
    with open_work() as work:
        person = people.by_name(work, typed)
        counts = _counts(work, person, typed, visit)
        closed = _try(work, counts)
        if closed:
            _write(work, person, visit, "too many wrong attempts")
    if closed:
        raise closed
    fits, fresh = _look(open_work, counts, person, password)
    with open_work() as work:
        if not fits or person is None:
            _write(work, person, visit, _why(person))
        else:
            tries.give_back(work, counts)
            if fresh:
                people.store_password(work, person.id, fresh)
            return _enter(work, person, visit, "password")
    raise Refused(WRONG)


def by_code(open_work: OpenWork, visit: Visit, half_token: str, code: str) -> Entered:
    """Finish signing in by a code of the authenticator app or a recovery code; raises as `by_password` does."""
    with open_work() as work:
        half, person = _half(work, half_token)
        counts = [tries.by_code(person.id, _own_way(work, person, visit, has_factor=True))]
        closed = _try(work, counts)
        if closed:
            _write(work, person, visit, "too many wrong codes")
    if closed:
        raise closed
    with open_work() as work:
        way = factors.use_code(work, person, code[:64])
        if way:
            tries.give_back(work, counts)
            sessions.end(work, person.id, half, "second factor given")
            return _admit(work, person, visit, f"password and {way}")
        _write(work, person, visit, "wrong code")
    raise Refused(WRONG_CODE)


def ask_passkey(open_work: OpenWork, site: Site, half_token: str = "") -> tuple[int, dict[str, Any]]:
    """Return what the browser needs to use a passkey: alone, or to finish a sign-in."""
    with open_work() as work:
        return passkeys.ask(work, site, _half(work, half_token)[1].id if half_token else None)


def by_passkey(
    open_work: OpenWork, visit: Visit, site: Site, challenge: int, answer: dict[str, Any], half_token: str = ""
) -> Entered:
    """Sign in by passkey, alone or after the password; wrong passwords of others never close this way."""
    with open_work() as work:
        half, owner = _half(work, half_token) if half_token else (None, None)
        person = passkeys.prove(work, site, challenge, answer, owner.id if owner else None)
        if person is not None and person.is_active:
            if half is not None:
                sessions.end(work, person.id, half, "second factor given")
            return _admit(work, person, visit, "password and passkey" if half else "passkey")
        _write(work, person or owner, visit, "wrong passkey" if person is None else "switched off")
    raise Refused(WRONG_PASSKEY)


def prove_again(open_work: OpenWork, user_id: int, password: str, session_id: int) -> None:
    """Raise Refused unless this is the present password of somebody signed in, Wait after too many wrong ones."""
    with open_work() as work:
        person = people.by_id(work, user_id)
        counts = [tries.by_account("", person, "signed in")]
        closed = _try(work, counts)
    if closed:
        raise closed
    fits, _ = _look(open_work, counts, person, password)
    with open_work() as work:
        audit.record_named(
            work, "user.proven" if fits else "user.proof_failed", None, "User", user_id,
            person.username if person else "",
        )  # fmt: skip
        if fits:
            tries.give_back(work, counts)
            sessions.prove(work, session_id)
    if not fits:
        raise Refused("The present password is not right.")


def history(work: Work, user_id: int, most: int = 20) -> list[SignIn]:
    """Return the latest attempts to sign in to an account."""
    wanted = select(SignIn).where(SignIn.user_id == user_id).order_by(SignIn.id.desc()).limit(most)
    return list(work.session.scalars(wanted))


def _try(work: Work, counts: list[tries.Count]) -> Wait | None:
    try:
        tries.take(work, counts)
    except Wait as closed:
        return closed
    return None


def _counts(work: Work, person: Person | None, typed: str, visit: Visit) -> list[tries.Count]:
    """Return what a password is counted by: a known browser by itself, all others by account and network."""
    has_factor = factors.of(work, person.id if person else 0).has_any
    own = _own_way(work, person, visit, has_factor=has_factor)
    account = tries.by_account(typed, person, own)
    return [account] if own.startswith("device:") else [tries.by_network(visit.network), account]


def _own_way(work: Work, person: Person | None, visit: Visit, *, has_factor: bool) -> str:
    """Return what sets a person's usual way in apart from a stranger's, empty for a way never taken before.

    A network is shared with others, so it sets nobody apart who has no second factor besides the password.
    """
    user_id = person.id if person else 0
    is_device = devices.is_known(work, user_id, visit)
    is_network = devices.is_known_network(work, user_id, visit)
    if is_device:
        return f"device:{visit.token}"
    return f"network:{visit.network}" if is_network and has_factor else ""


def _half(work: Work, token: str) -> tuple[int, Person]:
    found = sessions.find(work, token, is_half=True)
    person = people.by_id(work, found.user_id) if found else None
    if found is None or person is None or not person.is_active:
        raise Refused("This took too long. Sign in again from the beginning.")
    return found.id, person


def _why(person: Person | None) -> str:
    if person is None:
        return "no such account"
    return "wrong password" if person.is_active else "switched off"


def _look(open_work: OpenWork, counts: list[tries.Count], person: Person | None, password: str) -> tuple[bool, str]:
    """Return whether a password is right, and its new hash if the stored one is of an older kind."""
    stored = person.password if person and person.is_active else ""
    try:
        fits = passwords.fits(stored, password)
        return fits, passwords.hashed(password) if fits and passwords.is_outdated(stored) else ""
    except Wait:
        with open_work() as work:
            tries.undo(work, counts)
        raise


def _enter(work: Work, person: Person, visit: Visit, way: str) -> Entered:
    if not factors.of(work, person.id).has_any:
        return _admit(work, person, visit, way)
    return Entered(person.id, sessions.start(work, person.id, visit, way, is_half=True), visit.token, is_half=True)


def _admit(work: Work, person: Person, visit: Visit, way: str) -> Entered:
    token = sessions.start(work, person.id, visit, way)
    _tell_of_new_device(work, person, visit)
    device = visit.token if devices.is_known(work, person.id, visit) else tokens.fresh()
    devices.remember(work, person.id, visit, device)
    people.stamp_sign_in(work, person.id)
    _write(work, person, visit, way, is_good=True)
    return Entered(person.id, token, device)


def _tell_of_new_device(work: Work, person: Person, visit: Visit) -> None:
    """Tell somebody who signed in before that it was now from a browser never seen with their account."""
    before = select(UserSession.id).where(UserSession.user_id == person.id, UserSession.is_half.is_(False)).limit(2)
    is_first = len(work.session.scalars(before).all()) < 2
    if is_first or devices.is_known(work, person.id, visit):
        return
    body = (
        f"Your account was signed in to from {visit.device}, at {visit.address}, for the first time. "
        "If it was not you, end that session on your profile page and change your password."
    )
    telling.tell(work, person, "A sign-in from a new device", body)


def _write(work: Work, person: Person | None, visit: Visit, reason: str, *, is_good: bool = False) -> None:
    """Write an attempt into the history and the action log."""
    if is_good and person is not None:
        work.actor = replace(work.actor, kind="user", name=person.name, id=person.id)
    _keep(work, person, visit.address[:60], visit.device, reason, is_good=is_good)


def _keep(work: Work, person: Person | None, address: str, device: str, reason: str, *, is_good: bool) -> None:
    work.session.add(
        SignIn(
            user_id=person and person.id, is_good=is_good, reason=reason, address=address,
            network=devices.network_of(address), device=device, at=work.clock(),
        )
    )  # fmt: skip
    audit.record_named(
        work, "user.signed_in" if is_good else "user.sign_in_failed", None, "User", person.id if person else "",
        person.username if person else "nobody", reason=reason,
    )  # fmt: skip


def end_half_sessions(work: Work) -> int:
    """End sessions whose second factor never came: somebody knows the password, which their owner should see."""
    now = work.clock()
    ended = work.session.execute(
        update(UserSession)
        .where(UserSession.is_half, UserSession.ended_at.is_(None), UserSession.created_at < now - sessions.HALF)
        .values(ended_at=now, why=NEVER_GIVEN)
        .returning(UserSession.user_id, UserSession.address, UserSession.device)
    ).all()
    for user_id, address, device in ended:
        _keep(work, people.by_id(work, user_id), address, device, NEVER_GIVEN, is_good=False)
    return len(ended)
