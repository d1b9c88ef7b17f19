"""Conversations as work: whose they are, whether they are done, and who was quicker."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import and_, or_, select, text, tuple_, update

from ...errors import Refused
from ...storage import ids
from ...storage.models import Address, Contact, Thread
from ...storage.models.conversation import DONE, OPEN
from .. import audit, records
from ..work import Work

MOST_ADDRESSES = 20
MOST_MEMBERS = 500
_JUST_NOW = timedelta(minutes=2)


class Party(NamedTuple):
    """Whom a conversation is with: a contact with all addresses, or an address that is nobody's."""

    contact: Contact | None
    addresses: Sequence[tuple[str, str]]

    @property
    def name(self) -> str:
        """How the person is called; the first address where no name is known, empty where nothing is."""
        named = self.contact.name if self.contact is not None else ""
        return named or (self.addresses[0][1] if self.addresses else "")

    @property
    def values(self) -> dict[str, str]:
        """What texts may substitute; nothing for a stranger."""
        if self.contact is None:
            return {}
        name = self.contact.name
        return {**self.contact.fields, "name": name, "first_name": name.partition(" ")[0]}


class Member(NamedTuple):
    """Somebody of the organisation who may be given a conversation."""

    user_id: int
    name: str
    role: str


def find(work: Work, thread_id: int, *, lock: bool = False) -> Thread:
    """Return a conversation of the work's organisation; raise NotFound otherwise."""
    return records.find(work, Thread, thread_id, lock=lock)


def of_contact(work: Work, contact: Contact) -> Thread | None:
    """Return the conversation with a contact, or the last one with an address of theirs; None where there is none."""
    held = [(each.scheme, each.value) for each in contact.addresses]
    strangers = and_(Thread.contact_id.is_(None), tuple_(Thread.scheme, Thread.address).in_(held))
    wanted = select(Thread).where(or_(Thread.contact_id == contact.id, strangers))
    return work.session.scalars(wanted.order_by(Thread.contact_id, Thread.last_id.desc()).limit(1)).first()


def party(work: Work, thread: Thread) -> Party:
    """Return whom a conversation is with; a stranger whose address is a contact's by now is that contact."""
    contact_id = thread.contact_id or work.session.scalar(
        select(Address.contact_id).where(Address.scheme == thread.scheme, Address.value == thread.address)
    )
    contact = work.session.get(Contact, contact_id) if contact_id is not None else None
    return party_of(contact, (thread.scheme, thread.address))


def party_of(contact: Contact | None, last: tuple[str, str] | None = None) -> Party:
    """Return a contact with its addresses, or a stranger; `last`, where it wrote from, comes first.

    An address that the contact has no more may be somebody else's by now: it is not among them.
    """
    if contact is None:
        return Party(None, [last] if last else [])
    held = [(each.scheme, each.value) for each in contact.addresses]
    return Party(contact, sorted(held, key=lambda each: each != last)[:MOST_ADDRESSES])


def begin(work: Work, contact_id: int) -> Thread:
    """Return the conversation with a contact, begun now where there is none; raise Refused without an address."""
    contact = records.find(work, Contact, contact_id, lock=True)
    there = of_contact(work, contact)
    if there is not None:
        return there
    if not contact.addresses:
        raise Refused("This contact has no address to write to.")
    first = contact.addresses[0]
    made = Thread(
        contact_id=contact.id, scheme=first.scheme, address=first.value, state=OPEN,
        last_id=ids.blocks(work.session.connection(), 1)[0],
    )  # fmt: skip
    return records.create(work, made, "thread.begun")


def see(work: Work, thread_id: int) -> None:
    """Note that somebody of the organisation looked: nothing in this conversation is unread any more."""
    thread = find(work, thread_id, lock=True)
    if thread.unread:
        thread.unread = 0
        work.session.flush()
        audit.record(work, "thread.seen", thread)


def assign(work: Work, thread_id: int, user_id: int | None, was: int | None) -> Thread:
    """Give a conversation to a member, or to nobody. `was` is whose it was when that was decided.

    Raises Refused if somebody else was quicker, and for who is no member.
    """
    thread = find(work, thread_id, lock=True)
    if thread.assigned_to == user_id:
        return thread
    if thread.assigned_to != was:
        who = name_of(work, thread.assigned_to)
        raise Refused(f"{who} took this conversation in the meantime." if who else "It was given back meanwhile.")
    if user_id is not None and user_id not in {each.user_id for each in members(work)}:
        raise Refused("Choose a member of the organisation.")
    thread.assigned_to = user_id
    work.session.flush()
    audit.record(work, "thread.assigned", thread, to=user_id)
    return thread


def release(work: Work, user_id: int) -> None:
    """Give the conversations of somebody who leaves the organisation to nobody."""
    work.session.execute(
        update(Thread)
        .where(Thread.organisation_id == work.organisation_id, Thread.assigned_to == user_id)
        .values(assigned_to=None)
    )


def finish(work: Work, thread_id: int, seen: int | None = None) -> Thread:
    """Mark a conversation as done; what the person writes next opens it again.

    `seen` is the last thing whoever decided had read; raises Refused if more came since.
    """
    thread = find(work, thread_id, lock=True)
    check_seen(work, thread, seen)
    if thread.state != DONE:
        thread.state, thread.unread, thread.waiting_since = DONE, 0, None
        work.session.flush()
        audit.record(work, "thread.done", thread)
    return thread


def reopen(work: Work, thread_id: int) -> Thread:
    """Take a conversation up again."""
    thread = find(work, thread_id, lock=True)
    if thread.state != OPEN:
        thread.state = OPEN
        work.session.flush()
        audit.record(work, "thread.reopened", thread)
    return thread


def check_seen(work: Work, thread: Thread, seen: int | None) -> None:
    """Raise Refused, saying who was quicker, if there is more than what was seen; None has seen everything."""
    if seen is None or thread.last_id <= seen:
        return
    if thread.answer_id is not None and thread.answer_id > seen:
        who = name_of(work, thread.answered_by) or "A program"
        is_own = work.actor.kind == "user" and work.actor.id == thread.answered_by
        raise Refused(
            f"{'You' if is_own else who} answered {_ago(work.clock(), thread.answer_id)}. Read that first, "
            "then decide whether more is needed."
        )
    raise Refused(f"They wrote again {_ago(work.clock(), thread.last_id)}. Read that first.")


def _ago(now: datetime, id: int) -> str:
    since = now - ids.moment(id)
    return "a moment ago" if since < _JUST_NOW else f"{since // timedelta(minutes=1)} minutes ago"


def members(work: Work) -> list[Member]:
    """Return the active members of the organisation, with their roles, in order of their names."""
    rows = work.session.execute(
        text(
            "SELECT u.id, btrim(u.first_name || ' ' || u.last_name), m.role FROM pulse_membership m "
            "JOIN ab_user u ON u.id = m.user_id WHERE m.organisation_id = :organisation AND u.active "
            "ORDER BY 2, 1 LIMIT :most"
        ),
        {"organisation": work.organisation_id, "most": MOST_MEMBERS},
    )
    return [Member(*row) for row in rows]


def name_of(work: Work, user_id: int | None) -> str:
    """Return how an account is called, empty where it is gone or none is meant."""
    found: Any = user_id and work.session.scalar(
        text("SELECT btrim(first_name || ' ' || last_name) FROM ab_user WHERE id = :id"), {"id": user_id}
    )
    return str(found or "")
