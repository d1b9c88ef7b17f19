"""Small, real objects for tests and trials, made through the services like everybody else's."""

from collections.abc import Sequence
from itertools import count

from sqlalchemy import select

from connectpulse.core.services import contacts, furnishing, records
from connectpulse.core.services.contacts import Person
from connectpulse.core.services.work import Actor, Work
from connectpulse.core.storage.models import AuditEntry, Contact, ContactList, Organisation
from connectpulse.house import House

ADMINISTRATOR = Actor("user", "Amina Administrator", 1)
_numbers = count(1)


def organisation(
    house: House, name: str = "", country: str = "PK", timezone: str = "Asia/Karachi", *, is_furnished: bool = True
) -> int:
    """Create an organisation with what a trial needs, like units where they are metered; return its id.

    One that is not furnished has nothing at all: not even the entries that units leave in the action log.
    """
    with house.work(ADMINISTRATOR) as work:
        row = Organisation(name=name or f"Organisation {next(_numbers)}", country=country, timezone=timezone)
        made = records.create(work, row, "organisation.created").id
        if is_furnished:
            furnishing.furnish(work, made)
        return made


def verbs(work: Work) -> list[str]:
    """Return the verbs of the action log that `work` can read, its own included, the oldest first."""
    return list(work.session.scalars(select(AuditEntry.verb).order_by(AuditEntry.id)))


def contact(work: Work, phone: str, name: str = "", **fields: str) -> Contact:
    """Create a contact with a phone number."""
    return contacts.create(work, Person(name, [("phone", phone)], fields))


def contact_list(work: Work, name: str = "", members: Sequence[Contact] = ()) -> ContactList:
    """Create a list with these contacts on it."""
    made = records.create(work, ContactList(name=name or f"List {next(_numbers)}"), "list.created")
    contacts.add_members(work, made, [member.id for member in members])
    return made
