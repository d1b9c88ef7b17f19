"""Wakings close together: the first at once, the others together a moment later, and none is forgotten."""

import time
from threading import Event

from connectpulse.web.wakings import Wakings


def test_the_first_goes_through_and_the_others_share_one() -> None:
    woken: list[int] = []
    came = Event()

    def wake(number: int) -> None:
        woken.append(number)
        came.set()

    wakings = Wakings(wake, every=0.05)
    assert [wakings.may(1) for _ in range(5)] == [True, False, False, False, False]
    assert wakings.may(2), "another thing has its own measure"
    assert came.wait(5)
    time.sleep(0.06)
    assert woken == [1]
    assert wakings.may(1)


def test_a_waking_that_fails_stops_none_after_it() -> None:
    tried: list[int] = []
    came = Event()

    def wake(number: int) -> None:
        tried.append(number)
        came.set()
        raise OSError("the queue is away")

    wakings = Wakings(wake, every=0.01)
    for count in (1, 2):
        came.clear()
        assert wakings.may(7)
        assert not wakings.may(7)
        assert came.wait(5)
        assert len(tried) == count
        time.sleep(0.02)


def test_who_closes_is_woken_for_nothing() -> None:
    woken: list[int] = []
    wakings = Wakings(woken.append, every=0.03)
    assert [wakings.may(1), wakings.may(1)] == [True, False]
    wakings.close()
    time.sleep(0.06)
    assert woken == []
