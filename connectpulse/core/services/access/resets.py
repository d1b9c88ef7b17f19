"""Forgotten passwords: a link that works once, for an hour, and the same answer whoever asks."""

from datetime import timedelta

from sqlalchemy import func, select, update

from ...errors import NotFound
from ...storage.models import PasswordReset
from .. import audit
from ..notices import mail
from ..work import Work
from . import people, tokens
from .people import Person

VALID = timedelta(hours=1)
MOST_AN_HOUR = 3
"""Links mailed to one account within an hour, so that nobody's inbox can be filled."""


def ask(work: Work, site: str, typed: str) -> None:
    """Mail a link to the account with this name or address, if there is one; say nothing about whether."""
    person = people.by_name(work, typed)
    if (
        not mail.is_sent_here()
        or person is None
        or not person.is_active
        or _asked_lately(work, person.id) >= MOST_AN_HOUR
    ):
        return
    send(work, site, person)


def send(work: Work, site: str, person: Person) -> str:
    """Mail a link to an account's owner; return it, for a site that sends no mail."""
    link = offer(work, site, person)
    if mail.is_sent_here():
        mail.post(
            work, person.email, "Choose a new password",
            f"Somebody, hopefully you, asked for a new password for {person.username}.\n\n"
            f"Choose it here within an hour:\n{link}\n\nIf it was not you, ignore this: nothing has changed.",
        )  # fmt: skip
    return link


def offer(work: Work, site: str, person: Person) -> str:
    """Return a link by which an account's owner chooses a new password; an earlier one is void."""
    now, token = work.clock(), tokens.fresh()
    void(work, person.id)
    work.session.add(
        PasswordReset(user_id=person.id, token_hash=tokens.digest(token), created_at=now, expires_at=now + VALID)
    )
    work.session.flush()
    audit.record_named(work, "user.reset_asked", None, "User", person.id, person.username)
    return f"{site}/password/{token}"


def open_for(work: Work, token: str, *, spend: bool = False) -> Person:
    """Return whose link this is, and with `spend` make it void; raise NotFound if it is over."""
    row = work.session.scalars(
        select(PasswordReset).where(
            PasswordReset.token_hash == tokens.digest(token), PasswordReset.used_at.is_(None),
            PasswordReset.expires_at > work.clock(),
        ).with_for_update()
    ).one_or_none()  # fmt: skip
    person = people.by_id(work, row.user_id) if row else None
    if row is None or person is None or not person.is_active:
        raise NotFound("This link was used already, or it is older than an hour. Ask for another.")
    if spend:
        row.used_at = work.clock()
        work.session.flush()
    return person


def void(work: Work, user_id: int) -> None:
    """Make every open link of an account void."""
    work.session.execute(
        update(PasswordReset)
        .where(PasswordReset.user_id == user_id, PasswordReset.used_at.is_(None))
        .values(used_at=work.clock())
    )


def _asked_lately(work: Work, user_id: int) -> int:
    lately = select(func.count()).select_from(PasswordReset).where(
        PasswordReset.user_id == user_id, PasswordReset.created_at > work.clock() - VALID
    )  # fmt: skip
    return work.session.scalar(lately) or 0
