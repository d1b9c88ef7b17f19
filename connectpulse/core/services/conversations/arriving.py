"""A message arrives: its conversation is found or begun, opened again, and waits for an answer."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import text

from ...storage.models.conversation import DONE, OPEN
from ..work import Work


class Arrival(NamedTuple):
    """What arrived from whom. `is_owed` says whether anybody has to answer it: a wish to stop needs none."""

    organisation_id: int
    inbound_id: int
    contact_id: int | None
    scheme: str
    address: str
    received_at: datetime
    is_owed: bool


_STRANGER = "organisation_id = :organisation AND scheme = :scheme AND address = :address AND contact_id IS NULL"
_HAS_ONE = "EXISTS (SELECT 1 FROM pulse_thread WHERE contact_id = :contact)"
_ADOPT = f"UPDATE pulse_thread SET contact_id = :contact WHERE {_STRANGER} AND NOT {_HAS_ONE}"
_JOIN = f"DELETE FROM pulse_thread WHERE {_STRANGER} AND {_HAS_ONE} RETURNING waiting_since, unread"
_PUT = """
INSERT INTO pulse_thread AS t (organisation_id, contact_id, scheme, address, state, unread, waiting_since, last_id,
                               inbound_id)
VALUES (:organisation, :contact, :scheme, :address, :state, :unread, :since, :inbound, :inbound)
ON CONFLICT {of} DO UPDATE SET
    scheme = excluded.scheme, address = excluded.address,
    state = CASE WHEN excluded.state = 'open' THEN excluded.state ELSE t.state END,
    unread = t.unread + excluded.unread, waiting_since = coalesce(t.waiting_since, excluded.waiting_since),
    last_id = greatest(t.last_id, excluded.last_id), inbound_id = greatest(t.inbound_id, excluded.inbound_id)
"""
_OF_CONTACT = "(contact_id) WHERE contact_id IS NOT NULL"
_OF_STRANGER = "(organisation_id, scheme, address) WHERE contact_id IS NULL"


def take(work: Work, arrival: Arrival) -> None:
    """Give an inbound message its place in a conversation, in the transaction that keeps it.

    The conversation with a stranger becomes that of a contact as soon as the address is a contact's.
    """
    facts: dict[str, Any] = {
        "organisation": arrival.organisation_id, "contact": arrival.contact_id, "scheme": arrival.scheme,
        "address": arrival.address, "inbound": arrival.inbound_id, "state": OPEN if arrival.is_owed else DONE,
        "unread": int(arrival.is_owed), "since": arrival.received_at if arrival.is_owed else None,
    }  # fmt: skip
    if arrival.contact_id is not None:
        _adopt(work, facts)
    of = _OF_STRANGER if arrival.contact_id is None else _OF_CONTACT
    work.session.execute(text(_PUT.format(of=of)), facts)


def _adopt(work: Work, facts: dict[str, Any]) -> None:
    """Make a stranger's conversation the contact's, or let it end in the one the contact has."""
    work.session.execute(text(_ADOPT), facts)
    joined = work.session.execute(text(_JOIN), facts).one_or_none()
    if joined is not None and joined.waiting_since is not None:
        facts |= {"state": OPEN, "since": joined.waiting_since}
    if joined is not None:
        facts["unread"] += joined.unread
