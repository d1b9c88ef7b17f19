"""Everything that is one person's: addresses, contacts and account, closed over each other.

An address leads to the contacts that have it or had it (messages and replies remember), a contact to its other
addresses, an address to the account with it, an account to its own. Repeated until nothing is new. Each round
costs a handful of index probes per address; people have few.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import func, select, tuple_

from ...domain.retention import Subject
from ...storage import guard
from ...storage import models as m
from ...storage.base import Table
from .. import subjects
from ..work import Work

Address = tuple[str, str]
MOST_ROUNDS = 8
_TWINS = {"phone": "whatsapp", "whatsapp": "phone"}
"""A WhatsApp id is a phone number, and its person the same."""


class Found(NamedTuple):
    """A person as the subject of a request, and why an account of theirs is left out, if it is."""

    subject: Subject
    left_out: str = ""


def find(work: Work, addresses: Iterable[Address], organisation_id: int | None) -> Found:
    """Return who an address belongs to, in one organisation or (None) on the whole platform.

    Across the platform the caller holds a scope for it (`audit.crossing`).
    """
    known = {twin for each in addresses for twin in _twins(each)}
    contacts: set[int] = set()
    user_id: int | None = None
    for _ in range(MOST_ROUNDS):
        before = (len(known), len(contacts), user_id)
        contacts |= _contacts(work, known, organisation_id)
        known |= {twin for each in _addresses(work, contacts, organisation_id) for twin in _twins(each)}
        user_id = user_id or _user(work, known)
        known |= _of_user(work, user_id)
        if before == (len(known), len(contacts), user_id):
            break
    left_out = ""
    if user_id is not None and organisation_id is not None and not _is_only_here(work, user_id, organisation_id):
        user_id, left_out = None, "The person has an account with the platform; that is a request to the platform."
    return Found(_subject(work, organisation_id, known, contacts, user_id), left_out)


def _subject(
    work: Work, organisation_id: int | None, known: set[Address], contacts: set[int], user_id: int | None
) -> Subject:
    """Return the person with everything that archives are asked by, while the tables still tell."""
    user = work.session.get(account_model(), user_id) if user_id else None
    name = user.get_full_name().strip() if user is not None else ""
    places = _places(work, user_id)
    return Subject(
        organisation_id, tuple(sorted(known)), tuple(sorted(contacts)), user_id, (name,) if name else (),
        _requests(work, known, organisation_id), tuple(each for each, _ in places),
        tuple(sorted({home for _, home in places})), user.username if user is not None else "",
    )  # fmt: skip


def _twins(address: Address) -> list[Address]:
    scheme, value = address
    if scheme == "email":
        return [address, (scheme, value.lower())]
    twin = _TWINS.get(scheme)
    return [address, (twin, value)] if twin and value.startswith("+") else [address]


def _contacts(work: Work, known: set[Address], organisation_id: int | None) -> set[int]:
    values = [value for _, value in known]
    pairs = list(known)
    if not pairs:
        return set()
    found: set[int] = set()
    held = select(m.Address.contact_id).where(tuple_(m.Address.scheme, m.Address.value).in_(pairs))
    found |= _ids(work, m.Address, held, organisation_id)
    for table in (m.Message, m.InboundMessage):
        wrote = select(table.contact_id).where(table.address.in_(values), table.contact_id.is_not(None)).distinct()
        found |= _ids(work, table, wrote, organisation_id)
    return found


def _ids(work: Work, table: Any, statement: Any, organisation_id: int | None) -> set[int]:
    if organisation_id is not None:
        statement = statement.where(table.organisation_id == organisation_id)
    else:
        statement = statement.where(subjects.anywhere(table, Subject(None)))
    return set(work.session.scalars(statement))


def _addresses(work: Work, contacts: set[int], organisation_id: int | None) -> set[Address]:
    if not contacts:
        return set()
    rows = select(m.Address.scheme, m.Address.value).where(m.Address.contact_id.in_(contacts))
    if organisation_id is not None:
        rows = rows.where(m.Address.organisation_id == organisation_id)
    return {(row[0], row[1]) for row in work.session.execute(rows)}


def account_model() -> Any:
    """Return the mapped class of accounts, which is Flask-AppBuilder's."""
    return next(each.class_ for each in Table.registry.mappers if each.class_.__tablename__ == "ab_user")


def _user(work: Work, known: set[Address]) -> int | None:
    mails = sorted({value.lower() for scheme, value in known if scheme == "email"})
    if not mails:
        return None
    user = account_model()
    found: int | None = work.session.scalar(
        select(user.id).where(func.lower(user.email).in_(mails)).order_by(user.id).limit(1)
    )
    return found


def _of_user(work: Work, user_id: int | None) -> set[Address]:
    user = account_model()
    mail = work.session.scalar(select(user.email).where(user.id == user_id)) if user_id else None
    return {("email", mail), ("email", mail.lower())} if mail and "@" in mail else set()


def _requests(work: Work, known: set[Address], organisation_id: int | None) -> tuple[int, ...]:
    """Return the numbers of the person's requests about their data."""
    theirs = select(m.SubjectRequest.id).where(m.SubjectRequest.address.in_([value for _, value in known]))
    if organisation_id is not None:
        theirs = theirs.where(m.SubjectRequest.organisation_id == organisation_id)
    return tuple(work.session.scalars(theirs.order_by(m.SubjectRequest.id)))


def _places(work: Work, user_id: int | None) -> list[tuple[int, int]]:
    """Return the account's memberships and their organisations."""
    if user_id is None:
        return []
    rows = select(m.Membership.id, m.Membership.organisation_id).where(m.Membership.user_id == user_id)
    with guard.platform_scope(work.session, "see whose an account is"):
        return [(row[0], row[1]) for row in work.session.execute(rows.order_by(m.Membership.id))]


def _is_only_here(work: Work, user_id: int, organisation_id: int) -> bool:
    """Return whether an account belongs to one organisation alone, so that this one may decide about it."""
    with guard.platform_scope(work.session, "see whose an account is"):
        homes = set(work.session.scalars(select(m.Membership.organisation_id).where(m.Membership.user_id == user_id)))
        user = work.session.get(account_model(), user_id)
        return homes == {organisation_id} and not (user is not None and user.roles)
