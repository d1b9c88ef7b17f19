"""Attempts: counted or not, asked for by a receipt, and never one more than was asked for."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import select, text

from connectpulse.core.domain.contracts import Purpose
from connectpulse.core.domain.message import MessageState
from connectpulse.core.domain.outcome import Accepted, ErrorClass, Outcome, TryLater, Unknown
from connectpulse.core.domain.provider import Receipt, Submission
from connectpulse.core.services import (
    campaigns,
    counters,
    messages,
    outcomes,
    receipts,
    records,
    recovery,
    singles,
    suppressions,
)
from connectpulse.core.services.desk import ServiceDesk, ServiceHand
from connectpulse.core.services.retries import Source
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import Attempt, Dispatch, Message, Reference
from connectpulse.core.wire.desk import Batch
from tests.unit.core.services.scene import AMINA, Scene

S = MessageState
SOON = timedelta(minutes=5)


class Line:
    """A scene with one connection and one hand, which takes and answers what is due."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.now = datetime.now(UTC)  # ids tell the database's time: receipts are matched by it
        scene.at(self.now)
        self.connection = scene.connect()
        self._desk = ServiceDesk(scene.house.work, "test-worker", "")
        self._hand: ServiceHand = self._desk.hand(self._desk.lines()[0])

    def later(self, by: timedelta = SOON) -> None:
        self.now += by
        self.scene.at(self.now)

    def take(self) -> Batch | None:
        return self._hand.turn(None, (), 10).batch

    def answer(self, batch: Batch, outcomes: Sequence[Outcome] | Outcome | None = None) -> None:
        """Record one outcome for all of a batch; by default each is accepted under a reference of its attempt."""
        accepted = [Accepted((reference(each.message_id, each.attempt),)) for each in batch.submissions]
        self._hand.turn(batch, accepted if outcomes is None else [outcomes] * len(batch.submissions), 0)  # type: ignore[list-item]

    def hand_over(self) -> list[Submission]:
        """Hand over all that is due."""
        found: list[Submission] = []
        while (batch := self.take()) is not None:
            self.answer(batch)
            found += batch.submissions
        return found

    def tell(self, *told: Receipt) -> None:
        self._desk.take_in(self.connection, told)

    def message(self, message_id: int) -> Message:
        with self.scene.work() as work:
            return records.find(work, Message, message_id)

    def state(self, message_id: int) -> tuple[str, int]:
        found = self.message(message_id)
        return S(found.state).label, found.attempt

    def single(self) -> int:
        with self.scene.work() as work:
            return singles.queue(
                work, channel=work.registry.channel("postcard"), sender="Amina", address="zara@x.org",
                content={"body": "Hello"}, purpose=Purpose.TRANSACTIONAL,
            )  # fmt: skip

    def figures(self, campaign_id: int = 0) -> dict[str, int]:
        with self.scene.work() as work:
            found = counters.read(work, [campaign_id])[campaign_id]
        return {name: int(amount) for name, amount in found.items() if amount and name.startswith("state:")}


@pytest.fixture
def line(scene: Scene) -> Line:
    return Line(scene)


def reference(message_id: int, attempt: int = 1) -> str:
    return f"P{message_id}/{attempt}"


def busy(message_id: int, attempt: int = 1, after: timedelta | None = SOON, **more: Any) -> Receipt:
    return Receipt(reference(message_id, attempt), S.UNDELIVERABLE, "486", "busy", again=after, **more)


def test_what_is_no_attempt_is_tried_until_it_expires(line: Line) -> None:
    message = line.single()
    for _ in range(8):
        batch = line.take()
        assert batch is not None
        assert [each.attempt for each in batch.submissions] == [1]
        line.answer(batch, TryLater(SOON, ErrorClass.RECIPIENT, "greylisted", is_attempt=False))
        assert line.take() is None
        line.later()
    assert line.state(message) == ("queued", 1)
    batch = line.take()
    assert batch is not None
    line.answer(batch, TryLater(SOON, ErrorClass.RECIPIENT, "greylisted"))
    assert line.state(message) == ("queued", 2)
    assert line.message(message).connection_id is None


def test_a_receipt_asks_for_another_attempt(line: Line) -> None:
    message = line.single()
    line.hand_over()
    line.tell(busy(message))
    assert line.state(message) == ("queued", 2)
    assert line.hand_over() == []
    line.later()
    assert [each.attempt for each in line.hand_over()] == [2]
    line.tell(Receipt(reference(message, 2), S.DELIVERED))
    assert (line.state(message), line.figures()) == (("delivered", 2), {"state:delivered": 1})
    with line.scene.work() as work:
        attempt = work.session.scalars(select(Attempt)).one()
        assert (attempt.number, attempt.outcome, attempt.reason, attempt.code) == (1, "again", "busy", "486")
        references = work.session.execute(select(Reference.reference, Reference.attempt).order_by(Reference.attempt))
        assert references.all() == [(reference(message, 1), 1), (reference(message, 2), 2)]
        titles = [event.title for event in messages.story(work, message).events]
    assert "Attempt 1 over Post: came to nothing, to be tried again" in titles


def test_attempts_and_validity_end(line: Line) -> None:
    many, old = line.single(), line.single()
    for attempt in range(1, 5):
        line.hand_over()
        line.tell(busy(many, attempt))
        line.later()
    line.hand_over()
    line.tell(busy(many, 5), busy(old, 1, timedelta(days=1)))
    assert (line.state(many), line.state(old)) == (("undeliverable", 5), ("undeliverable", 1))
    assert line.message(old).reason == "busy"
    assert line.figures() == {"state:undeliverable": 2}


TOLD = [(1, S.SENT, None), (1, S.UNDELIVERABLE, SOON), (1, S.UNDELIVERABLE, SOON)]


@pytest.mark.parametrize("is_together", [True, False])
def test_any_order_of_an_attempts_receipts_ends_alike(line: Line, is_together: bool) -> None:
    for order in permutations(TOLD):
        message = line.single()
        line.hand_over()
        told = [Receipt(reference(message, attempt), state, again=after) for attempt, state, after in order]
        for each in [told] if is_together else [[one] for one in told]:
            line.tell(*each)
        assert line.state(message) == ("queued", 2)
        line.later()
        assert len(line.hand_over()) == 1
        line.tell(*told)  # late, and of an attempt that another followed
        assert line.state(message) == ("accepted", 2)
        line.tell(Receipt(reference(message, 2), S.DELIVERED))
    assert line.figures() == {"state:delivered": 6}


def test_a_receipt_that_comes_before_its_submit_asks_all_the_same(line: Line) -> None:
    message = line.single()
    batch = line.take()
    assert batch is not None
    line.tell(busy(message))
    line.answer(batch)
    assert line.state(message) == ("queued", 2)


@pytest.mark.parametrize("is_handed_over", [False, True])
def test_a_late_delivery_of_an_earlier_attempt_wins(line: Line, is_handed_over: bool) -> None:
    message = line.single()
    line.hand_over()
    line.tell(busy(message))
    line.later()
    if is_handed_over:
        line.hand_over()
    line.tell(Receipt(reference(message, 1), S.DELIVERED))
    assert line.hand_over() == []
    line.tell(busy(message, 2))
    assert (line.state(message), line.figures()) == (("delivered", 2), {"state:delivered": 1})


def test_a_final_word_stands_beside_one_that_asks(line: Line) -> None:
    message = line.single()
    line.hand_over()
    line.tell(busy(message), busy(message, after=None))
    assert line.state(message) == ("undeliverable", 1)


def test_an_answer_that_is_recorded_twice_does_not_end_the_next_attempt(line: Line) -> None:
    message = line.single()
    batch = line.take()
    assert batch is not None
    line.answer(batch)
    line.tell(busy(message))
    with line.scene.house.work(AMINA) as work, guard.platform_scope(work.session, "test"):
        row = work.session.scalars(select(Dispatch).order_by(Dispatch.id).limit(1)).one()
        names = [name for name in Source.__slots__ if name != "dispatch_id"]
        source = Source(row.id, **{name: getattr(row, name) for name in names})
        outcomes.record(work, source, batch.submissions, [Accepted((reference(message),))])
    assert line.state(message) == ("queued", 2)
    line.later()
    assert len(line.hand_over()) == 1


def test_a_provider_may_give_every_attempt_the_same_reference(line: Line) -> None:
    message = line.single()
    for attempt in (1, 2):
        batch = line.take()
        assert batch is not None
        line.answer(batch, Accepted((reference(message),)))
        assert line.state(message) == ("accepted", attempt)
        line.tell(busy(message))
        line.later()
    assert line.state(message) == ("queued", 3)


def test_a_suppression_is_made_whatever_becomes_of_the_message(line: Line) -> None:
    message = line.single()
    line.hand_over()
    line.tell(busy(message), busy(message, suppress=True))
    line.later()
    assert line.hand_over() == []
    assert line.state(message) == ("skipped", 2)


def test_one_that_was_suppressed_long_after_it_was_handed_over_is_left_out(line: Line) -> None:
    message = line.single()
    line.hand_over()
    with line.scene.work() as work:
        suppressions.add(work, "email", "zara@x.org", reason="opted_out", source="test")
        work.session.execute(
            text("UPDATE pulse_suppression SET created_at = :at"), {"at": line.now + timedelta(hours=1)}
        )
    line.later(timedelta(hours=6))
    line.tell(busy(message))
    line.later()
    assert line.hand_over() == []
    assert line.state(message) == ("skipped", 2)


@pytest.fixture
def campaign(line: Line) -> int:
    made = line.scene.campaign(line.scene.people("zara@x.org", "omar@x.org"))
    line.scene.launch(made)
    line.hand_over()
    assert line.scene.state(made) == "finished"
    return made


def ids(line: Line) -> list[int]:
    with line.scene.work() as work:
        return list(work.session.scalars(select(Message.id).order_by(Message.id)))


def test_a_finished_campaign_goes_on_for_what_is_tried_again(line: Line, campaign: int) -> None:
    zara, omar = ids(line)
    line.tell(busy(zara), Receipt(reference(omar), S.DELIVERED))
    assert line.scene.state(campaign) == "running"
    assert line.figures(campaign) == {"state:queued": 1, "state:delivered": 1}
    line.later()
    assert [each.message_id for each in line.hand_over()] == [zara]
    assert line.scene.state(campaign) == "finished"


def test_what_is_tried_again_is_paused_and_cancelled_with_its_campaign(line: Line, campaign: int) -> None:
    zara, omar = ids(line)
    line.tell(busy(zara))
    with line.scene.work() as work:
        campaigns.pause(work, campaign)
    line.later()
    assert line.hand_over() == []
    with line.scene.work() as work:
        campaigns.cancel(work, campaign)
    line.tell(busy(omar))
    line.scene.run_jobs()
    assert (line.state(zara), line.state(omar)) == (("cancelled", 2), ("undeliverable", 1))


def test_an_unknown_message_that_a_receipt_is_about_is_tried_again(line: Line) -> None:
    message = line.single()
    batch = line.take()
    assert batch is not None
    line.answer(batch, Unknown())
    line.tell(busy(message, address="zara@x.org"))
    line.later(recovery.ORPHAN_PATIENCE + SOON)
    with line.scene.house.work(AMINA) as work, guard.platform_scope(work.session, "test"):
        assert recovery.orphans(work) == 1
    assert line.state(message) == ("queued", 2)


def test_two_that_fold_at_once_queue_one_attempt(line: Line) -> None:
    message = line.single()
    line.hand_over()
    with line.scene.house.work(AMINA) as first, guard.platform_scope(first.session, "test"):
        known = receipts.known(first, {message})[message]
    line.tell(busy(message))
    receipts.better(known, 0, busy(message), 1)
    with (
        pytest.raises(receipts.Moved),
        line.scene.house.work(AMINA) as work,
        guard.platform_scope(work.session, "test"),
    ):
        receipts.fold(work, [known])
    with line.scene.work() as work:
        assert work.session.scalar(text("SELECT count(*) FROM pulse_dispatch WHERE attempt = 2")) == 1
