"""Every table has exactly one retention rule, and every personal column somebody who finds a person in it."""

from collections import Counter
from typing import Any

import pytest
from sqlalchemy import Select, inspect, select, text

from connectpulse.core.domain.retention import RetentionRule, Subject
from connectpulse.core.services import duties
from connectpulse.core.storage import guard, migrate
from connectpulse.core.storage.base import metadata
from connectpulse.house import House
from connectpulse.testing import factories
from tests.house import rows

ADDRESS = "+923001234567"
RULES = {rule.model.__tablename__: rule for rule in duties.retention_rules()}
HANDLERS = {each.model.__tablename__: each for each in duties.subject_handlers()}
PERSONAL = [rule for rule in RULES.values() if rule.personal_columns]
LINKS = {"ab_user_role", "ab_user_group", "ab_group_role", "ab_permission_view_role"}
"""Rows of links without a class of their own; they go with what they link."""
KEPT = {"pulse_hold"}
"""Stays whole: it says that others must stay."""
NEVER_SHOWN = {"password", "content"}
NAME = "Amina Administrator"


def test_every_table_has_exactly_one_rule() -> None:
    core = {name for name, table in metadata.tables.items() if migrate.owner(table) == migrate.CORE}
    counted = Counter(rule.model.__tablename__ for rule in duties.retention_rules())
    assert core - set(counted) == LINKS
    assert set(counted.values()) == {1}


def test_every_table_of_the_house_has_a_rule(standing_house: House) -> None:
    assert set(metadata.tables) - LINKS <= set(standing_house.registry.rules)
    assert set(standing_house.registry.subjects) >= {rule.model.__tablename__ for rule in PERSONAL}


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.model.__tablename__)
def test_a_rule_speaks_of_columns_that_exist_and_says_why(rule: RetentionRule) -> None:
    names = set(rule.model.__table__.columns.keys())
    assert {rule.age_column, *rule.personal_columns} <= names
    assert rule.purpose


@pytest.mark.parametrize("rule", [each for each in RULES.values() if each.final_only], ids=lambda rule: rule.purpose)
def test_what_must_hold_before_rows_go_can_be_asked(standing_house: House, rule: RetentionRule) -> None:
    with standing_house.engine.connect() as connection:
        table = rule.model.__tablename__
        assert connection.exec_driver_sql(f"SELECT count(*) FROM {table} WHERE {rule.final_only}").scalar() == 0


def _personal_row(model: Any, organisation: int) -> dict[str, Any]:
    """Return values that make a row this person's, however their handler looks for them."""
    columns = set(model.__table__.columns.keys())
    values = {
        "organisation_id": organisation,
        "scheme": "phone",
        "contact_id": 1,
        "user_id": 7,
        "actor_id": 7,
        "asked_by": 7,
        "decided_by": 7,
        "actor_kind": "user",
    }
    values |= {"object_type": "User", "object_id": "7"}
    values |= dict.fromkeys(("value", "address", "email", "recipient"), ADDRESS)
    values |= dict.fromkeys(("created_by", "launched_by", "approved_by"), NAME)
    values |= {"body": ADDRESS.encode(), "state": "done"} if model.__tablename__ == "pulse_callback" else {}
    values |= {"content": f"Amina,{ADDRESS}".encode()} if model.__tablename__ == "pulse_import_chunk" else {}
    values |= {"sample": [f"To {ADDRESS}"]} if model.__tablename__ == "pulse_quote" else {}
    key = inspect(model).primary_key[0].name
    values[key] = {"pulse_contact": 1, "ab_user": 7}.get(model.__tablename__, values.get(key))
    return {name: value for name, value in values.items() if name in columns and value is not None}


@pytest.mark.parametrize("rule", PERSONAL, ids=lambda rule: rule.model.__tablename__)
def test_a_person_is_found_and_forgotten_in_every_personal_column(standing_house: House, rule: RetentionRule) -> None:
    handler = HANDLERS[rule.model.__tablename__]
    organisation = factories.organisation(standing_house, is_furnished=False)
    person = Subject(organisation, (("phone", ADDRESS),), (1,), 7, (NAME,))
    with standing_house.work(factories.ADMINISTRATOR) as work, guard.platform_scope(work.session, "test"):
        rows.put(work.session, rule.model, rule.personal_columns, **_personal_row(rule.model, organisation))
        before = work.session.execute(_personal(rule, organisation)).mappings().all()
        found = list(handler.export(work, person))
        assert set(rule.personal_columns) - NEVER_SHOWN <= {name for row in found for name in row}
        work.session.execute(text("SET LOCAL session_replication_role = replica"))  # what it refers to need not exist
        erased = handler.erase(work, person)
        after = work.session.execute(_personal(rule, organisation)).mappings().all()
        work.session.rollback()
    if rule.model.__tablename__ in KEPT:
        assert (erased, after) == (0, before)
        return
    assert erased >= 1
    for row in after:
        assert not [name for name, value in row.items() if value and value == before[0][name]]


def _personal(rule: RetentionRule, organisation: int) -> Select[Any]:
    """Return the statement that reads the personal columns of an organisation's rows."""
    columns = rule.model.__table__.columns
    statement = select(*(columns[name] for name in rule.personal_columns))
    return statement.where(columns["organisation_id"] == organisation) if "organisation_id" in columns else statement


@pytest.mark.parametrize("rule", PERSONAL, ids=lambda rule: rule.model.__tablename__)
def test_nobody_else_is_touched(standing_house: House, rule: RetentionRule) -> None:
    organisation, other = (
        factories.organisation(standing_house, is_furnished=False),
        factories.organisation(standing_house, is_furnished=False),
    )
    handler = HANDLERS[rule.model.__tablename__]
    with standing_house.work(factories.ADMINISTRATOR) as work, guard.platform_scope(work.session, "test"):
        rows.put(work.session, rule.model, rule.personal_columns, **_personal_row(rule.model, organisation))
        stranger = Subject(other, (("phone", "+923009999999"),), (99,), 99)
        assert list(handler.find(work, stranger)) == []
        assert handler.erase(work, stranger) == 0
        nobody = Subject(organisation)
        assert list(handler.find(work, nobody)) == []
        assert handler.erase(work, nobody) == 0
        work.session.rollback()


def test_every_rule_has_a_title_of_its_own() -> None:
    """People read titles, never names of tables."""
    titles = [rule.title for rule in RULES.values()]
    assert [table for table, rule in RULES.items() if not rule.title] == []
    assert len(set(titles)) == len(titles)
