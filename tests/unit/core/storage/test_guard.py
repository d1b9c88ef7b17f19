"""The tenant guard where tables meet: joins, lazy loads, stamps, and scopes within scopes."""

import pytest
from sqlalchemy import select
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
