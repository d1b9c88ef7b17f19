"""Accepting an invitation: with an account of one's own already, or by making one."""

from dataclasses import replace

from ...core.errors import NotFound, Refused
from ...core.services import allowances, audit
from ...core.services.access import invitations, passwords, people, telling
from ...core.services.work import Actor, Work, entered
from ...core.storage import guard
from ...core.storage.models import Invitation, Organisation
from ...house import House
from . import accounts


def answer(house: House, actor: Actor, user_id: int, invitation_id: int, is_wanted: bool) -> str:
    """Accept or decline one of one's own invitations; return where it leads. Raises NotFound if it is over."""
    with house.work(actor) as work:
        row = invitations.by_id(work, invitation_id, _person(work, user_id))
        return _answer(work, row, user_id, is_wanted)


def answer_link(house: House, actor: Actor, user_id: int, token: str) -> str:
    """Accept the invitation of a link, signed in with the account it was sent to; return where it leads."""
    with house.work(actor) as work:
        row = invitations.by_token(work, token)
        if _person(work, user_id).email.lower() != row.email.lower():
            raise Refused(f"This invitation is for {row.email}. Sign out, and sign in with that account.")
        return _answer(work, row, user_id, True)


def decline_link(house: House, actor: Actor, token: str) -> None:
    """Turn the invitation of a link down; raises NotFound if it is over."""
    with house.work(actor) as work:
        invitations.decline(work, invitations.by_token(work, token))


def enrol(house: House, actor: Actor, token: str, first_name: str, last_name: str, password: str) -> int | None:
    """Make the account an invitation offers; return its id, None where there is such an account already.

    Then nothing changes: its owner signs in and answers there. The caller must not show the difference, nor does
    the time. Raises NotFound if the link is over, Refused if the password is a bad one.
    """
    with house.work(actor) as work:
        row = invitations.by_token(work, token)
        account = accounts.Account(row.email[:64], row.email, first_name, last_name)
        role = row.role if row.organisation_id is None else ""
        try:
            user = accounts.create(work, account, password, role)
        except accounts.Taken:
            passwords.hashed(password)
            audit.record_named(work, "invitation.tried", None, "Invitation", row.id, "")
            return None
        work.actor = replace(actor, kind="user", name=user.get_full_name(), id=user.id)
        invitations.accepted(work, row)
        if row.organisation_id is not None:
            _join(work, row, user.id)
        return int(user.id)


def enrol_now(work: Work, user_id: int, organisation_id: int, role: str) -> str:
    """Give an account a role in an organisation without asking its owner, who is told; return the place's name.

    For administrators of the platform, on the record of both. Raises Refused for a place that is closed or full,
    a role it does not have, and somebody who is a member already.
    """
    home = work.session.get(Organisation, organisation_id)
    if home is None:
        raise Refused("Organisation: it is gone. Choose another.")
    if home.closed_at is not None or home.closes_at is not None:
        raise Refused(f"{home.name} is closed. Open it again first.")
    user = accounts.find(work, user_id)
    with entered(work, home.id):
        invitations.settle(work, user.email)
        allowances.check_seat(work)
        accounts.join(work, user, role)
    telling.tell(
        work, _person(work, user.id), f"You are a member of {home.name} now",
        f"As {role}: an administrator of the platform enrolled you. If it should not be, tell them.",
    )  # fmt: skip
    return home.name


def _answer(work: Work, row: Invitation, user_id: int, is_wanted: bool) -> str:
    place = invitations.place_of(work, row)
    if not is_wanted:
        invitations.decline(work, row)
        return place
    if row.organisation_id is None:
        raise Refused("There is an account with this address already. An administrator can change its role.")
    invitations.accepted(work, row)
    _join(work, row, user_id)
    return place


def _join(work: Work, row: Invitation, user_id: int) -> None:
    """Make somebody a member where they were invited to, in the transaction that ends the invitation."""
    work.organisation = row.organisation_id
    guard.bind(work.session, row.organisation_id)
    accounts.join(work, accounts.find(work, user_id), row.role)


def _person(work: Work, user_id: int) -> people.Person:
    found = people.by_id(work, user_id)
    if found is None:
        raise NotFound("There is no such account.")
    return found
