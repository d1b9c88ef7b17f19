"""Contacts, the fields they have and the lists they are on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, literal, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from ..domain import fields as field_rules
from ..domain.campaign import CampaignState
from ..domain.windows import find_zone
from ..errors import Refused
from ..storage.models import (
    Address,
    Campaign,
    CampaignList,
    Contact,
    ContactList,
    CustomField,
    ListMember,
    Organisation,
)
from . import addresses, audit, erased, records
from .work import Work


@dataclass(frozen=True, slots=True)
class Person:
    """What a form or an API call says about a contact: raw addresses by scheme, field values by name."""

    name: str
    addresses: Sequence[tuple[str, str]]
    fields: Mapping[str, str]
    timezone: str = ""


def field_kinds(work: Work) -> dict[str, str]:
    """Return the organisation's custom fields as name -> kind."""
    rows = work.session.execute(select(CustomField.name, CustomField.kind).order_by(CustomField.id))
    return {name: kind for name, kind in rows}


def known_names(work: Work) -> frozenset[str]:
    """Return every name a template of this organisation may substitute."""
    return frozenset(field_kinds(work)) | frozenset(field_rules.BUILT_IN)


def region(work: Work) -> str:
    """Return the country whose conventions read the organisation's local numbers."""
    country = work.session.scalar(select(Organisation.country).where(Organisation.id == work.organisation_id))
    return country or "ZZ"


def create(work: Work, person: Person, list_ids: Iterable[int] = ()) -> Contact:
    """Add a contact; raise Refused with every fault, or if an address is another contact's."""
    contact = Contact()
    _write(work, contact, person)
    if not contact.addresses:
        raise Refused("A contact needs at least one address.")
    records.create(work, contact, "contact.created")
    for list_id in list_ids:
        add_members(work, records.find(work, ContactList, list_id), [contact.id])
    return contact


def change(work: Work, contact_id: int, person: Person) -> Contact:
    """Replace what is known about a contact; its lists stay."""
    contact = records.find(work, Contact, contact_id, lock=True)
    before = {(each.scheme, each.value) for each in contact.addresses}
    _write(work, contact, person)
    after = {(each.scheme, each.value) for each in contact.addresses}
    if before != after:
        on = select(ListMember.list_id).where(ListMember.contact_id == contact_id)
        work.session.execute(update(ContactList).where(ContactList.id.in_(on)).values(changes=ContactList.changes + 1))
    return records.update(work, contact, "contact.updated", **({"addresses": "changed"} if before != after else {}))


def remove(work: Work, contact_id: int) -> None:
    """Delete a contact with its addresses and memberships; what was sent to it stays in the message log."""
    contact = records.find(work, Contact, contact_id, lock=True)
    lists = work.session.scalars(select(ListMember.list_id).where(ListMember.contact_id == contact_id)).all()
    work.session.execute(
        update(ContactList)
        .where(ContactList.id.in_(lists))
        .values(size=ContactList.size - 1, changes=ContactList.changes + 1)
    )
    records.delete(work, contact, "contact.deleted")


def restrict(work: Work, contact_id: int, is_restricted: bool) -> None:
    """Stop all messages to a contact, running campaigns included, or allow them again."""
    contact = records.find(work, Contact, contact_id, lock=True)
    if (contact.restricted_at is not None) == is_restricted:
        return
    contact.restricted_at = work.clock() if is_restricted else None
    work.session.flush()
    audit.record(work, "contact.restricted" if is_restricted else "contact.unrestricted", contact)


def add_members(work: Work, contact_list: ContactList, contact_ids: Sequence[int]) -> int:
    """Put contacts of the list's organisation on it, and nobody else's; return how many were not on it yet."""
    own = select(Contact.organisation_id, literal(contact_list.id), Contact.id).where(
        Contact.id.in_(contact_ids), Contact.organisation_id == contact_list.organisation_id
    )
    statement = (
        upsert(ListMember)
        .from_select(["organisation_id", "list_id", "contact_id"], own)
        .on_conflict_do_nothing()
        .returning(ListMember.contact_id)
    )
    added = len(work.session.execute(statement).all())
    _resize(work, contact_list, added)
    return added


def remove_members(work: Work, contact_list: ContactList, contact_ids: Sequence[int]) -> int:
    """Take contacts off a list; return how many were on it."""
    statement = (
        delete(ListMember)
        .where(ListMember.list_id == contact_list.id, ListMember.contact_id.in_(contact_ids))
        .returning(ListMember.contact_id)
    )
    removed = len(work.session.execute(statement).all())
    _resize(work, contact_list, -removed)
    return removed


def remove_list(work: Work, list_id: int) -> None:
    """Delete a list; raise Refused with the campaigns that go to it, or spare its members, and are not over."""
    row = records.find(work, ContactList, list_id, lock=True)
    users = work.session.scalars(
        select(Campaign.name)
        .join(CampaignList, CampaignList.campaign_id == Campaign.id)
        .where(CampaignList.list_id == row.id, Campaign.state.not_in([each for each in CampaignState if each.is_over]))
        .order_by(Campaign.name)
        .limit(5)
    ).all()
    if users:
        named = ", ".join(users)
        raise Refused(f"{row.name} is used by campaigns that are not over: {named}. Take it out there first.")
    records.delete(work, row, "list.deleted")


def _resize(work: Work, contact_list: ContactList, by: int) -> None:
    if by:
        work.session.execute(
            update(ContactList)
            .where(ContactList.id == contact_list.id)
            .values(size=ContactList.size + by, changes=ContactList.changes + 1)
        )
        audit.record(work, "list.members_changed", contact_list, by=by)


def create_field(work: Work, label: str, kind: str = "text", name: str = "") -> CustomField:
    """Add a custom field; its name is made from the label where none is given."""
    name = name or field_rules.name_from_label(label)
    field_rules.check_name(name)
    if kind not in field_rules.KINDS:
        raise Refused(f"{kind!r} is not a kind of field.")
    return records.create(work, CustomField(name=name, label=label, kind=kind), "field.created")


def _write(work: Work, contact: Contact, person: Person) -> None:
    faults: list[str] = []
    kinds = field_kinds(work)
    values: dict[str, str] = {}
    for name, value in person.fields.items():
        try:
            values[name] = field_rules.canonical(kinds[name], value)
        except KeyError:
            faults.append(f"{name} is not a field of your contacts.")
        except ValueError as error:
            faults.append(f"{name}: {value[:40]!r} {error}.")
    wanted = _canonical_addresses(person.addresses, region(work), faults)
    if person.timezone:
        find_zone(person.timezone)
    if faults:
        raise Refused(*faults)
    contact.name = person.name.strip()[:200]
    contact.fields = {name: value for name, value in values.items() if value}
    contact.timezone = person.timezone or None
    _put_addresses(work, contact, wanted)


def _canonical_addresses(raw: Sequence[tuple[str, str]], country: str, faults: list[str]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for scheme, value in raw:
        if not value.strip():
            continue
        try:
            address = (scheme, addresses.normalise(scheme, value, country))
        except Refused as error:
            faults.append(str(error))
        else:
            if address not in found:
                found.append(address)
    return found


def _put_addresses(work: Work, contact: Contact, wanted: list[tuple[str, str]]) -> None:
    for scheme, value in wanted:
        with work.session.no_autoflush:
            holder = work.session.scalar(
                select(Address.contact_id).where(Address.scheme == scheme, Address.value == value)
            )
        if holder is not None and holder != contact.id:
            raise Refused(f"{value} belongs to another contact already.")
    have = {(each.scheme, each.value): each for each in contact.addresses}
    contact.addresses = [
        have.get(address) or Address(scheme=address[0], value=address[1], organisation_id=work.organisation_id)
        for address in wanted
    ]
    for position, address in enumerate(contact.addresses):
        address.position = position
    erased.meet(work, work.organisation_id, wanted)
