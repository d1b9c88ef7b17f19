"""The action log: with the act or not at all, without what must not be shown, for those whom it concerns."""

from typing import Any

import pytest
from sqlalchemy import select

from connectpulse.core.domain.retention import Subject
from connectpulse.core.errors import NotFound, Refused
from connectpulse.core.services import audit, contacts, records
from connectpulse.core.services.work import Work
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import AuditEntry, Connection, ContactList, Membership, Organisation
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.web.security import accounts, roles
from connectpulse.web.security.accounts import Account


def entries(work: Work) -> list[AuditEntry]:
    return list(work.session.scalars(select(AuditEntry).order_by(AuditEntry.id)))


def test_an_act_has_an_actor_a_verb_and_an_object(work: Work) -> None:
    made = records.create(work, ContactList(name="All"), "list.created")
    entry = entries(work)[0]
    assert (entry.actor_kind, entry.actor_id, entry.actor_name) == ("user", 1, ADMINISTRATOR.name)
    assert (entry.verb, entry.object_type, entry.object_id, entry.object_name) == (
        "list.created", "ContactList", str(made.id), "All",
    )  # fmt: skip


def test_a_change_is_written_down_as_before_and_after(work: Work) -> None:
    made = records.create(work, ContactList(name="All"), "list.created")
    made.name = "Everybody"
    records.update(work, made, "list.updated")
    assert entries(work)[-1].detail == {"changes": {"name": ["All", "Everybody"]}}


def test_no_change_is_no_act(work: Work) -> None:
    made = records.create(work, ContactList(name="All"), "list.created")
    made.name = "All"
    records.update(work, made, "list.updated")
    assert len(entries(work)) == 1


def test_neither_is_there_without_the_other(house: House, organisation: int) -> None:
    def twice() -> None:
        with house.work(ADMINISTRATOR, organisation) as work:
            records.create(work, ContactList(name="All"), "list.created")
            records.create(work, ContactList(name="All"), "list.created")

    with pytest.raises(Refused):
        twice()
    with house.work(ADMINISTRATOR, organisation) as work:
        assert entries(work) == []
        assert work.session.scalars(select(ContactList)).all() == []


def test_a_verb_nobody_declared_is_refused(work: Work) -> None:
    with pytest.raises(NotFound):
        records.create(work, ContactList(name="All"), "list.painted")


def test_a_person_is_not_named(work: Work) -> None:
    contacts.create_field(work, "Town")
    made = factories.contact(work, "+923001234567", "Bilal Ahmed", town="Multan")
    contacts.change(work, made.id, contacts.Person("Bilal Khan", [("phone", "+923007654321")], {"town": "Quetta"}))
    contacts.restrict(work, made.id, True)
    contacts.remove(work, made.id)
    told = [f"{entry.object_name} {entry.detail}" for entry in entries(work) if entry.object_type == "Contact"]
    assert len(told) == 4
    words = ("Bilal", "Ahmed", "Khan", "Multan", "Quetta", "300")
    assert not [each for each in told if any(word in each for word in words)]


def member(work: Work, name: str) -> Membership:
    account = Account(name, f"{name}@example.org", name.capitalize(), "")
    return accounts.join(work, accounts.create(work, account, "correct-horse-battery"), roles.ANALYST)


def test_an_account_is_found_and_forgotten_in_what_was_done_to_its_memberships(work: Work, organisation: int) -> None:
    member(work, "amina")  # the actor's own, whom nobody may touch
    held, gone = member(work, "zara"), member(work, "omar")
    accounts.change_role(work, held, roles.APPROVER)
    accounts.leave(work, gone)
    handler = work.registry.subjects["pulse_audit"]
    for user_id, name, count in ((held.user_id, "zara", 3), (gone.user_id, "omar", 3)):
        person = Subject(organisation, user_id=user_id)
        found = [row["object_name"] for row in handler.find(work, person)]
        assert len(found) == count
        assert all(each.startswith(name) for each in found)
        assert handler.erase(work, person) == count
        work.session.expire_all()
        assert not [each for each in entries(work) if name in f"{each.object_name}{each.detail}"]


@pytest.mark.parametrize("secrets", [{"password": "mirpurkhas"}])
def test_a_secret_is_recorded_as_changed_and_not_shown(house: House, secrets: dict[str, Any]) -> None:
    with house.work(ADMINISTRATOR) as work:
        row = Connection(
            name="Post", channel="sms", provider="smpp", token="t", settings={}, secrets={"password": "old"}
        )
        records.create(work, row, "connection.created")
        row.secrets = secrets
        records.update(work, row, "connection.updated")
        with guard.platform_scope(work.session, "test"):
            assert entries(work)[-1].detail == {"changes": {"secrets": [audit.HIDDEN, audit.HIDDEN]}}


def test_what_the_platform_does_to_an_organisation_is_read_there(house: House, organisation: int) -> None:
    with house.work(ADMINISTRATOR, organisation) as work:
        made = records.create(work, ContactList(name="All"), "list.created")
    with house.work(ADMINISTRATOR) as work, audit.crossing(work, "a look at a complaint"):
        row = records.find(work, ContactList, made.id)
        row.description = "Complained about"
        records.update(work, row, "list.updated")
    with house.work(ADMINISTRATOR, organisation) as work:
        assert [entry.verb for entry in entries(work)] == ["list.created", "list.updated"]
    with house.work(ADMINISTRATOR) as work, guard.platform_scope(work.session, "test"):
        crossed = next(entry for entry in entries(work) if entry.verb == "platform.crossed")
        assert crossed.detail == {"reason": "a look at a complaint"}


def test_refusals_of_the_database_are_plain_sentences(house: House, organisation: int) -> None:
    with house.work(ADMINISTRATOR) as work, pytest.raises(Refused, match="This organisation lacks country"):
        records.create(work, Organisation(name="Acme", timezone="UTC"), "organisation.created")
    with house.work(ADMINISTRATOR, organisation) as work, pytest.raises(NotFound, match="There is no contact list 99"):
        records.find(work, ContactList, 99)
