"""Sealing: at the end of the transaction, in the order of commits, without waiting for other organisations."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from connectpulse.core.services import audit
from connectpulse.core.services.action_log import cutting, verifying
from connectpulse.core.services.work import SYSTEM, Work
from connectpulse.core.storage import ids, partitions
from connectpulse.core.storage.models import AuditEntry, AuditHead
from connectpulse.core.storage.stores import places
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.testing.factories import ADMINISTRATOR


@pytest.fixture(autouse=True)
def _ledger(house: House, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = str(tmp_path_factory.mktemp("ledger"))
    places.set(archive=folder, backup=folder, ledger=folder)


def note(work: Work, organisation: int | None, name: str = "All", times: int = 1) -> None:
    for _ in range(times):
        audit.record_named(work, "list.created", organisation, "ContactList", 1, name)


def names(house: House, organisation: int | None) -> list[str]:
    with house.engine.connect() as connection:
        statement = select(AuditEntry.object_name).where(AuditEntry.organisation_id.is_not_distinct_from(organisation))
        return list(
            connection.scalars(statement.where(AuditEntry.object_type == "ContactList").order_by(AuditEntry.id))
        )


def faults(house: House) -> list[str]:
    return verifying.verify(house.work).sentences()


def test_many_chains_at_once_all_hold(house: House) -> None:
    organisations = [factories.organisation(house) for _ in range(3)]

    def write(number: int) -> None:
        for turn in range(15):
            with house.work(ADMINISTRATOR, organisations[number % 3]) as work:
                note(work, organisations[number % 3])
                note(work, organisations[(number + turn) % 3])
                note(work, None)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(len(names(house, each)) for each in (*organisations, None)) == 6 * 15 * 3
    assert faults(house) == []


def test_organisations_do_not_wait_for_each_other(house: House) -> None:
    first, second = factories.organisation(house), factories.organisation(house)
    with house.work(ADMINISTRATOR, first) as work:
        note(work, first)
        work.session.scalars(select(AuditEntry)).all()  # seals, and holds the chain until the end of the block
        with house.work(ADMINISTRATOR, second) as other:
            other.session.execute(text("SET LOCAL lock_timeout = '2s'"))
            note(other, second)
    assert (names(house, first), names(house, second)) == (["All"], ["All"])


def test_ids_follow_the_chain_even_when_the_clock_goes_back(house: House, organisation: int) -> None:
    with house.work(ADMINISTRATOR, organisation) as work:
        note(work, organisation, "List 0")
    with house.engine.begin() as connection:
        ahead = ids.at(datetime.now(UTC)) + (1 << 30)
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("UPDATE pulse_audit_head SET last_id = :ahead"), {"ahead": ahead})
    for number in (1, 2, 3):
        with house.work(ADMINISTRATOR, organisation) as work:
            note(work, organisation, f"List {number}", 2)
    assert names(house, organisation) == [f"List {number}" for number in (0, 1, 1, 2, 2, 3, 3)]
    with house.engine.connect() as connection:
        assert connection.scalar(select(func.min(AuditEntry.id)).where(AuditEntry.object_name == "List 1")) > ahead


def test_more_entries_than_a_block_of_ids_holds(house: House, organisation: int) -> None:
    with house.work(ADMINISTRATOR, organisation) as work:
        note(work, organisation, times=ids.BLOCK * 2 + 5)
    assert len(names(house, organisation)) == ids.BLOCK * 2 + 5
    assert faults(house) == []


def test_what_is_rolled_back_leaves_nothing_and_breaks_nothing(house: House, organisation: int) -> None:
    with house.work(ADMINISTRATOR, organisation) as work:
        note(work, organisation, "Lost")
        work.session.rollback()
    with house.work(ADMINISTRATOR, organisation) as work:
        note(work, organisation, "Kept")
        savepoint = work.session.begin_nested()
        note(work, organisation, "Lost")
        savepoint.rollback()
        with work.session.begin_nested():
            note(work, organisation, "Kept too")
    assert names(house, organisation) == ["Kept", "Kept too"]
    assert faults(house) == []


def test_a_session_that_is_used_again_writes_nothing_twice(house: House, organisation: int) -> None:
    with house.sessions() as session:
        work = Work(session, house.registry, house.clock, ADMINISTRATOR, organisation)
        for name in ("First", "Second"):
            note(work, organisation, name)
            session.commit()
        note(work, organisation, "Never")
        session.rollback()
        session.commit()
    assert names(house, organisation) == ["First", "Second"]


def test_what_cannot_be_stored_as_it_is_is_sealed_as_it_is_stored(house: House, organisation: int) -> None:
    odd = "zero\0 half \ud800 tab\t line\n back\\slash \u202e ع"
    with house.work(ADMINISTRATOR, organisation) as work:
        audit.record_named(work, "list.created", organisation, "ContactList", odd, odd, odd=odd, many=[{odd: 1.50}])
    assert faults(house) == []


def refused(house: House, statement: str) -> None:
    with pytest.raises(DBAPIError, match="only ever"), house.engine.begin() as connection:
        connection.execute(text(statement))


FORBIDDEN = (
    "UPDATE pulse_audit SET verb = 'list.deleted'",
    "UPDATE pulse_audit SET actor_name = 'Bilal'",
    "UPDATE pulse_audit SET actor_name = '', actor_address = ''",
    "UPDATE pulse_audit SET actor_salt = NULL",
    "UPDATE pulse_audit SET object_salt = NULL, object_name = '', detail = '{\"x\": 1}'",
    "UPDATE pulse_audit SET id = id + 1",
    "DELETE FROM pulse_audit",
    "TRUNCATE pulse_audit",
    "TRUNCATE pulse_audit_head",
    "DELETE FROM pulse_audit_head",
    "UPDATE pulse_audit_head SET entries = entries - 1",
)


def test_the_database_refuses_to_change_what_is_written(house: House, organisation: int) -> None:
    with house.work(ADMINISTRATOR, organisation) as work:
        note(work, organisation)
    for statement in FORBIDDEN:
        refused(house, statement)


def test_a_partition_made_later_refuses_as_well(house: House) -> None:
    with house.engine.begin() as connection:
        made = partitions.ensure(connection, datetime(2031, 5, 1, tzinfo=UTC), 0)
    assert "pulse_audit_p203105" in made
    refused(house, "TRUNCATE pulse_audit_p203105")


def test_entries_whose_time_is_over_can_go_once_their_chain_begins_after_them(house: House, organisation: int) -> None:
    for number in range(4):
        with house.work(ADMINISTRATOR, organisation) as work:
            note(work, organisation, f"List {number}")
    with house.engine.connect() as connection:
        third = connection.scalar(select(AuditEntry.id).where(AuditEntry.object_name == "List 2"))
    assert third is not None
    refused(house, f"DELETE FROM pulse_audit WHERE id < {third}")
    with house.work(SYSTEM) as work:
        assert cutting.cut(work, third) >= 2
    refused(house, f"DELETE FROM pulse_audit WHERE id <= {third}")
    with house.engine.begin() as connection:
        connection.execute(text(f"DELETE FROM pulse_audit WHERE id < {third}"))
    assert faults(house) == []
    with house.work(ADMINISTRATOR, organisation) as work:
        note(work, organisation, "List 4")
    assert names(house, organisation) == ["List 2", "List 3", "List 4"]
    assert faults(house) == []
    with house.work(SYSTEM) as work:
        assert cutting.cut(work, third) == 0


def forge(change: str) -> Callable[[House], None]:
    def do(house: House) -> None:
        with house.engine.begin() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            connection.execute(text(change))

    return do


def test_who_sets_the_end_of_a_chain_is_found_even_after_more_was_written(house: House, organisation: int) -> None:
    with house.work(ADMINISTRATOR, organisation) as work:
        note(work, organisation, times=3)
    with house.engine.connect() as connection:
        head: Any = connection.execute(select(AuditHead).where(AuditHead.organisation_id == organisation)).one()
    forge(f"DELETE FROM pulse_audit WHERE id = {head.last_id}")(house)
    forge(
        f"UPDATE pulse_audit_head SET entries = entries - 1, seal = a.seal, last_id = a.id FROM (SELECT id, seal "
        f"FROM pulse_audit WHERE organisation_id = {organisation} ORDER BY id DESC LIMIT 1) a "
        f"WHERE organisation_id = {organisation}"
    )(house)
    with house.work(ADMINISTRATOR, organisation) as work:
        note(work, organisation, "After")
    assert faults(house) == [f"Organisation {organisation}: The chain's end was set by somebody else than this site."]
