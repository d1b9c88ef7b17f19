"""Checking a chain in steps: how far it has come, what it found, and who is told."""

import pytest
from sqlalchemy import select, text

from connectpulse.core.domain.retention import Subject
from connectpulse.core.services import audit, jobs
from connectpulse.core.services.action_log import checking, verifying
from connectpulse.core.services.work import SYSTEM
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import AuditCheck, AuditEntry, Notice
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR


def write(house: House, organisation: int, count: int = 7) -> None:
    with house.work(ADMINISTRATOR, organisation) as work:
        for number in range(count):
            audit.record_named(work, "list.created", organisation, "ContactList", number, f"List {number}")


def check(house: House, number: int) -> AuditCheck:
    with house.work(ADMINISTRATOR, number or None) as work:
        checking.start(work, number)
    with house.work(SYSTEM) as work:
        waiting = jobs.due(work)
    for job in waiting:
        jobs.run(house.work, job, "test")
    with house.work(SYSTEM) as work:
        found = checking.found(work, number)
        assert found is not None
        return found


def test_a_chain_is_checked_page_by_page(house: House, organisation: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "PAGE", 3)
    write(house, organisation)
    found = check(house, organisation)
    assert (found.state, found.entries, found.total, found.fault) == ("holds", 8, 8, "")
    again = check(house, organisation)
    assert (again.state, again.entries) == ("holds", 10)  # who asked for it and what was found are in the log
    assert check(house, 0).state == "holds"


def test_a_bad_entry_is_named_and_told(house: House, organisation: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "PAGE", 3)
    write(house, organisation)
    with house.engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        bad = connection.scalar(
            text("UPDATE pulse_audit SET verb = 'list.deleted' WHERE object_name = 'List 4' RETURNING id")
        )
    found = check(house, organisation)
    assert (found.state, found.fault_id) == ("broken", bad)
    assert str(bad) in found.fault
    with house.work(SYSTEM) as work, guard.platform_scope(work.session, "test"):
        assert work.session.scalars(select(Notice.kind)).all() == ["audit.broken"]


def test_who_is_forgotten_is_told_and_the_chain_holds(house: House, organisation: int) -> None:
    write(house, organisation)
    with house.work(SYSTEM, organisation) as work:
        erased = work.registry.subjects["pulse_audit"].erase(work, Subject(organisation, user_id=1))
        assert erased == 7
    assert check(house, organisation).state == "holds"
    assert verifying.verify(house.work).sentences() == []
    with house.work(SYSTEM, organisation) as work:
        told = work.session.scalars(select(AuditEntry.detail).where(AuditEntry.verb == "audit.erased")).one()
        assert told == {"what": "who acted", "entries": 7}
        again = [work.registry.subjects["pulse_audit"].erase(work, Subject(organisation, user_id=1)) for _ in range(2)]
        assert again == [1, 0]  # who asked for the check has acted since


def test_what_was_emptied_in_secret_is_found(house: House, organisation: int) -> None:
    write(house, organisation)
    with house.engine.begin() as connection:
        connection.execute(text("UPDATE pulse_audit SET actor_salt = NULL, actor_name = '', actor_address = ''"))
    assert "entries were emptied; entries tell of 0" in check(house, organisation).fault
