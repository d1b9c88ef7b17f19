"""Partitions: made ahead of time, once, and missed by nobody."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from connectpulse.core.storage import ids, partitions
from connectpulse.house import House

SUMMER = datetime(2031, 6, 15, tzinfo=UTC)


def test_months_go_over_the_turn_of_the_year() -> None:
    names = [f"{month:%Y-%m}" for month in partitions.months(datetime(2030, 11, 30, tzinfo=UTC))]
    assert names == ["2030-11", "2030-12", "2031-01", "2031-02"]


def test_the_coming_ones_are_made_once(house: House) -> None:
    with house.engine.begin() as connection:
        assert len(partitions.missing(connection, SUMMER)) == 2 * (len(partitions.PARTITIONED) + len(partitions.DAILY))
        made = partitions.ensure(connection, SUMMER)
        assert len(made) == 4 * len(partitions.PARTITIONED) + 8 * len(partitions.DAILY)
        assert partitions.missing(connection, SUMMER) == []
        assert partitions.ensure(connection, SUMMER) == []


def test_a_month_later_one_more_of_each_is_made(house: House) -> None:
    with house.engine.begin() as connection:
        partitions.ensure(connection, SUMMER)
        made = partitions.ensure(connection, SUMMER + timedelta(days=31))
    monthly = [name for name in made if not name.startswith(partitions.DAILY)]
    assert sorted(monthly) == sorted(f"{table}_p203110" for table in partitions.PARTITIONED)


def test_a_fresh_site_can_write_this_month_and_the_next(house: House) -> None:
    with house.engine.begin() as connection:
        assert partitions.missing(connection, house.clock()) == []
    assert house.check_database() == []


@pytest.mark.parametrize("moment", ["2031-06-01", "2031-06-30T23:59:59.999+00:00", "2031-07-01"])
def test_a_row_lies_in_the_month_of_its_id(house: House, moment: str) -> None:
    when = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    with house.engine.begin() as connection:
        partitions.ensure(connection, SUMMER)
        place = connection.scalar(
            text(
                "INSERT INTO pulse_audit (id, verb, actor_kind, actor_name, detail, seal, actor_digest, object_digest) "
                "VALUES (:id, 'x.y', 'task', 'Test', '{}', '', '', '') RETURNING tableoid::regclass::text"
            ),
            {"id": ids.at(when)},
        )
    assert place == f"pulse_audit_p{when:%Y%m}"


def test_a_missing_partition_keeps_a_process_from_starting(house: House) -> None:
    house.clock = lambda: SUMMER
    assert all("connectpulse upgrade" in fault for fault in house.check_database())
    house.upgrade()
    assert house.check_database() == []
