"""A house that closes waits for what its threads do in the database, and leaves no connection open."""

import threading
from typing import Any

import pytest

from connectpulse import house as houses
from connectpulse.core.services.work import SYSTEM
from connectpulse.house import House

PATIENCE = 20.0


class Elsewhere:
    """A thread in a unit of work, until it is let go."""

    def __init__(self, house: House) -> None:
        self.connection: Any = None
        self.begun, self.may_end = threading.Event(), threading.Event()
        self._house = house
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        assert self.begun.wait(PATIENCE)

    def _run(self) -> None:
        with self._house.work(SYSTEM) as work:
            self.connection = work.session.connection().connection.driver_connection
            self.begun.set()
            assert self.may_end.wait(PATIENCE)


def test_it_closes_a_connection_that_was_in_use(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(houses, "CLOSE_WITHIN", PATIENCE)
    other = Elsewhere(house)
    closing = threading.Thread(target=house.close)
    closing.start()
    closing.join(0.1)
    assert closing.is_alive()
    other.may_end.set()
    closing.join(PATIENCE)
    other.thread.join(PATIENCE)
    assert other.connection.closed


def test_it_does_not_wait_for_ever(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(houses, "CLOSE_WITHIN", 0.1)
    other = Elsewhere(house)
    house.close()
    assert other.thread.is_alive()
    other.may_end.set()
    other.thread.join(PATIENCE)
    other.connection.close()
