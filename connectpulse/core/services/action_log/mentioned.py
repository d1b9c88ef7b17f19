"""Who finds a person in the action log: in its table, where other tables may be asked, and in its archives, alone."""

from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, false, func, or_, select

from ...domain.retention import Apart, Subject
from ...storage.models import AuditEntry as Entry
from ...storage.models import Membership, SubjectRequest
from ..subjects import Locate, by_user, either

Found = ColumnElement[bool]


def acted(subject: Subject) -> Found:
    """Find what a person did: with their account, and as a visitor of the form and the pages of their requests."""
    theirs = select(cast(SubjectRequest.id, String)).where(
        SubjectRequest.address.in_([value for _, value in subject.addresses])
    )
    return or_(_by_account(subject), _by_visitor(theirs) if subject.addresses else false())


def about(user: type[Any]) -> Locate:
    """Find what others did to a person's account, its memberships, and their contacts, those included that are gone."""

    def account(subject: Subject) -> Found:
        if not subject.user_id:
            return false()
        held = select(cast(Membership.id, String)).where(Membership.user_id == subject.user_id)
        called = select(user.username + " (").where(user.id == subject.user_id).scalar_subquery()
        return or_(_of_account(subject), _of_membership(held, called))

    return either(account, _of_contact)


def _acted_apart(subject: Subject) -> Found:
    visited = _by_visitor([str(each) for each in subject.requests]) if subject.requests else false()
    return _within(subject, or_(_by_account(subject), visited))


def _about_apart(subject: Subject) -> Found:
    ways = [_of_contact(subject)]
    if subject.user_id:
        ways.append(_of_account(subject))
    if subject.username:
        ways.append(_of_membership([str(each) for each in subject.memberships], f"{subject.username} ("))
    return _within(subject, or_(*ways))


APART: tuple[Apart, ...] = (
    (("actor_name", "actor_address", "actor_salt"), _acted_apart),
    (("object_name", "detail", "object_salt"), _about_apart),
)
"""Salts go with what they salted: the digests that stay are of no use to anybody who guesses."""


def _within(subject: Subject, found: Found) -> Found:
    home = subject.organisation_id
    return found if home is None else and_(found, Entry.organisation_id == home)


def _by_account(subject: Subject) -> Found:
    """Keys and connections have numbers of their own, which may be the same."""
    return and_(Entry.actor_kind == "user", by_user(Entry, "actor_id")(subject))


def _by_visitor(requests: Any) -> Found:
    return and_(
        Entry.object_type == "SubjectRequest", Entry.actor_kind == "visitor", Entry.object_id.in_(requests)
    )  # fmt: skip


def _of_account(subject: Subject) -> Found:
    return and_(Entry.object_type == "User", Entry.object_id == str(subject.user_id))


def _of_membership(held: Any, called: Any) -> Found:
    return and_(
        Entry.object_type == "Membership",
        or_(Entry.object_id.in_(held), func.starts_with(Entry.object_name, called)),
    )


def _of_contact(subject: Subject) -> Found:
    if not subject.contact_ids:
        return false()
    ids = [str(each) for each in subject.contact_ids]
    return and_(Entry.object_type == "Contact", Entry.object_id.in_(ids))
