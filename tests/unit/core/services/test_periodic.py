"""Duties that come round: when they are due, once at a time, again after a failure, and told on the System page."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from connectpulse.core.domain.jobs import Duty, Job
from connectpulse.core.services import jobs, periodic
from connectpulse.core.services.work import SYSTEM, Opener, Work
from connectpulse.core.storage import guard
from connectpulse.house import House

HOUR = timedelta(hours=1)


class Tidy:
    def __init__(self) -> None:
        self.done: list[datetime] = []
        self.scopes: list[str | None] = []
        self.fault: Exception | None = None
        self.more = 0

    def step(self, work: Work) -> bool:
        if self.fault is not None:
            raise self.fault
        self.done.append(work.clock())
        self.scopes.append(work.session.info.get("platform_reason"))
        self.more -= 1
        return self.more > 0

    def call(self, open_work: Opener) -> bool:
        with open_work(SYSTEM) as work:
            self.done.append(work.clock())
        return False


@pytest.fixture
def tidy(house: House) -> Tidy:
    made = Tidy()
    house.registry.duties.clear()
    house.registry.duties["acme.tidy"] = Duty("acme.tidy", "Tidying up", HOUR, step=made.step)
    return made


def come_round(house: House) -> int:
    with house.work(SYSTEM) as work, guard.platform_scope(work.session, "test"):
        woken = periodic.wake(work)
        due = jobs.due(work)
    for job_id in due:
        jobs.run(house.work, job_id, "worker")
    return woken


def last(house: House) -> periodic.LastRun:
    with house.work(SYSTEM) as work:
        (found,) = periodic.last_runs(work)
        return found


def health(house: House) -> tuple[bool, str]:
    with house.work(SYSTEM) as work:
        found = periodic.health(work)
        return found.is_healthy, found.detail


def test_it_is_done_when_its_time_comes_and_not_before(house: House, tidy: Tidy) -> None:
    assert last(house).begun_at is None
    assert come_round(house) == 1
    assert come_round(house) == 0
    assert len(tidy.done) == 1
    later = house.clock() + HOUR
    house.clock = lambda: later
    assert come_round(house) == 1
    assert tidy.done[1] == later
    run = last(house)
    assert (run.begun_at, run.ended_at, run.error) == (later, later, "")
    assert health(house) == (True, "1 duties come round.")


def test_it_works_across_organisations_and_as_long_as_there_is_more(house: House, tidy: Tidy) -> None:
    tidy.more = 3
    come_round(house)
    assert tidy.scopes == ["acme.tidy"] * 3


def test_what_calls_others_opens_its_own_work(house: House, tidy: Tidy) -> None:
    house.registry.duties["acme.tidy"] = Duty("acme.tidy", "Tidying up", HOUR, call=tidy.call)
    come_round(house)
    assert len(tidy.done) == 1
    assert last(house).ended_at is not None


def test_a_failure_is_tried_again_and_told_in_the_end(house: House, tidy: Tidy) -> None:
    tidy.fault = RuntimeError("the books are shut")
    come_round(house)
    for _ in range(jobs.MOST_ATTEMPTS):
        with house.work(SYSTEM) as work:
            work.session.execute(text("UPDATE pulse_job SET run_at = now()"))
            (job_id,) = jobs.due(work) or (0,)
        jobs.run(house.work, job_id, "worker")
    assert "It failed 6 times" in last(house).error
    is_healthy, detail = health(house)
    assert not is_healthy
    assert detail.startswith("Tidying up failed: It failed 6 times")
    tidy.fault = None
    later = house.clock() + HOUR
    house.clock = lambda: later
    come_round(house)
    assert last(house).error == ""


def test_somebody_is_told_where_nobody_comes_round(house: House, tidy: Tidy) -> None:
    come_round(house)
    later = house.clock() + 2 * HOUR
    house.clock = lambda: later
    is_healthy, detail = health(house)
    assert not is_healthy
    assert detail.startswith("Tidying up has not begun since ")


def test_one_at_a_time(house: House, tidy: Tidy) -> None:
    with house.work(SYSTEM) as work, guard.platform_scope(work.session, "test"):
        periodic.wake(work)
        periodic.wake(work)
        assert work.session.scalar(text("SELECT count(*) FROM pulse_job")) == 1


def test_jobs_and_duties_of_a_muted_plugin_wait(house: House, tidy: Tidy) -> None:
    steps: list[int] = []
    house.registry.jobs["acme.count"] = Job("acme.count", step=lambda work, subject_id: bool(steps.append(subject_id)))
    with house.work(SYSTEM) as work:
        jobs.submit(work, "acme.count", 5)
        (job_id,) = jobs.due(work)
    kept = house.registry.jobs.pop("acme.count")
    with house.work(SYSTEM) as work:
        assert jobs.due(work) == []
    jobs.run(house.work, job_id, "worker")
    assert steps == []
    house.registry.jobs["acme.count"] = kept
    jobs.run(house.work, job_id, "worker")
    assert steps == [5]


def test_a_job_may_wait_for_others_without_a_session(house: House) -> None:
    seen: list[bool] = []

    def call(open_work: Opener, subject_id: int) -> bool:
        seen.append(house.engine.pool.checkedout() == 0)  # type: ignore[attr-defined]
        return len(seen) < 2

    house.registry.jobs["acme.fetch"] = Job("acme.fetch", call=call)
    with house.work(SYSTEM) as work:
        jobs.submit(work, "acme.fetch", 5)
        (job_id,) = jobs.due(work)
    jobs.run(house.work, job_id, "worker")
    assert seen == [True, True]
    with house.work(SYSTEM) as work:
        assert work.session.scalar(text("SELECT state FROM pulse_job")) == "done"
