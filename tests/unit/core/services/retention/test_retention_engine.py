"""Rows go within the hour and not a minute early, on every kind of log, in a month of runs, partitions and all."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert, inspect, text
from sqlalchemy.orm import Mapped

from connectpulse.core.domain.retention import RetentionRule, Then
from connectpulse.core.errors import Refused
from connectpulse.core.services import audit, duties
from connectpulse.core.services.action_log import verifying
from connectpulse.core.services.retention import conditions, engine, terms
from connectpulse.core.services.work import SYSTEM
from connectpulse.core.storage import ids, partitions, sealing
from connectpulse.core.storage.base import BigId, CreatedAt, OwnedApart, Table, metadata
from connectpulse.core.storage.stores import places
from connectpulse.house import House
from connectpulse.testing import factories

NOW = datetime(2026, 7, 15, 12, 0, tzinfo=UTC)

RETENTION = {rule.table: rule for rule in duties.retention_rules()}
SINGLY = [rule for rule in RETENTION.values() if rule.keep is not None and not rule.whole_only]
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
    "pulse_wrong_tries": {"closed_until": datetime(2026, 1, 1, tzinfo=UTC)},
    "pulse_support_request": {"state": "closed"},
    "pulse_backup": {"state": "failed"},
    "pulse_subject_request": {"state": "done"},
    "pulse_subject_package": {"state": "gone"},
    "pulse_archive_export": {"state": "fetched"},
}

UNIQUE: dict[str, dict[str, Any]] = {
    "pulse_archive": {"name": str},
    "pulse_notice_read": {"notice_id": lambda number: 10_000 + number},
    "pulse_reference": {"reference": str},
    "pulse_api_answer": {"word": lambda number: bytes([number])},
    "pulse_pace": {"key": str},
    "pulse_invitation": {"email": str},
    "pulse_support_request": {"reference": str},
    "pulse_backup": {"name": str},
    "pulse_drill": {"name": str},
    "pulse_subject_request": {"key": str},
    "pulse_quote": {"campaign_id": lambda number: 20_000 + number},
    "pulse_retention_run": {"table_name": lambda number: "aged"},
}
PARENTS = {"pulse_import_chunk": 100, "pulse_import_fault": 200, "pulse_campaign_list": 300, "pulse_counter": 400,
           "pulse_support_message": 500, "pulse_fallback": 600}  # fmt: skip
MARKED = {
    "pulse_retention_run": "table_name = 'aged'",
    "pulse_import": "id < 100",
    "pulse_campaign": "id < 100",
    "pulse_support_request": "id < 100",
    "pulse_archive": "name IN ('1', '2', '3')",
}
"""Which rows are counted, where a run or another rule's rows add some of their own."""


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


def test_rows_stay_to_the_minute_and_then_go_in_every_kind_of_log(house: House, organisation: int, put: Any) -> None:
    for rule in SINGLY:
        _put_three(house, organisation, put, rule)
    assert _counts(house) == dict.fromkeys(_names(), 3)
    engine.run(house.work, NOW - MINUTE / 2)
    assert _counts(house) == dict.fromkeys(_names(), 2), _errors(house)
    engine.run(house.work, NOW + MINUTE)
    assert _counts(house) == dict.fromkeys(_names(), 0), _errors(house)
    with house.engine.connect() as connection:
        archived = connection.execute(text("SELECT table_name, sum(rows) FROM pulse_archive GROUP BY 1")).all()
    expected = {rule.table for rule in SINGLY if rule.then is Then.ARCHIVE}
    assert {row[0]: int(row[1]) for row in archived} == dict.fromkeys(expected, 3) | {"pulse_campaign": 12}


def _put_three(house: House, organisation: int, put: Any, rule: RetentionRule) -> None:
    """Put rows a minute too young, just old enough, and very old."""
    assert rule.keep is not None
    for number, age in enumerate((rule.keep - MINUTE, rule.keep, rule.keep + 400 * terms.DAY), 1):
        values = _aged(rule, NOW - age, number) if rule.parent is None else {rule.age_column: 100 + number}
        if "organisation_id" in rule.model.__table__.columns:
            values["organisation_id"] = organisation
        if rule.parent is not None and rule.table in PARENTS:
            parent = RETENTION[rule.parent.__tablename__]
            aged = _aged(parent, NOW - age, PARENTS[rule.table] + number)
            put(parent.model, organisation_id=organisation, **aged)
            values[rule.age_column] = PARENTS[rule.table] + number
        values |= {name: value(number) for name, value in UNIQUE.get(rule.table, {}).items()}
        if rule.table in (*partitions.PARTITIONED, *partitions.DAILY):
            with house.engine.begin() as connection:
                partitions.ensure(connection, NOW - age, 0)
        put(rule.model, **values)


def _names() -> list[str]:
    return [rule.table for rule in SINGLY]


def _counts(house: House) -> dict[str, int]:
    with house.engine.connect() as connection:
        return {
            name: int(connection.scalar(text(f"SELECT count(*) FROM {name} WHERE {MARKED.get(name, 'true')}")) or 0)
            for name in _names()
        }


def _errors(house: House) -> list[Any]:
    with house.engine.connect() as connection:
        return list(connection.scalars(text("SELECT error FROM pulse_retention_run WHERE error <> ''")))


def _fill(house: House, organisation: int, now: datetime, days: int, per_day: int) -> None:
    """Put `per_day` delivered messages on each of the last `days` days."""
    with house.engine.begin() as connection:
        for number in range(0, days + 31, 27):
            partitions.ensure(connection, now - timedelta(days=number), 0)
        connection.execute(
            text(
                "INSERT INTO pulse_message (id, organisation_id, changed_at, state, parts, quantity, units, channel, "
                "address, sender, body) SELECT :first + (day * :step) + n, :here, now(), 20, 1, 1, 1, 'sms', "
                "'+92300' || n, 'ACME', 'Hello' FROM generate_series(0, :days - 1) day, generate_series(1, :many) n"
            ),
            {"first": ids.at(now - timedelta(days=days)), "step": ids.at(ids.EPOCH + timedelta(days=1)),
             "here": organisation, "days": days, "many": per_day},
        )  # fmt: skip


def test_a_month_of_runs_keeps_ninety_days_and_loses_nothing(house: House, organisation: int) -> None:
    days, per_day = 130, 20
    end = NOW + timedelta(days=30)
    _fill(house, organisation, end, days, per_day)
    logs = {"pulse_message", "pulse_receipt", "pulse_callback"}
    for name in set(house.registry.rules) - logs:
        del house.registry.rules[name]
    moment = NOW
    while moment <= end:
        engine.run(house.work, moment)
        with house.engine.connect() as connection:
            oldest = connection.scalar(text("SELECT min(id) FROM pulse_message"))
            left = connection.scalar(text("SELECT count(*) FROM pulse_message"))
            archived = connection.scalar(text("SELECT coalesce(sum(rows), 0) FROM pulse_archive"))
        assert moment - timedelta(days=90) < ids.moment(oldest), "a row is older than its time"
        assert left + archived == days * per_day
        moment += timedelta(hours=5)
    assert (days - 91) * per_day <= archived <= (days - 89) * per_day
    with house.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM pulse_retention_run WHERE error <> ''")) == 0


def test_a_partition_that_is_over_is_dropped_and_one_with_open_rows_is_not(house: House, organisation: int) -> None:
    _fill(house, organisation, NOW, 200, 5)
    with house.engine.begin() as connection:
        connection.execute(text("UPDATE pulse_message SET state = 3 WHERE id = (SELECT min(id) FROM pulse_message)"))
        first = connection.scalar(text("SELECT tableoid::regclass::text FROM pulse_message ORDER BY id LIMIT 1"))
        before = set(connection.scalars(text("SELECT relname FROM pg_class WHERE relname ~ '^pulse_message_p'")))
    engine.run(house.work, NOW)
    with house.engine.connect() as connection:
        after = set(connection.scalars(text("SELECT relname FROM pg_class WHERE relname ~ '^pulse_message_p'")))
        old = connection.scalar(text("SELECT count(*) FROM pulse_message WHERE id < :limit"),
                                {"limit": ids.at(NOW - timedelta(days=90))})  # fmt: skip
    assert first in after, "what is not final was dropped"
    assert old == 1
    assert {"pulse_message_p202602", "pulse_message_p202603"} <= before - after


def test_references_go_by_dropping_their_partition(house: House, organisation: int) -> None:
    old = NOW - timedelta(days=200)
    with house.engine.begin() as connection:
        partitions.ensure(connection, old, 0)
        connection.execute(
            text(
                "INSERT INTO pulse_reference (organisation_id, message_id, connection_id, part, reference) "
                "SELECT 1, :first + n, 1, 1, n::text FROM generate_series(1, 1000) n"
            ),
            {"first": ids.at(old)},
        )
    engine.run(house.work, NOW)
    with house.engine.connect() as connection:
        assert connection.scalar(text("SELECT to_regclass(:name)"), {"name": f"pulse_reference_p{old:%Y%m}"}) is None
        row = connection.execute(
            text("SELECT found, deleted, dropped FROM pulse_retention_run WHERE table_name = 'pulse_reference'")
        ).one()
    assert (row.found, row.deleted) == (1000, 1000)
    assert row.dropped >= 1


def test_the_action_log_goes_by_the_partition_and_into_archives(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "_urls", places._urls | {"ledger": str(tmp_path)})
    old = max(NOW - timedelta(days=800), ids.EPOCH + timedelta(days=1))
    with house.engine.begin() as connection:
        partitions.ensure(connection, old, 0)
    with monkeypatch.context() as patch, house.work(SYSTEM) as work:
        patch.setattr(
            sealing,
            "_numbers",
            lambda cursor, head, first, chains: [ids.at(old) + 100 * head.organisation + n for n in range(50)],
        )
        for number in range(100):
            audit.record_named(work, "platform.crossed", 901 + number % 2, "", "", "", reason="to look back")
    engine.run(house.work, old + timedelta(days=900))
    with house.engine.connect() as connection:
        assert connection.scalar(text("SELECT to_regclass(:name)"), {"name": f"pulse_audit_p{old:%Y%m}"}) is None
        archived = connection.execute(
            text("SELECT organisation_id, rows FROM pulse_archive WHERE table_name = 'pulse_audit' ORDER BY 1")
        ).all()
    assert [tuple(row) for row in archived] == [(901, 50), (902, 50)]
    found = verifying.verify(house.work)
    assert found.holds, found.sentences()


def test_a_time_of_ones_own_is_kept_within_bounds(house: House, organisation: int) -> None:
    _fill(house, organisation, NOW, 120, 2)
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        with pytest.raises(Refused, match="between 30 and 365"):
            terms.choose(work, "pulse_message", 29)
        with pytest.raises(Refused, match="two years"):
            terms.choose(work, "pulse_audit", 900)
        terms.choose(work, "pulse_message", 100)
    engine.run(house.work, NOW)
    with house.engine.connect() as connection:
        oldest = ids.moment(connection.scalar(text("SELECT min(id) FROM pulse_message")) or 0)
    assert timedelta(days=98) < NOW - oldest <= timedelta(days=100)


def test_rows_of_a_plugin_are_kept_as_its_rule_says(house: House, organisation: int) -> None:
    class Thing(OwnedApart, Table):
        __tablename__ = "tryout_thing"
        __table_args__ = {"extend_existing": True, "info": {"owner": "tryout"}}

        id: Mapped[BigId]
        note: Mapped[str]
        created_at: Mapped[CreatedAt]

    try:
        with house.engine.begin() as connection:
            Thing.__table__.create(connection)
            for hours in (1, 23, 24, 400):
                connection.execute(
                    insert(Thing.__table__),
                    {"organisation_id": organisation, "note": "Amina", "created_at": NOW - timedelta(hours=hours)},
                )
        for then, left in ((Then.ANONYMISE, ["", "", "Amina", "Amina"]), (Then.PURGE, ["Amina", "Amina"])):
            house.registry.rules["tryout_thing"] = RetentionRule(
                Thing, "created_at", timedelta(days=1), then, "a trial", ("note",)
            )
            engine.run(house.work, NOW)
            with house.engine.connect() as connection:
                notes = connection.scalars(text("SELECT replace(note, '(erased)', '') FROM tryout_thing ORDER BY 1"))
                assert list(notes) == left
    finally:
        metadata.remove(Thing.__table__)
