"""Contacts, lists, fields and suppressions."""

from typing import Any, ClassVar

from flask import redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from sqlalchemy import ColumnElement, Select, func, or_, select

from ...core.domain import fields as field_rules
from ...core.domain.form import Field, Form, Kind
from ...core.errors import Refused
from ...core.services import addresses, consents, contacts, records, suppressions
from ...core.services.addresses import SCHEME_TITLES
from ...core.services.contacts import Person
from ...core.services.work import Work
from ...core.storage.models import ANY, Address, Consent, Contact, ContactList, CustomField, ListMember, Suppression
from .. import current
from ..security.roles import WRITE
from .cells import Column, Filter, Removal, badge, link
from .channels import channel_title
from .dates import moment
from .forms import row_number, with_choices
from .noun import NounView

_PURPOSES = ((ANY, "All"), ("promotional", "Promotional only"), ("transactional", "Transactional only"))

_ADDRESS_FIELDS = tuple(Field(f"address_{scheme}", title, group="Addresses") for scheme, title in SCHEME_TITLES.items())


class ContactView(NounView):
    model = Contact
    noun, plural, icon = "Contact", "Contacts", "fa-user"
    class_permission_name = "Contacts"
    route_base = "/contacts"
    empty_hint = "Contacts come from a file or are added one by one."
    has_page = True
    search_hint = "Name, phone number or e-mail address"
    columns = (
        Column("Name", lambda row: link(row.name or "—", "ContactView.show", pk=row.id)),
        Column("Addresses", lambda row: ", ".join(dict.fromkeys(each.value for each in row.addresses))),
        Column("State", lambda row: badge("restricted", "warn") if row.restricted_at else ""),
        Column("Added", lambda row: moment(row.created_at)),
    )
    include_route_methods: ClassVar[set[str]] = {*NounView.include_route_methods, "restrict"}
    form: ClassVar[Form] = (
        Field("name", "Name", high=200),
        *_ADDRESS_FIELDS,
        Field("timezone", "Time zone", help="Like Asia/Karachi; empty takes it from the phone number."),
        Field("lists", "Lists", Kind.PICKS, source="ContactListView", group="Lists"),
    )
    show_template = "pulse/contact.html"

    def select(self) -> Select[Any]:
        chosen = request.args.get("list", type=row_number)
        if chosen is None:
            return select(Contact)
        return select(Contact).where(Contact.id.in_(select(ListMember.contact_id).where(ListMember.list_id == chosen)))

    def search(self, words: str) -> ColumnElement[bool]:
        by_name = func.lower(Contact.name).startswith(words.lower(), autoescape=True)
        held = select(Address.contact_id).where(Address.scheme.in_(SCHEME_TITLES), Address.value.in_(meant(words)))
        return or_(by_name, Contact.id.in_(held))

    def prepare(self, work: Work, form: Form, row: Any | None) -> Form:
        custom = tuple(
            Field(f"field_{each.name}", each.label, group="Fields", help=field_rules.KINDS[each.kind])
            for each in work.session.scalars(select(CustomField).order_by(CustomField.id))
        )
        chosen = _lists_of(work, row.id) if row is not None else []
        return with_choices((*form[:-1], *custom, form[-1]), lists=[(each.id, each.name) for each in chosen])

    def values(self, work: Work, row: Any) -> dict[str, Any]:
        held = {f"address_{each.scheme}": each.value for each in reversed(row.addresses)}
        custom = {f"field_{name}": value for name, value in row.fields.items()}
        lists = [each.id for each in _lists_of(work, row.id)]
        return {"name": row.name, "timezone": row.timezone, "lists": lists, **held, **custom}

    def create(self, work: Work, values: dict[str, Any]) -> Any:
        return contacts.create(work, _person(values), values.get("lists") or ())

    def change(self, work: Work, row: Any, values: dict[str, Any]) -> Any:
        person = _person(values)
        shown = {each.id for each in row.addresses if values.get(f"address_{each.scheme}") == each.value}
        first = {each.scheme: each.id for each in reversed(row.addresses)}
        further = [(e.scheme, e.value) for e in row.addresses if e.id not in shown and first[e.scheme] != e.id]
        changed = contacts.change(
            work, row.id, Person(person.name, [*person.addresses, *further], person.fields, person.timezone)
        )
        _put_on_lists(work, row.id, set(values.get("lists") or ()))
        return changed

    def remove(self, work: Work, row: Any) -> None:
        contacts.remove(work, row.id)

    def details(self, work: Work, row: Any) -> list[tuple[str, Any]]:
        labels = dict(work.session.execute(select(CustomField.name, CustomField.label)).all())
        pairs: list[tuple[str, Any]] = [
            (SCHEME_TITLES.get(each.scheme, each.scheme), each.value) for each in row.addresses
        ]
        pairs += [(labels.get(name, name), value) for name, value in row.fields.items()]
        pairs += [("Time zone", row.timezone or "from the phone number")]
        pairs += [("Lists", ", ".join(each.name for each in _lists_of(work, row.id)) or "none")]
        pairs += [("Restricted", moment(row.restricted_at) if row.restricted_at else "no")]
        pairs += [("Suppressed", _told(each)) for each in suppressions.of_contact(work, row.id)]
        return pairs

    def _title(self, row: Any) -> str:
        return row.name or (row.addresses[0].value if row.addresses else "Contact")

    @expose("/restrict/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def restrict(self, pk: str) -> Any:
        """Stop messages to a contact, or allow them again."""
        is_restricted = request.form.get("restricted") == "yes"
        done = "No more messages go to this contact." if is_restricted else "This contact may be written to again."
        self.act(lambda work: contacts.restrict(work, self.find(work, pk).id, is_restricted), done)
        return redirect(url_for("ContactView.show", pk=pk))


def _told(suppression: Suppression) -> str:
    """Return what a suppression keeps from whom, and why."""
    where = "every channel" if suppression.channel == ANY else channel_title(suppression.channel)
    what = "all messages" if suppression.purpose == ANY else f"{suppression.purpose} messages"
    reason = suppressions.REASONS.get(suppression.reason, suppression.reason)
    return f"{suppression.value}: {what} on {where}. {reason}."


def meant(words: str) -> set[str]:
    """Return the addresses a person may mean by what they typed into a search."""
    here = current.organisation()
    found = {words}
    for scheme in SCHEME_TITLES:
        try:
            found.add(addresses.normalise(scheme, words, here.country if here is not None else "ZZ"))
        except Refused:
            continue
    return found


def _person(values: dict[str, Any]) -> Person:
    held = [(name.removeprefix("address_"), value or "") for name, value in values.items() if name[:8] == "address_"]
    custom = {name.removeprefix("field_"): value or "" for name, value in values.items() if name[:6] == "field_"}
    return Person(values["name"] or "", held, custom, values["timezone"] or "")


def _lists_of(work: Work, contact_id: int) -> list[ContactList]:
    statement = select(ContactList).join(ListMember, ListMember.list_id == ContactList.id)
    return list(work.session.scalars(statement.where(ListMember.contact_id == contact_id).limit(100)))


def _put_on_lists(work: Work, contact_id: int, wanted: set[int]) -> None:
    have = {each.id: each for each in _lists_of(work, contact_id)}
    for list_id in wanted - set(have):
        contacts.add_members(work, records.find(work, ContactList, list_id), [contact_id])
    for list_id in set(have) - wanted:
        contacts.remove_members(work, have[list_id], [contact_id])


class ContactListView(NounView):
    model = ContactList
    noun, plural, icon = "List", "Lists", "fa-list"
    class_permission_name = "Lists"
    route_base = "/lists"
    empty_hint = "A list is whom a campaign goes to. Import a file to fill one."
    search_hint = "Name"
    columns = (
        Column("Name", lambda row: link(row.name, "ContactListView.show", pk=row.id)),
        Column("Contacts", lambda row: f"{row.size:,}", is_number=True),
        Column("Description", lambda row: row.description),
        Column("Made", lambda row: moment(row.created_at)),
    )
    form: ClassVar[Form] = (
        Field("name", "Name", is_required=True, high=120),
        Field("description", "Description", high=500),
    )
    show_template = "pulse/contact_list.html"

    def create(self, work: Work, values: dict[str, Any]) -> Any:
        made = ContactList(name=values["name"], description=values["description"] or "")
        return records.create(work, made, "list.created")

    def change(self, work: Work, row: Any, values: dict[str, Any]) -> Any:
        row.name, row.description = values["name"], values["description"] or ""
        return records.update(work, row, "list.updated")

    def remove(self, work: Work, row: Any) -> None:
        contacts.remove_list(work, row.id)

    def details(self, work: Work, row: Any) -> list[tuple[str, Any]]:
        return [("Contacts", f"{row.size:,}"), ("Description", row.description), ("Made", moment(row.created_at))]

    def option(self, row: Any) -> str:
        return f"{row.name} ({row.size:,})"


class CustomFieldView(NounView):
    model = CustomField
    noun, plural, icon = "Field", "Fields", "fa-tags"
    class_permission_name = "Fields"
    route_base = "/fields"
    empty_hint = "Fields are what templates fill in, like a city or a balance. An import can make them too."
    columns = (
        Column("Label", lambda row: row.label),
        Column("In templates", lambda row: f"{{{{ {row.name} }}}}"),
        Column("Kind", lambda row: field_rules.KINDS.get(row.kind, row.kind)),
    )
    form: ClassVar[Form] = (
        Field("label", "Label", is_required=True, high=120),
        Field("kind", "Kind", Kind.CHOICE, default="text", choices=tuple(field_rules.KINDS.items())),
    )

    def create(self, work: Work, values: dict[str, Any]) -> Any:
        return contacts.create_field(work, values["label"], values["kind"])

    def change(self, work: Work, row: Any, values: dict[str, Any]) -> Any:
        row.label, row.kind = values["label"], values["kind"]
        return records.update(work, row, "field.updated")

    def remove(self, work: Work, row: Any) -> None:
        records.delete(work, row, "field.deleted")

    def _title(self, row: Any) -> str:
        return str(row.label)


_SCOPE: Form = (
    Field("scheme", "Kind of address", Kind.CHOICE, default="phone", choices=tuple(SCHEME_TITLES.items())),
    Field("value", "Address", is_required=True, high=320),
    Field("channel", "Channel", Kind.CHOICE, default=ANY),
    Field("purpose", "Purpose", Kind.CHOICE, default=ANY, choices=_PURPOSES),
)


class AddressRuleView(NounView):
    """The base of pages about what holds for an address, on one channel and purpose or on any."""

    search_hint = "Phone number or e-mail address"

    def search(self, words: str) -> ColumnElement[bool]:
        found: ColumnElement[bool] = self.model.scheme.in_(SCHEME_TITLES) & self.model.value.in_(meant(words))
        return found

    def prepare(self, work: Work, form: Form, row: Any | None) -> Form:
        channels = [(name, channel.title) for name, channel in work.registry.channels.items()]
        if row is not None:
            form = tuple(each for each in form if each.name not in ("scheme", "value"))
        return with_choices(form, channel=[(ANY, "All channels"), *channels])

    def _title(self, row: Any) -> str:
        return str(row.value)


_REACH = (
    Column("Address", lambda row: row.value),
    Column("Kind", lambda row: SCHEME_TITLES.get(row.scheme, row.scheme)),
    Column("Channel", lambda row: "All" if row.channel == ANY else channel_title(row.channel)),
    Column("Purpose", lambda row: dict(_PURPOSES).get(row.purpose, row.purpose)),
)


class ContactConsentView(AddressRuleView):
    model = Consent
    noun, plural, icon = "Consent", "Consents", "fa-handshake"
    class_permission_name = "Consents"
    route_base = "/consents"
    empty_hint = "Who agreed to be written to is kept here, with how you know. Imports add what their file says."
    add_label = "Write down a consent"
    removal = Removal(
        "Withdraw", "withdrawn", "The address will be suppressed: nothing this consent was for is sent to it any more."
    )
    columns = (
        *_REACH,
        Column("Evidence", lambda row: row.evidence),
        Column("Since", lambda row: moment(row.created_at)),
    )
    filters = (Filter("purpose", "Purpose", _PURPOSES, lambda value: Consent.purpose == value),)
    form: ClassVar[Form] = (
        *_SCOPE,
        Field("evidence", "Evidence", Kind.LONG_TEXT, is_required=True, high=consents.LONGEST,
              help="How you know: a form and its date, a contract, a recorded call."),
    )  # fmt: skip

    def create(self, work: Work, values: dict[str, Any]) -> Any:
        return consents.give(
            work, values["scheme"], values["value"], values["channel"], values["purpose"], values["evidence"]
        )

    def change(self, work: Work, row: Any, values: dict[str, Any]) -> Any:
        return consents.change(work, row.id, values["channel"], values["purpose"], values["evidence"])

    def remove(self, work: Work, row: Any) -> None:
        consents.withdraw(work, row.id)


class SuppressionView(AddressRuleView):
    model = Suppression
    noun, plural, icon = "Suppression", "Suppressions", "fa-ban"
    class_permission_name = "Suppressions"
    route_base = "/suppressions"
    empty_hint = "Whoever asks to stop, complains or does not exist is kept here and never written to."
    add_label = "Suppress an address"
    removal = Removal("Lift", "lifted", "The address may then be written to again: be sure its owner wants that.")
    columns = (
        *_REACH,
        Column("Reason", lambda row: suppressions.REASONS.get(row.reason, row.reason)),
        Column("Source", lambda row: row.source),
        Column("Since", lambda row: moment(row.created_at)),
    )
    filters = (
        Filter("reason", "Reason", tuple(suppressions.REASONS.items()), lambda value: Suppression.reason == value),
    )
    form: ClassVar[Form] = (
        *_SCOPE,
        Field("reason", "Reason", Kind.CHOICE, default="operator", choices=tuple(suppressions.REASONS.items())),
    )  # fmt: skip

    def create(self, work: Work, values: dict[str, Any]) -> Any:
        is_new = suppressions.add_by_hand(
            work, values["scheme"], values["value"], values["channel"], values["purpose"], values["reason"]
        )
        if not is_new:
            raise Refused("This address is suppressed like this already.")
        return None

    def change(self, work: Work, row: Any, values: dict[str, Any]) -> Any:
        return suppressions.change(work, row.id, values["channel"], values["purpose"], values["reason"])

    def remove(self, work: Work, row: Any) -> None:
        suppressions.lift(work, row.id)
