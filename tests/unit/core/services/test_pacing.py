"""Rates over all workers: nobody exceeds them, and nothing is granted that was rolled back."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from connectpulse.core.services import pacing
from connectpulse.core.services.pacing import BURST
from connectpulse.core.services.work import Work
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR

KEY = "campaign:1"
_CLOCK = text("SELECT clock_timestamp()")


def later(work: Work, seconds: float) -> None:
    """Let time pass for every rate."""
    work.session.execute(
        text("UPDATE pulse_pace SET next_at = next_at - make_interval(secs => :seconds)"), {"seconds": seconds}
    )


def test_without_a_rate_everything_goes(work: Work) -> None:
    assert pacing.allow(work, {KEY: None, "organisation:1": 0}, 500) == (500, None)


def test_a_burst_goes_at_once_and_the_rest_waits(work: Work) -> None:
    assert pacing.allow(work, {KEY: 1000}, 5000) == (round(BURST * 1000), None)


def test_a_burst_that_is_used_up_says_how_long_to_wait(work: Work) -> None:
    pacing.allow(work, {KEY: 10}, 100)
    later(work, -60)
    allowed, wait = pacing.allow(work, {KEY: 10}, 100)
    assert allowed == 0
    assert wait is not None
    assert 30 < wait <= 60 + BURST + 1 / 10


def test_the_slowest_rate_decides(work: Work) -> None:
    assert pacing.allow(work, {KEY: 1000, "organisation:1": 20}, 500)[0] == round(BURST * 20)


def test_a_slow_rate_lets_one_go_at_a_time(work: Work) -> None:
    assert pacing.allow(work, {KEY: 1}, 100)[0] == 1
    assert pacing.allow(work, {KEY: 1}, 100)[0] == 0
    later(work, 1.1)
    assert pacing.allow(work, {KEY: 1}, 100)[0] == 1


@pytest.mark.parametrize("rate", [1, 3, 7, 50, 400])
def test_over_a_minute_the_rate_is_kept(work: Work, rate: int) -> None:
    begun, granted = work.session.scalar(_CLOCK), 0
    for _ in range(600):
        allowed, _wait = pacing.allow(work, {KEY: rate}, 100)
        granted += allowed
        later(work, 0.1)
    passed = 60 + (work.session.scalar(_CLOCK) - begun).total_seconds()
    assert rate * 60 * 0.7 <= granted <= rate * passed + BURST * rate + 1


def test_what_is_rolled_back_was_not_granted(house: House) -> None:
    with house.work(ADMINISTRATOR) as work:
        pacing.allow(work, {KEY: 1}, 1)
        work.session.rollback()
    with house.work(ADMINISTRATOR) as work:
        assert pacing.allow(work, {KEY: 1}, 1)[0] == 1


def test_workers_at_once_share_a_rate(house: House) -> None:
    with house.work(ADMINISTRATOR) as work:
        pacing.allow(work, {KEY: 1000}, 1)

    def ask(_: int) -> int:
        with house.work(ADMINISTRATOR) as work:
            return pacing.allow(work, {KEY: 1000}, 100)[0]

    with ThreadPoolExecutor(4) as pool:
        granted = list(pool.map(ask, range(4)))
    with house.work(ADMINISTRATOR) as work:
        ahead = work.session.scalar(text("SELECT extract(epoch FROM next_at - clock_timestamp()) FROM pulse_pace"))
    assert sum(granted) > 100
    assert float(ahead or 0) <= BURST


def test_slow_rate_waits_no_longer_than_it_must(house: House) -> None:
    with house.work(ADMINISTRATOR) as work:
        assert pacing.allow(work, {KEY: 1}, 1) == (1, None)
        allowed, wait = pacing.allow(work, {KEY: 1}, 1)
    assert allowed == 0
    assert wait is not None
    assert 0.5 < wait <= 1
