"""Wakings close together: the first at once, the others together a moment later, and none is forgotten."""

from queue import Empty, SimpleQueue

import pytest

from connectpulse.web.wakings import Wakings

PATIENCE = 10.0
EVERY = 0.3
MOMENT = 0.5
"""Seconds in which nothing more must come: longer than EVERY."""


class Woken:
    """What was woken for, in order; `fails` lets each waking fail."""

    def __init__(self, *, fails: bool = False) -> None:
        self._fails = fails
        self._numbers: SimpleQueue[int] = SimpleQueue()

    def __call__(self, number: int) -> None:
        self._numbers.put(number)
        if self._fails:
            raise OSError("the queue is away")

    def next(self) -> int:
        return self._numbers.get(timeout=PATIENCE)

    def no_more(self) -> None:
        with pytest.raises(Empty):
            self._numbers.get(timeout=MOMENT)


def test_the_first_goes_through_and_the_others_share_one() -> None:
    woken = Woken()
    wakings = Wakings(woken, every=EVERY)
    assert [wakings.may(1) for _ in range(5)] == [True, False, False, False, False]
    assert wakings.may(2), "another thing has its own measure"
    assert woken.next() == 1
    woken.no_more()
    assert wakings.may(1)


def test_a_waking_that_fails_stops_none_after_it() -> None:
    woken = Woken(fails=True)
    wakings = Wakings(woken, every=EVERY)
    for _ in range(2):
        assert wakings.may(7)
        assert not wakings.may(7)
        assert woken.next() == 7
        woken.no_more()


def test_who_closes_is_woken_for_nothing() -> None:
    woken = Woken()
    wakings = Wakings(woken, every=EVERY)
    assert [wakings.may(1), wakings.may(1)] == [True, False]
    wakings.close()
    woken.no_more()
