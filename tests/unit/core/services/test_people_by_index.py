"""Searching for a person costs a few looks at indexes, however large the tables are and however many they belong to."""

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import ColumnElement, Connection, and_, text
from sqlalchemy.dialects.postgresql import dialect

from connectpulse.core.domain.retention import Subject
from connectpulse.core.services import subjects
from connectpulse.core.services.rights import erasing
from connectpulse.core.services.work import SYSTEM
from connectpulse.core.storage import guard, leaves
from connectpulse.house import House

PHONE, MAIL = ("phone", "+923001234567"), ("email", "zara@example.org")
SEARCHED_THROUGH = {
    "pulse_callback": "a week of requests whose bodies may name anybody",
    "pulse_quote": "a few sample texts for each campaign",
    "pulse_challenge": "minutes of open sign-ins",
    "pulse_decision": "what two people decided, by hand",
    "pulse_hold": "legal holds, placed by hand",
    "pulse_invitation": "invitations, written by hand",
    "pulse_support_message": "letters, written by hand",
}


def _people(organisation: int) -> Iterator[Subject]:
    for home in (None, organisation):
        yield Subject(home, (PHONE, MAIL), (5, 6), 7)
        yield Subject(home, (PHONE,))


def _plan(connection: Connection, statement: str, **facts: object) -> list[str]:
    return [str(row[0]).strip() for row in connection.execute(text(f"EXPLAIN (COSTS OFF) {statement}"), facts)]


def _faults(plan: list[str], *, is_large: bool = True) -> list[str]:
    """Return the scans of a plan that read a table, or all of an organisation in a large one, from the beginning."""
    scans = [line for line in plan if "Seq Scan" in line and "pulse_organisation" not in line]
    wide = r"Index Cond: \(\(?\(?organisation_id = [^()]*(\([^()]*\))?\)?\)$"
    return scans + [line for line in plan if is_large and re.match(wide, line)]


LARGE = {
    "pulse_message": "(organisation_id, contact_id, changed_at, state, parts, quantity, units, channel, address, "
    "sender, body) SELECT :here, n, now(), 20, 1, 1, 1, 'sms', '+92' || n, 'ACME', 'Hello'",
    "pulse_inbound": "(organisation_id, connection_id, contact_id, channel, address, recipient, body, received_at) "
    "SELECT :here, 1, n, 'sms', '+92' || n, '8558', 'Hello', now()",
    "pulse_receipt": "(organisation_id, connection_id, state, reference, address) "
    "SELECT :here, 1, 20, 'r' || n, '+92' || n",
    "pulse_stray": "(connection_id, channel, address, recipient, body, received_at) "
    "SELECT 1, 'sms', '+92' || n, '8558', 'Hello', now()",
    "pulse_suppression": "(organisation_id, scheme, value, reason) SELECT :here, 'phone', '+92' || n, 'bounced'",
    "pulse_contact": "(organisation_id, name) SELECT :here, 'Person ' || n",
    "pulse_address": "(organisation_id, contact_id, scheme, value) SELECT :here, id, 'phone', '+92' || id "
    "FROM pulse_contact",
}


@pytest.fixture
def filled(house: House, organisation: int) -> int:
    """Rows enough that reading them all is dearer than an index."""
    with house.engine.begin() as connection:
        for table, rows in LARGE.items():
            some = "" if "FROM" in rows else " FROM generate_series(1, 4000) n"
            connection.execute(text(f"INSERT INTO {table} {rows}{some}"), {"here": organisation})
            for leaf in leaves.of(connection, table)[1:]:
                leaves.drop(connection, leaf)  # months to come, which are empty: any index does there
    with house.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return organisation


@pytest.mark.parametrize("table", ["message", "inbound"])
def test_the_plans_below_are_told_apart(house: House, table: str) -> None:
    with house.work(SYSTEM) as work:
        connection = work.session.connection()
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        wide = f"SELECT 1 FROM pulse_{table} WHERE organisation_id = 1 AND channel = 'sms'"
        assert _faults(_plan(connection, wide))
        assert _faults(_plan(connection, f"SELECT 1 FROM pulse_{table} WHERE channel = 'sms'"))


def test_every_table_is_searched_by_an_index(house: House, filled: int) -> None:
    faults = set()
    with house.work(SYSTEM) as work:
        connection = work.session.connection()
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        for table, handler in work.registry.subjects.items():
            for person in _people(filled):
                if handler.locate is None:
                    continue
                where = and_(handler.locate(person), subjects.anywhere(handler.model, person))
                plan = _plan(connection, f"SELECT 1 FROM {table} WHERE {_written(where)}")
                if _faults(plan, is_large=table in LARGE):
                    faults.add(table)
    assert faults <= set(SEARCHED_THROUGH)


def _written(where: ColumnElement[bool]) -> str:
    said = str(where.compile(dialect=dialect(), compile_kwargs={"literal_binds": True}))
    return said.replace("%%", "%").replace(":", "\\:")


def test_what_an_erasure_asks_besides_is_answered_by_indexes(house: House, filled: int) -> None:
    facts = {"schemes": ["phone"], "values": [PHONE[1]], "contacts": [5, 6]}
    statements = [erasing.WAITING, erasing.MOVING, *erasing.HOMES_OF]
    with house.work(SYSTEM) as work:
        connection = work.session.connection()
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        for statement in statements:
            for home in (None, filled):
                more = facts | {"organisation": home, "is_still": False}
                asked = {name: each for name, each in more.items() if f":{name}" in statement}
                plan = _plan(connection, statement, **asked)
                assert _faults(plan) == [], "\n".join(plan)


def test_who_erases_from_the_platform_finds_people_of_every_organisation(house: House, organisation: int) -> None:
    with house.work(SYSTEM) as work, guard.platform_scope(work.session, "test"):
        work.session.execute(
            text(
                "INSERT INTO pulse_inbound (organisation_id, connection_id, channel, address, recipient, body, "
                "received_at) SELECT :here, 1, 'sms', :phone, '8558', 'hello', now()"
            ),
            {"here": organisation, "phone": PHONE[1]},
        )
        person = Subject(None, (PHONE,))
        assert erasing.homes(work, person) == [organisation]
        found = list(work.registry.subjects["pulse_inbound"].export(work, person))
    assert [row["body"] for row in found] == ["hello"]
