"""A person in archives: what is theirs is copied and forgotten, column by column, and nobody else with it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, text, update

from connectpulse.core.domain.retention import RetentionRule, Subject, Then
from connectpulse.core.services import audit
from connectpulse.core.services.retention import archives, files, search
from connectpulse.core.services.rights import carried, finding
from connectpulse.core.services.work import SYSTEM, Actor
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import AuditEntry, Campaign, Membership, SubjectRequest
from connectpulse.house import House
from connectpulse.testing import factories
from tests.house import rows

NOW = datetime(2026, 7, 15, 12, 0, tzinfo=UTC)
ZARA, OMAR = "zara@example.org", "omar@example.org"
NAMES = ("Zara Khan", "Omar Else")


@pytest.fixture
def zara(house: House, organisation: int) -> int:
    """Return the account of somebody who belongs to one organisation and has a contact, number 101, there."""
    with house.work(SYSTEM) as work, guard.platform_scope(work.session, "test"):
        user = finding.account_model()
        made = {"active": True, "password": "x"}
        rows.put(work.session, user, id=7, first_name="Zara", last_name="Khan", username="zkhan", email=ZARA, **made)
        rows.put(work.session, Membership, id=70, organisation_id=organisation, user_id=7, role="operator")
        request = {"scheme": "email", "address": ZARA, "kind": "access", "state": "done", "key": "k"}
        rows.put(work.session, SubjectRequest, id=700, organisation_id=organisation, **request)
        for contact, mail in ((101, ZARA), (102, OMAR)):
            rows.put(work.session, archives_of("pulse_contact", house), id=contact, organisation_id=organisation)
            rows.put(work.session, archives_of("pulse_address", house), organisation_id=organisation,
                     contact_id=contact, scheme="email", value=mail)  # fmt: skip
    return 7


def archives_of(table: str, house: House) -> Any:
    return house.registry.rules[table].model


def _archive(house: House, model: Any, organisation: int) -> None:
    """Put all rows of an organisation's table into an archive; they stay in the table as well."""
    table = model.__table__
    with house.work(SYSTEM) as work, guard.platform_scope(work.session, "test"):
        found = work.session.execute(select(table).where(table.c.organisation_id == organisation)).all()
    held = files.table_of(files.schema(table), [tuple(row) for row in found])
    row = archives.write(table.name, organisation, "2026-04", held, (NOW, NOW))
    with house.work(SYSTEM) as work, guard.platform_scope(work.session, "test"):
        work.session.add(row)


def _subject(house: House, organisation: int | None) -> Subject:
    with house.work(SYSTEM, organisation) as work, guard.platform_scope(work.session, "test"):
        return finding.find(work, [("email", ZARA)], organisation).subject


def _read(house: House) -> list[dict[str, Any]]:
    with house.work(SYSTEM) as work:
        rows = archives.listed(work, None, is_all=True)
    return [row for each in rows for row in archives.read(each).to_pylist()]


def _copy(house: House, subject: Subject) -> str:
    return str([dict(row) for row in archives.export(house.work, subject)])


def _logged(house: House, organisation: int) -> None:
    """Write what two people, a key of the same number, and a visitor did, and archive it."""
    zara, omar = (Actor("user", name, number, "203.0.113.7") for name, number in zip(NAMES, (7, 8), strict=True))
    acts: list[tuple[Actor, str, str, str, dict[str, Any]]] = [
        (zara, "contact.created", "Contact", "102", {"city": "Omar in detail"}),
        (omar, "contact.created", "Contact", "101", {"city": "Zara in detail"}),
        (Actor("key", "The key of Omar", 7), "contact.created", "Contact", "102", {}),
        (Actor("visitor", "A visitor", None, "198.51.100.7"), "subject_request.received", "SubjectRequest", "700", {}),
        (Actor("visitor", "A visitor", None, "198.51.100.8"), "subject_request.received", "SubjectRequest", "701", {}),
        (omar, "membership.created", "Membership", "70", {"role": "operator"}),
        (omar, "membership.created", "Membership", "71", {"role": "auditor"}),
        (omar, "user.updated", "User", "7", {"why": "Zara left"}),
    ]
    about = {"101": "Zara Khan", "102": "Omar Else", "70": "zkhan (operator)", "71": "zkhanum (auditor)", "7": "zkhan"}
    for actor, verb, kind, id, detail in acts:
        with house.work(actor, organisation) as work:
            audit.record_named(work, verb, organisation, kind, id, about.get(id, ""), **detail)
    _archive(house, AuditEntry, organisation)


ZARAS = ("Zara Khan", "Zara in detail", "198.51.100.7", "zkhan (operator)", "Zara left")
OMARS = ("Omar Else", "Omar in detail", "The key of Omar", "198.51.100.8", "zkhanum (auditor)")


@pytest.mark.parametrize("is_platform", [False, True])
def test_the_archived_log_is_copied_and_forgotten_as_the_log_is(
    house: House, organisation: int, zara: int, is_platform: bool
) -> None:
    _logged(house, organisation)
    subject = _subject(house, None if is_platform else organisation)
    copied = _copy(house, subject)
    assert [each for each in ZARAS if each not in copied] == []
    assert [each for each in OMARS if each in copied] == []
    assert archives.erase(house.work, subject) >= len(ZARAS)
    left = _read(house)
    assert [each for each in ZARAS if each in str(left)] == []
    assert [each for each in OMARS if each not in str(left)] == []
    for row in left:
        assert (row["actor_salt"] is None) == (row["actor_name"] in ("", "(erased)")), row
    assert archives.erase(house.work, subject) == 0


def test_a_guess_at_who_it_was_cannot_be_tried_afterwards(house: House, organisation: int, zara: int) -> None:
    """The seal's digest of a name stays for the chain; without its salt no name can be held against it."""
    _logged(house, organisation)
    archives.erase(house.work, _subject(house, organisation))
    mine = [row for row in _read(house) if row["object_type"] == "User" and row["object_id"] == "7"]
    assert [(row["object_salt"], row["object_digest"] is not None) for row in mine] == [(None, True)]


def test_of_three_who_made_a_campaign_one_is_forgotten(house: House, organisation: int, zara: int) -> None:
    other = factories.organisation(house)
    made = {"template_version_id": None, "sender_id": None, "state": "finished"}
    with house.work(SYSTEM) as work, guard.platform_scope(work.session, "test"):
        rows.put(work.session, Campaign, id=1, organisation_id=organisation, created_by=NAMES[0], launched_by=NAMES[1],
                 approved_by=NAMES[1], reason=f"Cancelled by {NAMES[0]}", **made)  # fmt: skip
        rows.put(work.session, Campaign, id=2, organisation_id=other, created_by=NAMES[0], **made)
    for home in (organisation, other):
        _archive(house, Campaign, home)
    subject = _subject(house, None)
    assert NAMES[1] not in _copy(house, subject)
    archives.erase(house.work, subject)
    first, namesake = sorted(_read(house), key=lambda row: row["id"])
    assert (first["created_by"], first["launched_by"], first["approved_by"]) == ("(erased)", NAMES[1], NAMES[1])
    assert NAMES[0] not in first["reason"]
    assert namesake["created_by"] == NAMES[0], "somebody of the same name, where this account never was"


def test_who_it_is_outlives_the_tables(house: House, organisation: int, zara: int) -> None:
    subject = _subject(house, None)
    assert (subject.requests, subject.memberships, subject.homes) == ((700,), (70,), (organisation,))
    assert carried.opened(3, carried.shut(3, subject)) == subject


def test_every_archived_table_says_which_columns_are_whose(house: House) -> None:
    """What an archive is asked is about its own columns alone: there is nothing beside them in a file."""
    subject = Subject(1, (("email", ZARA),), (101,), 7, (NAMES[0],), (700,), (70,), (1,), "zkhan")
    archived = [rule for rule in house.registry.rules.values() if rule.then is Then.ARCHIVE and rule.personal_columns]
    assert len(archived) >= 4
    for rule in archived:
        assert _asked(house, rule, subject), f"{rule.table} can only be guessed at"


def _asked(house: House, rule: RetentionRule, subject: Subject) -> bool:
    empty = files.table_of(files.schema(rule.model.__table__), [])
    return search.is_told(house.registry, rule.table, empty, subject)


def test_an_archive_of_an_older_shape_is_searched_by_what_it_has(house: House, organisation: int, zara: int) -> None:
    _logged(house, organisation)
    with house.work(SYSTEM) as work:
        (row,) = archives.listed(work, organisation)
    held = archives.read(row).drop_columns(["object_name"])
    columns = house.registry.rules["pulse_audit"].personal_columns
    emptied, count = search.without_person(
        house.registry, "pulse_audit", held, _subject(house, organisation), columns
    )  # fmt: skip
    left = str(emptied.to_pylist())
    assert count == 5
    assert [each in left for each in ("Zara", "198.51.100.7", "Omar in detail", "The key of Omar")] == [0, 0, 1, 1]


def test_what_only_other_tables_tell_is_found_by_names_and_numbers(
    house: House, organisation: int, zara: int
) -> None:  # fmt: skip
    """A plugin's handler may look into other tables; keys have numbers that accounts have as well."""
    _logged(house, organisation)
    house.registry.subjects["pulse_audit"] = replace(house.registry.subjects["pulse_audit"], apart=())
    subject = _subject(house, organisation)
    with house.work(SYSTEM) as work:
        (row,) = archives.listed(work, organisation)
    held = archives.read(row)
    assert not search.is_told(house.registry, "pulse_audit", held, subject)
    columns = house.registry.rules["pulse_audit"].personal_columns
    emptied, _ = search.without_person(house.registry, "pulse_audit", held, subject, columns)
    left = {(each["actor_kind"], each["actor_name"]) for each in emptied.to_pylist() if each["actor_id"] == 7}
    assert left == {("user", "(erased)"), ("key", "The key of Omar")}


def test_the_account_may_be_emptied_first(house: House, organisation: int, zara: int) -> None:
    _logged(house, organisation)
    subject = _subject(house, organisation)
    with house.work(SYSTEM) as work, guard.platform_scope(work.session, "test"):
        user = finding.account_model()
        work.session.execute(update(user).where(user.id == 7).values(username="(erased 7)", email="(erased 7)"))
        work.session.execute(text("DELETE FROM pulse_membership"))
        work.session.execute(text("UPDATE pulse_subject_request SET address = '(erased)'"))
    archives.erase(house.work, subject)
    assert [each for each in ZARAS if each in str(_read(house))] == []
