"""Telling an account's owner what happened to it: a notice on their pages, and a mail where the site sends any."""

from ..notices import board, mail
from ..work import Work
from .people import Person


def tell(work: Work, person: Person, title: str, body: str, *, level: str = board.INFO, key: str = "") -> None:
    """Tell the owner of an account; nothing is told while an earlier word on the matter `key` is open."""
    posted = board.post(work, "access", title, body, user_id=person.id, level=level, link="/profile/", key=key)
    if posted is not None and mail.is_sent_here():
        mail.post(work, person.email, title, body)


def tell_of_change(work: Work, person: Person, what: str) -> None:
    """Tell that something was changed which signing in depends on."""
    body = "If it was not you, choose a new password, end the other sessions on your profile page, and tell somebody."
    tell(work, person, f"{what} for your account", body, level=board.WARNING)
