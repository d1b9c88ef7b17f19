"""Rows of every table of every installed plugin stay to the minute, and are gone with the next run after it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from connectpulse.core.domain.retention import RetentionRule, Then
from connectpulse.core.services.retention import conditions, engine, terms
from connectpulse.core.storage import guard
from connectpulse.core.storage.stores import places
from connectpulse.house import House
from connectpulse.testing import factories
from tests.house import ageing

pytestmark = pytest.mark.metered

MINUTE = timedelta(minutes=1)
NOW = datetime.now(UTC) - timedelta(hours=1)
"""Past, because triggers that guard the records of money go by the database's own clock."""

OWNERS = 70
"""Each row is of an organisation of its own, and none of them has trial units."""


@pytest.fixture(autouse=True)
def _places(house: House, tmp_path: Path) -> None:
    places.set(archive=str(tmp_path / "archive"), backup=str(tmp_path / "backup"), ledger=str(tmp_path / "ledger"))


def _timed(house: House) -> list[RetentionRule]:
    """Return the plugins' rules that end by themselves, parents before their children."""
    rules = [rule for rule in house.registry.rules.values() if not rule.table.startswith("pulse_")]
    timed = [rule for rule in rules if rule.keep is not None and not rule.whole_only]
    return sorted(timed, key=lambda rule: (rule.parent is not None, rule.table))


def test_rows_of_plugins_stay_to_the_minute_and_then_go(house: House) -> None:
    rules = _timed(house)
    assert {"billing_mailing", "billing_order_line"} <= {rule.table for rule in rules}
    for rule in rules:
        _put_three(house, rule)
    tables = [rule.table for rule in rules]
    assert _counts(house, rules) == dict.fromkeys(tables, 3)
    engine.run(house.work, NOW - MINUTE / 2)
    assert _counts(house, rules) == dict.fromkeys(tables, 2), _errors(house)
    engine.run(house.work, NOW + MINUTE)
    assert _counts(house, rules) == dict.fromkeys(tables, 0), _errors(house)


def test_rows_that_are_not_final_stay_however_old(house: House) -> None:
    rules = [rule for rule in _timed(house) if rule.final_only]
    assert rules
    for rule in rules:
        _put_three(house, rule, is_final=False)
    engine.run(house.work, NOW + MINUTE)
    assert _counts(house, rules) == dict.fromkeys((rule.table for rule in rules), 3), _errors(house)


def _put_three(house: House, rule: RetentionRule, *, is_final: bool = True) -> None:
    """Put rows a minute too young, just old enough, and very old."""
    assert rule.keep is not None
    with house.work(factories.ADMINISTRATOR) as work, guard.platform_scope(work.session, "test"):
        for number, age in enumerate((rule.keep - MINUTE, rule.keep, rule.keep + 400 * terms.DAY), 1):
            owner = {"organisation_id": OWNERS + number} if "organisation_id" in rule.model.__table__.columns else {}
            ageing.put(work.session, rule, NOW - age, number, is_final=is_final, **owner)


def _count(connection: Connection, rule: RetentionRule) -> int:
    """Return how many rows a rule still has to answer for: those whose person is not taken out yet."""
    still = conditions.emptied(rule)[1] if rule.then is Then.ANONYMISE else "true"
    return int(connection.scalar(text(f"SELECT count(*) FROM {rule.table} WHERE {still}")) or 0)


def _counts(house: House, rules: Sequence[RetentionRule]) -> dict[str, int]:
    with house.engine.connect() as connection:
        return {rule.table: _count(connection, rule) for rule in rules}


def _errors(house: House) -> list[str]:
    with house.engine.connect() as connection:
        return list(connection.scalars(text("SELECT error FROM pulse_retention_run WHERE error <> ''")))
