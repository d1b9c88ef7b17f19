"""Durable work: once at a time, resumed after a kill, repeated after a failure, given up in words."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from connectpulse.core.domain.jobs import Job
from connectpulse.core.errors import Refused
from connectpulse.core.services import jobs
from connectpulse.core.services.work import Work
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR


class Count:
    """A job that counts to `goal`; `fault` is raised at a step, `taken_at` lets another worker take it over."""

    def __init__(self, goal: int = 3) -> None:
        self.goal, self.steps, self.given_up = goal, 0, ""
        self.fault: Exception | None = None
        self.is_taken = False

    def step(self, work: Work, subject_id: int) -> bool:
        if self.fault is not None:
            raise self.fault
        self.steps += 1
        work.session.execute(
            text("INSERT INTO pulse_pace (key, next_at) VALUES (:key, now())"), {"key": f"{self.steps}"}
        )
        if self.is_taken:
            work.session.execute(text("UPDATE pulse_job SET worker = 'another'"))
        return self.steps < self.goal

    def give_up(self, work: Work, subject_id: int, reason: str) -> None:
        self.given_up = reason


@pytest.fixture
def count(house: House) -> Iterator[Count]:
    made = Count()
    house.registry.jobs["count"] = Job("count", made.step, made.give_up)
    yield made
    del house.registry.jobs["count"]


def submit(house: House, organisation: int, subject_id: int = 1) -> list[int]:
    with house.work(ADMINISTRATOR, organisation) as work:
        jobs.submit(work, "count", subject_id)
        return [job_id for _, job_id in work.wakes]


def row(house: House) -> tuple[str, int, str]:
    with house.work(ADMINISTRATOR) as work:
        found = work.session.execute(
            text("SELECT state, attempts, error FROM pulse_job ORDER BY id DESC LIMIT 1")
        ).one()
        return found[0], found[1], found[2]


def done(house: House) -> int:
    with house.work(ADMINISTRATOR) as work:
        return int(work.session.scalar(text("SELECT count(*) FROM pulse_pace")) or 0)


def due_later(house: House, seconds: int = 600) -> list[int]:
    with house.work(ADMINISTRATOR) as work:
        work.session.execute(
            text("UPDATE pulse_job SET run_at = run_at - make_interval(secs => :s), "
                 "lease_until = lease_until - make_interval(secs => :s)"), {"s": seconds}
        )  # fmt: skip
        return jobs.due(work)


def test_one_job_for_a_subject_is_enough(house: House, organisation: int, count: Count) -> None:
    assert len(submit(house, organisation)) == 1
    assert submit(house, organisation) == []
    assert len(submit(house, organisation, 2)) == 1


def test_a_job_runs_step_by_step_to_its_end_and_may_be_wanted_again(
    house: House, organisation: int, count: Count
) -> None:
    (job_id,) = submit(house, organisation)
    jobs.run(house.work, job_id, "one")
    jobs.run(house.work, job_id, "two")
    assert (count.steps, row(house)[0]) == (3, "done")
    assert len(submit(house, organisation)) == 1


def test_a_job_in_a_workers_hands_is_nobody_elses(house: House, organisation: int, count: Count) -> None:
    (job_id,) = submit(house, organisation)
    assert jobs._claim(house.work, job_id, "one") is not None
    assert jobs._claim(house.work, job_id, "two") is None
    with house.work(ADMINISTRATOR) as work:
        assert jobs.due(work) == []


def test_a_killed_workers_job_is_found_and_resumed(house: House, organisation: int, count: Count) -> None:
    (job_id,) = submit(house, organisation)
    assert jobs._claim(house.work, job_id, "killed") is not None
    assert due_later(house) == [job_id]
    jobs.run(house.work, job_id, "living")
    assert row(house)[0] == "done"


def test_a_worker_that_lost_its_lease_commits_nothing_more(house: House, organisation: int, count: Count) -> None:
    (job_id,) = submit(house, organisation)
    count.is_taken = True
    jobs.run(house.work, job_id, "slow")
    assert (count.steps, done(house)) == (1, 0)


def test_a_worker_that_is_to_stop_gives_the_rest_back(house: House, organisation: int, count: Count) -> None:
    (job_id,) = submit(house, organisation)
    jobs.run(house.work, job_id, "one", lambda: True)
    assert (count.steps, row(house)[0]) == (1, "waiting")
    jobs.run(house.work, job_id, "two")
    assert (count.steps, row(house)[0]) == (3, "done")


def test_a_failure_is_tried_again_later_and_given_up_at_last(house: House, organisation: int, count: Count) -> None:
    (job_id,) = submit(house, organisation)
    count.fault = RuntimeError("the moon is full")
    for attempt in range(1, jobs.MOST_ATTEMPTS):
        jobs.run(house.work, job_id, "one")
        assert row(house) == ("waiting", attempt, "RuntimeError: the moon is full")
        with house.work(ADMINISTRATOR) as work:
            assert jobs.due(work) == []
        assert due_later(house) == [job_id]
    jobs.run(house.work, job_id, "one")
    assert row(house)[0] == "failed"
    assert count.given_up.endswith("the moon is full")


def test_a_refusal_ends_it_at_once_in_its_own_words(house: House, organisation: int, count: Count) -> None:
    (job_id,) = submit(house, organisation)
    count.fault = Refused("Choose a sender.")
    jobs.run(house.work, job_id, "one")
    assert (row(house)[0], count.given_up) == ("failed", "Choose a sender.")
