"""The tenant guard where tables meet: joins, lazy loads, stamps, and scopes within scopes."""

from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import joinedload

from connectpulse.core.services import contacts
from connectpulse.core.storage import guard
from connectpulse.core.storage.guard import CrossTenant, TenantRequired
from connectpulse.core.storage.models import Address, Contact, ContactList, ListMember
from connectpulse.house import House
from connectpulse.testing import factories


@pytest.fixture
def stranger(house: House) -> int:
    """The id of a contact of another organisation, who is on a list there."""
    with house.work(factories.ADMINISTRATOR, factories.organisation(house)) as work:
        made = factories.contact(work, "+923001234567", "Bilal")
        factories.contact_list(work, "Theirs", [made])
        return made.id


def test_rows_are_stamped_with_the_organisation(house: House, organisation: int) -> None:
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        made = ContactList(name="All")
        work.session.add(made)
        work.session.flush()
        assert made.organisation_id == organisation


def test_a_join_does_not_reach_over_the_wall(house: House, organisation: int, stranger: int) -> None:
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        session = work.session
        assert session.get(Contact, stranger) is None
        assert session.execute(select(Contact, Address).join(Address)).all() == []
        members = select(ListMember.contact_id).join(ContactList, ContactList.id == ListMember.list_id)
        assert session.execute(members).all() == []
        assert session.scalars(select(Contact).options(joinedload(Contact.addresses))).unique().all() == []


def test_a_row_carried_over_the_wall_shows_nothing_of_the_other_side(
    house: House, organisation: int, stranger: int
) -> None:
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        with guard.platform_scope(work.session, "test"):
            theirs = work.session.get(Contact, stranger)
        assert theirs is not None
        work.session.expire(theirs, ["addresses"])
        assert theirs.addresses == []


def test_another_organisations_row_is_not_changed_or_deleted(house: House, organisation: int, stranger: int) -> None:
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        with guard.platform_scope(work.session, "test"):
            theirs = work.session.get(Contact, stranger)
        assert theirs is not None
        theirs.name = "Mine"
        with pytest.raises(CrossTenant):
            work.session.flush()
        work.session.rollback()
        work.session.delete(theirs)
        with pytest.raises(CrossTenant):
            work.session.flush()
        work.session.rollback()


@pytest.fixture
def their_list(house: House) -> tuple[int, int]:
    """The ids of another organisation and of a list there."""
    theirs = factories.organisation(house)
    with house.work(factories.ADMINISTRATOR, theirs) as work:
        return theirs, factories.contact_list(work, "Theirs").id


def test_rows_are_not_given_away_in_bulk(house: House, organisation: int, their_list: tuple[int, int]) -> None:
    theirs, _ = their_list
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        factories.contact_list(work, "Ours")
        moves: list[tuple[Any, Any]] = [
            (update(ContactList).values(organisation_id=theirs), None),
            (update(ContactList).values({ContactList.organisation_id: theirs}), None),
            (update(ContactList).values(organisation_id=ContactList.organisation_id + 1), None),
            (update(ContactList), {"organisation_id": theirs}),
        ]
        for statement, values in moves:
            with pytest.raises(CrossTenant, match="ContactList would be moved to another organisation"):
                work.session.execute(statement, values)
        work.session.execute(update(ContactList).values(organisation_id=organisation, description="Kept"))
        assert work.session.scalars(select(ContactList.description)).all() == ["Kept"]


def test_rows_are_not_changed_by_primary_key_alone(
    house: House, organisation: int, their_list: tuple[int, int]
) -> None:
    """Such an UPDATE takes no further condition, so that it would reach over the wall."""
    _, list_id = their_list
    changed = [{"id": list_id, "name": "Mine"}]
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        with pytest.raises(CrossTenant, match="by primary key"):
            work.session.execute(update(ContactList), changed)
        with guard.platform_scope(work.session, "test"):
            work.session.execute(update(ContactList), changed)
            assert work.session.scalars(select(ContactList.name)).all() == ["Mine"]


def test_a_row_is_not_taken_from_another_organisation(
    house: House, organisation: int, their_list: tuple[int, int]
) -> None:
    _, list_id = their_list
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        for is_forgotten in (False, True):
            with guard.platform_scope(work.session, "test"):
                taken = work.session.get(ContactList, list_id)
            assert taken is not None
            if is_forgotten:
                work.session.expire(taken)
            taken.organisation_id = organisation
            with pytest.raises(CrossTenant):
                work.session.flush()
            work.session.rollback()


def test_the_platform_may_move_a_row(house: House, organisation: int, their_list: tuple[int, int]) -> None:
    theirs, list_id = their_list
    with house.work(factories.ADMINISTRATOR) as work, guard.platform_scope(work.session, "test"):
        work.session.execute(update(ContactList).values(organisation_id=organisation))
        moved = work.session.get(ContactList, list_id)
        assert moved is not None
        assert moved.organisation_id == organisation
        moved.organisation_id = theirs
        work.session.flush()


def test_scopes_within_scopes_end_in_order(house: House, stranger: int) -> None:
    with house.work(factories.ADMINISTRATOR) as work:
        with guard.platform_scope(work.session, "outer"):
            with guard.platform_scope(work.session, "inner"):
                assert work.session.get(Contact, stranger) is not None
            assert work.session.scalars(select(Contact.id)).all() == [stranger]
        with pytest.raises(TenantRequired):
            work.session.scalars(select(Contact.id)).all()


def test_a_scope_ends_when_its_block_raises(house: House, stranger: int) -> None:
    def cross() -> None:
        with guard.platform_scope(work.session, "test"):
            raise RuntimeError

    with house.work(factories.ADMINISTRATOR) as work:
        with pytest.raises(RuntimeError):
            cross()
        with pytest.raises(TenantRequired):
            work.session.get(Contact, stranger)


def test_what_is_written_inside_a_scope_is_flushed_inside_it(house: House, organisation: int) -> None:
    with house.work(factories.ADMINISTRATOR) as work:
        with guard.platform_scope(work.session, "test"):
            work.session.add(ContactList(name="Made by the platform", organisation_id=organisation))
        assert not work.session.new


def test_a_member_is_bound_to_its_own_organisations_list(house: House, organisation: int, stranger: int) -> None:
    """The guard does not see what an INSERT selects; the service names the organisation itself."""
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        ours = factories.contact_list(work, "Ours")
        assert contacts.add_members(work, ours, [stranger]) == 0
