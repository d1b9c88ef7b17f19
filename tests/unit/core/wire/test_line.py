"""A circuit that opened before remembers it: a trial of one message first, and a longer rest if that fails."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text, update

from connectpulse.core.domain.message import MessageState
from connectpulse.core.domain.outcome import ErrorClass, TryLater
from connectpulse.core.domain.provider import Receipt
from connectpulse.core.services import records
from connectpulse.core.services.desk import ServiceDesk
from connectpulse.core.storage.models import Connection
from connectpulse.core.wire import wire as wires
from connectpulse.core.wire.line import share
from connectpulse.core.wire.wire import Wire
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.testing.factories import ADMINISTRATOR
from tests.plugins import postcard
from tests.unit.core.services.scene import Scene


@pytest.fixture
def scene(post_house: House) -> Scene:
    return Scene(post_house, factories.organisation(post_house))


@pytest.fixture
def wire(scene: Scene) -> Iterator[Wire]:
    made = Wire(ServiceDesk(scene.house.work, "test-worker", ""))
    yield made
    made.stop()


def failed_before(scene: Scene, failures: int) -> int:
    """Set up a connection with a campaign waiting for it, whose circuit has just closed again."""
    connection_id = scene.connect()
    scene.launch(scene.campaign(scene.people(*(f"p{n}@x.org" for n in range(40)))))
    with scene.house.work(ADMINISTRATOR) as work:
        closed = work.clock() - timedelta(seconds=1)
        work.session.execute(update(Connection).values(failures=failures, open_until=closed))
    return connection_id


def connection(scene: Scene, connection_id: int) -> Connection:
    with scene.house.work(ADMINISTRATOR) as work:
        return records.find(work, Connection, connection_id)


def until(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.02)


@pytest.mark.parametrize(("failures", "rest"), [(3, 60), (5, 300), (40, 600)])
def test_a_failed_trial_opens_the_circuit_for_longer(
    scene: Scene, wire: Wire, monkeypatch: pytest.MonkeyPatch, failures: int, rest: int
) -> None:
    sizes: list[int] = []

    async def closed(self: postcard.PostProvider, batch: list[postcard.Submission]) -> list[postcard.Outcome]:
        sizes.append(len(batch))
        return [postcard.OUTCOMES["later"] for _ in batch]

    monkeypatch.setattr(postcard.PostProvider, "send_batch", closed)
    connection_id = failed_before(scene, failures)
    before = scene.house.clock()
    wire.start()
    until(lambda: connection(scene, connection_id).failures > failures)
    found = connection(scene, connection_id)
    assert found.failures == failures + 1
    assert found.open_until is not None
    assert timedelta(seconds=rest) <= found.open_until - before < timedelta(seconds=rest + 20)
    assert sizes == [1]


def test_a_trial_that_works_opens_the_line(scene: Scene, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    hand_over = postcard.PostProvider.send_batch

    async def counted(self: postcard.PostProvider, batch: list[postcard.Submission]) -> list[postcard.Outcome]:
        sizes.append(len(batch))
        return await hand_over(self, batch)

    monkeypatch.setattr(postcard.PostProvider, "send_batch", counted)
    connection_id = failed_before(scene, 4)
    wire.start()
    until(lambda: len(postcard.SENT) == 40)
    assert sizes[0] == 1
    assert max(sizes) > 1
    found = connection(scene, connection_id)
    assert (found.failures, found.open_until) == (0, None)


def test_what_was_not_tried_says_nothing_about_the_connection(
    scene: Scene, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    async def taken_back(self: postcard.PostProvider, batch: list[postcard.Submission]) -> list[postcard.Outcome]:
        sizes.append(len(batch))
        return [TryLater(timedelta(0), ErrorClass.PROVIDER, is_attempt=False) for _ in batch]

    monkeypatch.setattr(postcard.PostProvider, "send_batch", taken_back)
    connection_id = failed_before(scene, 4)
    wire.start()
    until(lambda: len(sizes) > 3)
    assert set(sizes) == {1}, "the trial goes on"
    assert connection(scene, connection_id).failures == 4


def test_failures_while_the_circuit_is_open_count_once(scene: Scene) -> None:
    connection_id = scene.connect()
    desk = ServiceDesk(scene.house.work, "test-worker", "")
    for _ in range(3):
        desk.failed(connection_id, "closed", 30.0)
    assert connection(scene, connection_id).failures == 1


@pytest.mark.parametrize(
    ("window", "most", "lanes", "size"),
    [(1, None, 1, 1), (10, None, 2, 5), (4000, None, 4, 1000), (60, 1, 60, 1), (3, 1, 3, 1), (10, 500, 2, 5)],
)
def test_a_window_is_shared_by_lanes(window: int, most: int | None, lanes: int, size: int) -> None:
    assert share(window, most) == (lanes, size)


def test_answers_that_come_one_by_one_are_recorded_one_by_one(
    scene: Scene, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs_up, hurried = asyncio.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []
    out: list[str] = []

    async def talk(self: postcard.PostProvider, batch: list[postcard.Submission]) -> list[postcard.Outcome]:
        (submission,) = batch
        loops.append(asyncio.get_running_loop())
        out.append(submission.address)
        if submission.address.startswith("slow"):
            await hangs_up.wait()
        over = Receipt(submission.token, MessageState.DELIVERED, quantity=7)
        return [postcard.Accepted((submission.token,), events=(over,))]

    async def hurry(self: postcard.PostProvider) -> None:
        hurried.set()

    monkeypatch.setattr(postcard.PostProvider, "most_at_once", 1)
    monkeypatch.setattr(postcard.PostProvider, "send_batch", talk)
    monkeypatch.setattr(postcard.PostProvider, "wind_up", hurry)
    connection_id = scene.connect()
    with scene.house.work(ADMINISTRATOR) as work:
        work.session.execute(update(Connection).where(Connection.id == connection_id).values(window=3))
    campaign_id = scene.campaign(scene.people("slow@x.org", *(f"t{n}@x.org" for n in range(5))))
    scene.launch(campaign_id)

    def delivered() -> int:
        return scene.figures(campaign_id).get("state:delivered", 0)

    wire.start()
    until(lambda: delivered() == 5 and len(out) == 6)
    loops[0].call_soon_threadsafe(hangs_up.set)
    until(lambda: delivered() == 6)
    wire.stop()
    assert hurried.is_set()
    assert sorted(out) == sorted(set(out))


def test_what_is_out_when_a_worker_stops_is_not_taken_for_lost(
    scene: Scene, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wires, "KEEP_EVERY", 0.05)
    answered, hurried = asyncio.Event(), threading.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def slow(self: postcard.PostProvider, batch: list[postcard.Submission]) -> list[postcard.Outcome]:
        loops.append(asyncio.get_running_loop())
        await answered.wait()
        return [postcard.Accepted((each.token,)) for each in batch]

    async def hurry(self: postcard.PostProvider) -> None:
        hurried.set()

    def lease() -> datetime:
        with scene.house.work(ADMINISTRATOR) as work:
            found = work.session.scalar(text("SELECT lease_until FROM pulse_dispatch"))
            assert isinstance(found, datetime)
            return found

    monkeypatch.setattr(postcard.PostProvider, "send_batch", slow)
    monkeypatch.setattr(postcard.PostProvider, "wind_up", hurry)
    scene.connect()
    campaign_id = scene.campaign(scene.people("slow@x.org"))
    scene.launch(campaign_id)
    wire.start()
    until(lambda: bool(loops))
    stopping = threading.Thread(target=wire.stop)
    stopping.start()
    assert hurried.wait(15)
    for _ in range(2):
        before = lease()
        until(lambda: lease() > before)  # noqa: B023 - called at once
    loops[0].call_soon_threadsafe(answered.set)
    stopping.join()
    assert scene.figures(campaign_id)["state:accepted"] == 1
