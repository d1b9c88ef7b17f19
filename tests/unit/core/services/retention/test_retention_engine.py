"""Rows go within the hour and not a minute early, on every kind of log, in a month of runs, partitions and all."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, inspect, text

from connectpulse.core.domain.retention import RetentionRule, Then
from connectpulse.core.services import duties
from connectpulse.core.services.retention import conditions, engine, terms
from connectpulse.core.storage import ids, partitions
from connectpulse.house import House

NOW = datetime(2026, 7, 15, 12, 0, tzinfo=UTC)

RULES = {rule.table: rule for rule in duties.retention_rules()}
SINGLY = [rule for rule in RULES.values() if rule.keep is not None and not rule.whole_only]
MINUTE = timedelta(minutes=1)
FINAL: dict[str, dict[str, Any]] = {
    "pulse_import": {"state": "finished"},
    "pulse_campaign": {"state": "finished", "template_version_id": None, "sender_id": None},
    "pulse_dispatch": {"state": "done"},
    "pulse_message": {"state": 20},
    "pulse_callback": {"state": "done"},
    "pulse_job": {"state": "done"},
    "pulse_decision": {"state": "approved"},
    "pulse_mail": {"state": "sent"},
}


def _count(database: Engine, table: str) -> int:
    with database.connect() as connection:
        return int(connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0)


def _aged(rule: RetentionRule, moment: datetime, number: int) -> dict[str, Any]:
    """Return values that make a row of `rule` exactly so old."""
    values = dict(FINAL.get(rule.table, {}))
    values[rule.age_column] = ids.at(moment) + number if conditions.is_id(rule) else moment
    key = inspect(rule.model).primary_key[0].name
    if key == "id" and rule.age_column != "id":
        values["id"] = number
    return values


@pytest.mark.parametrize("rule", SINGLY, ids=lambda rule: rule.table)
def test_a_row_stays_to_the_minute_and_then_goes(
    house: House, organisation: int, put: Any, rule: RetentionRule
) -> None:
    assert rule.keep is not None
    for number, age in enumerate((rule.keep - MINUTE, rule.keep, rule.keep + 400 * terms.DAY), 1):
        values = _aged(rule, NOW - age, number) if rule.parent is None else {rule.age_column: number}
        if "organisation_id" in rule.model.__table__.columns:
            values["organisation_id"] = organisation
        if rule.parent is not None:
            parent = RULES[rule.parent.__tablename__]
            put(parent.model, organisation_id=organisation, **_aged(parent, NOW - age, number))
        if rule.table == "pulse_notice_read":
            values["notice_id"] = number
        if rule.table == "pulse_reference":
            values["reference"] = str(number)
        if rule.table == "pulse_pace":
            values["key"] = str(number)
        if rule.table in partitions.PARTITIONED:
            with house.engine.begin() as connection:
                partitions.ensure(connection, NOW - age, 0)
        put(rule.model, **values)
    assert _count(house.engine, rule.table) == 3
    engine.run(house.work, NOW - MINUTE / 2)
    assert _count(house.engine, rule.table) == 2, _errors(house)
    engine.run(house.work, NOW + MINUTE)
    assert _count(house.engine, rule.table) == 0, _errors(house)
    if rule.then is Then.ARCHIVE:
        with house.engine.connect() as connection:
            kept = connection.scalar(
                text("SELECT sum(rows) FROM pulse_archive WHERE table_name = :t"), {"t": rule.table}
            )
        assert kept == 3


def _errors(house: House) -> list[Any]:
    with house.engine.connect() as connection:
        return list(connection.scalars(text("SELECT error FROM pulse_retention_run WHERE error <> ''")))
