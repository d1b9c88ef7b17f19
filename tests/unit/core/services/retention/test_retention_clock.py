"""A clock that jumps stops all purging until an operator confirms the time."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from connectpulse.core.errors import Refused
from connectpulse.core.services.retention import clock, engine, report
from connectpulse.core.services.retention.clock import Uptime
from connectpulse.core.services.work import SYSTEM, Actor
from connectpulse.core.storage.models import Notice, RetentionClock
from connectpulse.house import House

START = datetime(2026, 7, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
OPERATOR = Actor("user", "Olga", 9)


@pytest.fixture(autouse=True)
def anchored(house: House) -> None:
    with house.work(SYSTEM) as work:
        row = clock.the_row(work)
        row.seen_at = row.anchored_at = START
        row.boot, row.uptime = "boot-1", 1000.0


def _look(house: House, moment: datetime, boot: str, seconds: float) -> str:
    with house.work(SYSTEM) as work:
        return clock.believed(work, moment, Uptime(boot, seconds))


def test_time_that_passes_is_believed_however_long(house: House) -> None:
    assert _look(house, START + 500 * HOUR, "boot-1", 1000 + 500 * 3600) == ""


@pytest.mark.parametrize(
    ("hours", "boot", "seconds"),
    [(2.1, "boot-1", 1000), (24 * 90, "boot-1", 1060), (3, "boot-2", 5)],
    ids=["two hours", "three months", "after a restart"],
)
def test_a_jump_forward_is_not_until_somebody_confirms(house: House, hours: float, boot: str, seconds: float) -> None:
    moment = START + hours * HOUR
    assert "was last seen" in _look(house, moment, boot, seconds)
    assert "was last seen" in _look(house, moment + HOUR, boot, seconds + 3600)
    with house.work(SYSTEM) as work:
        assert [each.level for each in work.session.scalars(select(Notice))] == ["alarm"]
        assert list(work.session.scalars(text("SELECT verb FROM pulse_audit"))) == ["retention.stopped"]
        assert not report.health(work).is_healthy
    with pytest.raises(Refused, match="last seen"), house.work(OPERATOR) as work:
        engine.start(work)
    with house.work(OPERATOR) as work:
        clock.confirm(work, moment + HOUR, Uptime(boot, seconds + 3600))
    assert _look(house, moment + 2 * HOUR, boot, seconds + 7200) == ""
    with house.work(SYSTEM) as work:
        assert work.session.scalar(select(Notice.id).where(Notice.ended_at.is_(None))) is None


def test_many_small_jumps_are_one_large_jump(house: House) -> None:
    assert _look(house, START + 1.5 * HOUR, "boot-1", 1060) == ""
    assert _look(house, START + 3 * HOUR, "boot-1", 1120) != ""


def test_a_clock_set_back_does_not_hide_a_later_jump(house: House) -> None:
    assert _look(house, START - 48 * HOUR, "boot-1", 1060) == ""
    assert _look(house, START, "boot-1", 1120) != ""


def test_nothing_is_purged_by_a_clock_that_jumped(house: House) -> None:
    run = clock.uptime()
    with house.work(SYSTEM) as work:
        row = clock.the_row(work)
        row.boot, row.uptime = run.boot, run.seconds
        row.seen_at = row.anchored_at = clock.now(work) - timedelta(days=8)
        work.session.execute(
            text("INSERT INTO pulse_job (kind, subject_id, state, created_at) VALUES ('x', 1, 'done', '2020-01-01')")
        )
    with pytest.raises(Refused, match="Nothing is purged"):
        engine.run_due(house.work)
    with house.work(SYSTEM) as work:
        assert engine.is_due(work) == 0
        assert work.session.scalar(text("SELECT count(*) FROM pulse_job")) == 1
    with house.work(OPERATOR) as work:
        clock.confirm(work, clock.now(work), clock.uptime())
    assert engine.run_due(house.work) is not None
    assert engine.run_due(house.work) is None, "it is not due again within the half hour"
    with house.work(SYSTEM) as work:
        assert work.session.scalar(text("SELECT count(*) FROM pulse_job")) == 0
        assert work.session.get_one(RetentionClock, 1).lease_until is None


def test_overdue_rows_raise_an_alarm_and_a_run_ends_it(house: House) -> None:
    with house.work(OPERATOR) as work:
        work.session.execute(
            text(
                "INSERT INTO pulse_job (kind, subject_id, state, created_at) "
                "VALUES ('x', 1, 'done', now() - interval '7 days 2 hours')"
            )
        )
        row = clock.the_row(work)
        row.stopped_at, row.reason = START, "doubt"
        clock.confirm(work, clock.now(work), clock.uptime())
    with house.work(SYSTEM) as work:
        assert report.watch(work) == 1
        body = work.session.scalars(select(Notice.body).where(Notice.ended_at.is_(None))).one()
        assert "pulse_job" in body
        line = next(each for each in report.lines(work, clock.now(work)) if each.rule.table == "pulse_job")
        assert line.is_overdue
        assert line.oldest_at is not None
    engine.run_due(house.work)
    with house.work(SYSTEM) as work:
        assert report.watch(work) == 0
        assert work.session.scalar(select(Notice.id).where(Notice.ended_at.is_(None))) is None
        line = next(each for each in report.lines(work, clock.now(work)) if each.rule.table == "pulse_job")
        assert (line.is_overdue, line.deleted, line.failures) == (False, 1, 0)
        assert len(report.table([line])[0]) == len(report.COLUMNS)
