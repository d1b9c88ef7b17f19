"""The queue: what nobody signed is not run, and one worker alone wakes what is due."""

import pickle
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import text

from connectpulse.house import House
from connectpulse.tasks.queue import Scheduler, make_queue


def test_only_what_this_site_signed_is_read(house: House) -> None:
    url = house.engine.url.render_as_string(hide_password=False)
    ours, theirs = (make_queue(replace(house.settings, secret_key=key), url) for key in ("ours", "theirs"))
    told = ours.serializer.serialize(("core.run_job", 1))
    assert ours.serializer.deserialize(told) == ("core.run_job", 1)
    for forged in (pickle.dumps(("core.run_job", 1)), theirs.serializer.serialize(("core.run_job", 1)), b"", told[:-1]):
        with pytest.raises(ValueError, match=r"(?i)signature|separator|invalid"):
            ours.serializer.deserialize(forged)
    ours.close()
    theirs.close()


def test_one_worker_is_the_scheduler_until_it_is_gone(house: House) -> None:
    first, second = Scheduler(house.engine), Scheduler(house.engine)
    try:
        assert (first.is_elected(), second.is_elected()) == (True, False)
        assert first.is_elected(), "who is elected stays it"
        first.resign()
        _until(second.is_elected)  # the lock goes with its connection, which takes a moment
        assert not first.is_elected()
        _cut_off(house)
        assert not second.is_elected(), "whose line to the database broke cannot know whether it still is"
        assert (first.is_elected(), second.is_elected()) == (True, False)
    finally:
        first.resign()
        second.resign()


def _until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _cut_off(house: House) -> None:
    """End the session that holds the scheduler's lock, as a database that restarts would."""
    with house.engine.begin() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks"
                " WHERE locktype = 'advisory' AND (classid::bigint << 32) + objid::bigint = :key"
            ),
            {"key": 0x7363686564},
        )
