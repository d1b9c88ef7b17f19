"""Invitations: an offer of a role by a link that works once, for seven days. Nobody is enrolled without consent."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import ColumnElement, exists, func, select, update

from ...errors import NotFound, Refused
from ...storage.models import Invitation, Membership, Organisation
from .. import allowances, audit
from ..notices import board, mail
from ..work import Actor, Work
from . import people, tokens
from .people import Person

VALID = timedelta(days=7)
MOST_A_DAY = 5
"""Invitations from one place to one address within a day, so that nobody's inbox can be filled."""
INVITED = Actor("visitor", "Whoever was invited")


def offer(work: Work, site: str, email: str, first_name: str, last_name: str, role: str) -> str:
    """Invite somebody to a role in the organisation of `work`, or on the platform; return the link.

    It goes out by mail where the site has a mail server; otherwise whoever invites hands it over. An earlier
    invitation of the same person to the same place is replaced. Whether the person has an account makes no
    difference to whoever invites. Raises Refused for a role that is not given there, an address that is none or
    was invited too often, somebody who is a member already, and where no further user is allowed.
    """
    email = email.strip().lower()
    _check(work, email, role)
    _end(work, Invitation.email == email, why="replaced")
    if work.organisation is not None:
        allowances.check_seat(work)
    token, now = tokens.fresh(), work.clock()
    row = Invitation(
        organisation_id=work.organisation, token_hash=tokens.digest(token), email=email, role=role,
        first_name=first_name.strip()[:64], last_name=last_name.strip()[:64], invited_by=work.actor.name[:200],
        created_at=now, expires_at=now + VALID,
    )  # fmt: skip
    work.session.add(row)
    work.session.flush()
    audit.record_named(work, "invitation.sent", work.organisation, "Invitation", row.id, "", role=role)
    link = f"{site}/invitation/{token}"
    _tell(work, row, link)
    return link


def _check(work: Work, email: str, role: str) -> None:
    if role not in work.registry.roles_held(on_platform=work.organisation is None):
        raise Refused(f"There is no role {role!r} here.")
    if len(email) > 320 or email.count("@") != 1 or not all(email.split("@")) or any(c.isspace() for c in email):
        refusal = Refused("E-mail: this is no e-mail address.")
        refusal.fields = {"email": str(refusal)}
        raise refusal
    if _offered_lately(work, email) >= MOST_A_DAY:
        raise Refused(f"{email} was invited {MOST_A_DAY} times within a day. Wait until tomorrow.")
    person = people.by_email(work, email)
    if person is not None and work.organisation is not None and _is_member(work, person.id, work.organisation):
        raise Refused(f"{email} is a member of this organisation already.")
    if person is not None and work.organisation is None:
        raise Refused(f"{email} has an account already. Change its role instead.")


def _offered_lately(work: Work, email: str) -> int:
    lately = select(func.count()).select_from(Invitation).where(
        Invitation.organisation_id.is_not_distinct_from(work.organisation), Invitation.email == email,
        Invitation.created_at > work.clock() - timedelta(days=1),
    )  # fmt: skip
    return work.session.scalar(lately) or 0


def _is_member(work: Work, user_id: int, organisation_id: int) -> bool:
    held = exists().where(Membership.user_id == user_id, Membership.organisation_id == organisation_id)
    return bool(work.session.scalar(select(held)))


def _tell(work: Work, row: Invitation, link: str) -> None:
    place = place_of(work, row)
    if mail.is_sent_here():
        mail.post(
            work, row.email, f"An invitation to {place}",
            f"{row.invited_by} invites you to {place} on Connect Pulse, as {row.role}.\n\n"
            f"Accept it here within seven days:\n{link}\n\nIf you do not know what this is, ignore it.",
        )  # fmt: skip
    person = people.by_email(work, row.email)
    if person is not None:
        board.post(
            work, "access", f"You are invited to {place}", f"As {row.role}, by {row.invited_by}. See your profile.",
            user_id=person.id, link="/profile/",
        )  # fmt: skip


def place_of(work: Work, row: Invitation) -> str:
    """Return the name of where somebody is invited to."""
    if row.organisation_id is None:
        return "the platform"
    return work.session.scalar(select(Organisation.name).where(Organisation.id == row.organisation_id)) or "nowhere"


def waiting(work: Work) -> list[Invitation]:
    """Return the open invitations of the organisation of `work`, or of the platform."""
    wanted = select(Invitation).where(
        Invitation.organisation_id.is_not_distinct_from(work.organisation), *_still(work)
    )  # fmt: skip
    return list(work.session.scalars(wanted.order_by(Invitation.id.desc()).limit(200)))


def for_person(work: Work, person: Person) -> list[tuple[Invitation, str]]:
    """Return what somebody is invited to, with the names of the places."""
    wanted = select(Invitation).where(func.lower(Invitation.email) == person.email.lower(), *_still(work))
    return [(row, place_of(work, row)) for row in work.session.scalars(wanted.order_by(Invitation.id).limit(50))]


def by_token(work: Work, token: str) -> Invitation:
    """Return the open invitation of a link, locked; raise NotFound if it is over."""
    wanted = select(Invitation).where(Invitation.token_hash == tokens.digest(token), *_still(work))
    row = work.session.scalars(wanted.with_for_update()).one_or_none()
    if row is None:
        raise NotFound("This invitation was used or withdrawn, or it is older than seven days. Ask for another.")
    return row


def by_id(work: Work, invitation_id: int, person: Person) -> Invitation:
    """Return an open invitation of somebody who is signed in, locked."""
    wanted = select(Invitation).where(
        Invitation.id == invitation_id, func.lower(Invitation.email) == person.email.lower(), *_still(work)
    )  # fmt: skip
    row = work.session.scalars(wanted.with_for_update()).one_or_none()
    if row is None:
        raise NotFound("This invitation was used or withdrawn, or it is older than seven days.")
    return row


def settle(work: Work, email: str) -> None:
    """End the open invitation of somebody who was enrolled otherwise; nothing happens if there is none."""
    _end(work, Invitation.email == email.strip().lower(), why="enrolled")


def withdraw(work: Work, invitation_id: int) -> None:
    """Take an invitation of the organisation of `work`, or of the platform, back."""
    if not _end(work, Invitation.id == invitation_id, why="withdrawn"):
        raise NotFound("This invitation is over already.")
    audit.record_named(work, "invitation.withdrawn", work.organisation, "Invitation", invitation_id, "")


def decline(work: Work, row: Invitation) -> None:
    """Turn an invitation down. The platform's log says who did; the organisation is told that somebody has.

    Whoever says no has consented to nothing: neither their name nor that they have an account is told.
    """
    row.ended_at, row.why = work.clock(), "declined"
    work.session.flush()
    audit.record_named(work, "invitation.declined", None, "Invitation", row.id, "")
    if row.organisation_id is not None:
        unnamed = replace(work, actor=INVITED)
        audit.record_named(unnamed, "invitation.declined", row.organisation_id, "Invitation", row.id, "")


def accepted(work: Work, row: Invitation) -> None:
    """Write that an invitation was accepted; its link works no more."""
    row.ended_at, row.why = work.clock(), "accepted"
    audit.record_named(work, "invitation.accepted", row.organisation_id, "Invitation", row.id, "")


def _still(work: Work) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return Invitation.ended_at.is_(None), Invitation.expires_at > work.clock()


def _end(work: Work, which: ColumnElement[bool], why: str) -> int:
    here = Invitation.organisation_id.is_not_distinct_from(work.organisation)
    ended = work.session.execute(
        update(Invitation).where(here, Invitation.ended_at.is_(None), which)
        .values(ended_at=work.clock(), why=why).returning(Invitation.id)
    )  # fmt: skip
    return len(ended.all())
