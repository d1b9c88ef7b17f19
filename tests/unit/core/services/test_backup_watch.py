"""Backups watched: asked for by the clock, missed, lost from the store, and deleted when their time is over."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from connectpulse import metrics
from connectpulse.core.services.backups import plan, running, watch
from connectpulse.core.services.work import SYSTEM
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import Backup
from connectpulse.testing import factories
from tests.unit.core.services.backup_scene import BackedUp, files, notices, said


def test_what_a_worker_left_is_cleared_and_the_table_says_what_the_store_holds(site: BackedUp) -> None:
    made, other = site.make(), site.make()
    site.store.put("pulse-20200101T000000Z-9.dump.zst.age", b"left by a killed worker")
    site.store.delete(other.name + ".json")
    site.store.delete(other.file)
    site.store.put(made.file, site.store.get(made.file)[:-1])
    watch.reconcile(site.house.work)
    assert {site.row(1).state, site.row(2).state} == {"damaged", "gone"}
    assert len(notices(site, "backup.lost")) == 2
    assert said(site, "backup.lost") == 2
    stray = "pulse-20200101T000000Z-9.dump.zst.age"
    assert stray in files(site.store), "it may be one that is being written"
    watch.reconcile(site.house.work)
    assert len(notices(site, "backup.lost")) == 2
    now = site.house.clock()
    site.house.clock = lambda: now + timedelta(days=2)
    watch.reconcile(site.house.work)
    assert stray not in files(site.store)


def test_backups_that_only_the_store_knows_are_found(site: BackedUp) -> None:
    made = site.make()
    with site.house.work(factories.ADMINISTRATOR) as work:
        work.session.execute(text("DELETE FROM pulse_backup"))
    watch.reconcile(site.house.work)
    with site.house.work(factories.ADMINISTRATOR) as work:
        [row] = work.session.query(Backup).all()
        assert (row.name, row.trigger, row.state, row.size) == (made.name, "found", "done", made.size)


def at(site: BackedUp, moment: datetime) -> None:
    site.house.clock = lambda: moment


def ask_by_the_clock(site: BackedUp) -> int:
    with site.house.work(SYSTEM) as work, guard.platform_scope(work.session, "test"):
        return watch.schedule(work)


def alarm(site: BackedUp) -> str:
    """Let the watch look; return what the open alarm says, empty if there is none."""
    with site.house.work(SYSTEM) as work, guard.platform_scope(work.session, "test"):
        watch.watch(work)
    found = notices(site, "backup.late")
    assert len(found) < 2
    return found[0].body if found else ""


def test_a_backup_is_asked_for_once_a_day(site: BackedUp) -> None:
    midnight = datetime(2030, 1, 10, tzinfo=UTC)
    at(site, midnight)
    assert [ask_by_the_clock(site) for _ in range(2)] == [1, 0], "there is none yet"
    assert running.run(site.house.work, 1, "test")
    asked = 0
    for minutes in range(0, 3 * 24 * 60, 30):
        at(site, midnight + timedelta(minutes=minutes))
        asked += ask_by_the_clock(site)
        with site.house.work(SYSTEM) as work:
            work.session.execute(text("UPDATE pulse_backup SET state = 'failed' WHERE state = 'waiting'"))
    assert asked == 3
    plan.use("", 2, (14, 8, 12))
    at(site, midnight + timedelta(days=5))
    assert ask_by_the_clock(site) == 0


def test_an_alarm_is_raised_after_26_hours_and_ends(site: BackedUp) -> None:
    begun = site.house.clock()
    assert "No backup was ever made" in alarm(site)
    site.ask()
    assert alarm(site) == "", "the first is being made"
    at(site, begun + timedelta(hours=2))
    assert "No backup was ever made" in alarm(site)
    assert running.run(site.house.work, 1, "test")
    at(site, begun + timedelta(hours=25, minutes=59))
    assert alarm(site) == ""
    at(site, begun + timedelta(hours=26, minutes=2))
    assert "26 hours old" in alarm(site)
    assert alarm(site)
    with site.house.work(SYSTEM) as work:
        assert not watch.health(work).is_healthy
    site.make()
    with site.house.work(SYSTEM) as work:
        work.session.execute(text("UPDATE pulse_backup SET taken_at = :now WHERE id = 2"), {"now": site.house.clock()})
        assert watch.health(work).is_healthy
    assert alarm(site) == ""


def test_health_says_when_no_backups_are_made(site: BackedUp) -> None:
    plan.use("", 2, (14, 8, 12))
    with site.house.work(SYSTEM) as work:
        found = watch.health(work)
    assert not found.is_healthy
    assert "BACKUP_RECIPIENT" in found.detail
    assert alarm(site) == ""


def test_watchers_are_told_how_old_the_newest_is(site: BackedUp) -> None:
    assert b"connectpulse_backup_age_seconds" in metrics.exposition(site.house)
    made = site.make()
    told = metrics.exposition(site.house).decode()
    assert f"connectpulse_backup_bytes {float(made.size)}" in told
    assert "connectpulse_backup_age_seconds " in told


def test_the_last_of_each_day_week_and_month_is_kept() -> None:
    start = datetime(2029, 1, 1, 2, tzinfo=UTC)
    taken = [(f"{n:04}", start + timedelta(hours=12 * n)) for n in range(800)]
    kept = plan.kept(taken, (14, 8, 12))
    moments = sorted(moment for name, moment in taken if name in kept)
    assert moments[-1] == taken[-1][1]
    assert {moment.hour for moment in moments} == {14}
    assert len({moment.date() for moment in moments[-14:]}) == 14
    assert moments[-1] - moments[-14] == timedelta(days=13)
    assert 14 + 6 + 7 <= len(moments) <= 14 + 8 + 12
    assert len({(moment.year, moment.month) for moment in moments}) == 12
    assert plan.kept([], (14, 8, 12)) == set()
    jump = [*taken, ("jump", start + timedelta(days=9000))]
    assert len(plan.kept(jump, (14, 8, 12))) >= len(kept) - 3, "a clock that jumps ahead makes nothing old"


@pytest.mark.parametrize(
    ("every", "now", "slot"),
    [(24, "2026-07-15 01:59", "2026-07-14 02:00"), (24, "2026-07-15 02:00", "2026-07-15 02:00"),
     (1, "2026-07-15 01:59", "2026-07-15 01:00"), (6, "2026-07-15 13:59", "2026-07-15 08:00"),
     (7, "2026-07-15 01:00", "2026-07-14 23:00")],
)  # fmt: skip
def test_more_than_one_a_day_can_be_made(every: int, now: str, slot: str) -> None:
    at, wanted = (datetime.fromisoformat(f"{each}+00:00") for each in (now, slot))
    assert plan.last_slot(at, 2, every) == wanted


def test_what_has_served_its_time_is_deleted(site: BackedUp) -> None:
    plan.use(plan.site().recipient, 2, (1, 0, 0))
    first, second = site.make(), site.make()
    watch.reconcile(site.house.work)
    assert files(site.store) == [second.file, second.name + ".json"]
    assert site.row(1).state == "gone"
    assert first.name != second.name
    assert said(site, "backup.rotated") == 1
    assert notices(site, "backup.lost") == []
