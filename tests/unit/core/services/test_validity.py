"""Nothing stale goes out: validity ends in the queue too, windows survive a retry, and what moves on is counted."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from connectpulse.core.domain.message import MessageState
from connectpulse.core.domain.outcome import Accepted, ErrorClass, Outcome, Rejected, TryLater
from connectpulse.core.domain.provider import Receipt
from connectpulse.core.services import campaigns, leaving, recovery
from connectpulse.core.services.desk import ServiceDesk, ServiceHand
from connectpulse.core.services.dispatching import remaining
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import Dispatch, Message
from connectpulse.core.wire.desk import Batch
from tests.unit.core.services.scene import AMINA, Scene

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
HOURS: dict[str, Any] = {"window_start": time(9), "window_end": time(17), "timezone": "UTC"}
MINUTE = timedelta(minutes=1)


@pytest.fixture
def noon(scene: Scene) -> Scene:
    scene.at(NOON)
    scene.connect("First")
    return scene


def hand_of(scene: Scene, number: int = 0) -> ServiceHand:
    desk = ServiceDesk(scene.house.work, "test-worker", "")
    return desk.hand(desk.lines()[number])


def turned(hand: ServiceHand, done: Batch | None = None, outcomes: Sequence[Outcome] = ()) -> Batch | None:
    return hand.turn(done, outcomes, 100).batch


def ready(scene: Scene) -> list[Dispatch]:
    with scene.house.work(AMINA) as work, guard.platform_scope(work.session, "test"):
        return list(work.session.scalars(select(Dispatch).where(Dispatch.state == "ready")))


def states(scene: Scene) -> set[tuple[str, str]]:
    with scene.work() as work:
        rows = work.session.execute(select(Message.state, Message.reason))
        return {(MessageState(state).label, reason) for state, reason in rows}


def expire(scene: Scene) -> int:
    with scene.house.work(AMINA) as work, guard.platform_scope(work.session, "test"):
        return leaving.expire_step(work)


RETRIES: list[Outcome] = [
    TryLater(2 * MINUTE, ErrorClass.THROTTLE),
    TryLater(2 * MINUTE, ErrorClass.PROVIDER),
    Rejected("connection_lost", ErrorClass.PROVIDER),
    TryLater(10 * MINUTE, ErrorClass.RECIPIENT, "busy"),
    Accepted(("R",), events=(Receipt("R", MessageState.UNDELIVERABLE, again=timedelta(hours=1)),)),
]


@pytest.mark.parametrize("outcome", RETRIES)
def test_a_retry_waits_for_the_sending_window_like_the_first_attempt(noon: Scene, outcome: Outcome) -> None:
    noon.at(datetime(2026, 6, 15, 16, 59, tzinfo=UTC))
    noon.launch(noon.campaign(noon.people("p@x.org"), **HOURS))
    hand = hand_of(noon)
    batch = turned(hand)
    assert batch is not None
    turned(hand, batch, [outcome])
    with noon.house.work(AMINA) as work, guard.platform_scope(work.session, "test"):
        recovery.orphans(work)  # ids are of today, and the house's clock is not: receipts find nothing at once
    (again,) = ready(noon)
    assert again.closes_at == datetime(2026, 6, 15, 17, tzinfo=UTC)
    noon.at(datetime(2026, 6, 15, 20, tzinfo=UTC))
    assert turned(hand) is None
    (again,) = ready(noon)
    assert again.due_at == datetime(2026, 6, 16, 9, tzinfo=UTC)
    noon.at(datetime(2026, 6, 16, 9, 1, tzinfo=UTC))
    assert turned(hand) is not None


def test_a_failover_keeps_the_sending_window(noon: Scene) -> None:
    noon.connect("Second", priority=20)
    noon.at(datetime(2026, 6, 15, 16, 59, 59, tzinfo=UTC))
    noon.launch(noon.campaign(noon.people("p@x.org"), **HOURS))
    hand = hand_of(noon)
    batch = turned(hand)
    assert batch is not None
    noon.at(datetime(2026, 6, 15, 17, 0, 1, tzinfo=UTC))
    turned(hand, batch, [Rejected("connection_lost", ErrorClass.PROVIDER)])
    assert turned(hand_of(noon, 1)) is None
    assert ready(noon)[0].due_at == datetime(2026, 6, 16, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("outcome", "moves_on"),
    [
        (TryLater(MINUTE, ErrorClass.PROVIDER), True),
        (Rejected("connection_lost", ErrorClass.CREDENTIAL), True),
        (TryLater(MINUTE, ErrorClass.THROTTLE), False),
        (TryLater(MINUTE, ErrorClass.RECIPIENT), False),
        (TryLater(MINUTE, ErrorClass.CONTENT), False),
        (TryLater(MINUTE, ErrorClass.SENDER), False),
    ],
)
def test_only_the_connections_own_faults_lead_to_the_next_one(noon: Scene, outcome: Outcome, moves_on: bool) -> None:
    second = noon.connect("Second", priority=20)
    noon.launch(noon.campaign(noon.people("p@x.org")))
    hand = hand_of(noon)
    batch = turned(hand)
    assert batch is not None
    turned(hand, batch, [outcome])
    (again,) = ready(noon)
    assert (again.connection_id == second) is moves_on
    assert again.attempt == (1 if isinstance(outcome, TryLater) and outcome.error is ErrorClass.THROTTLE else 2)


def test_only_what_is_left_of_the_validity_is_handed_over(noon: Scene) -> None:
    noon.launch(noon.campaign(noon.people("p@x.org"), validity_minutes=60))
    noon.at(NOON + 25 * MINUTE)
    batch = turned(hand_of(noon))
    assert batch is not None
    assert batch.submissions[0].validity == 35 * MINUTE


def test_what_is_left_is_told_in_whole_minutes_and_never_too_much() -> None:
    assert remaining(NOON + timedelta(seconds=3599), NOON) == 59 * MINUTE
    assert remaining(NOON + timedelta(seconds=119), NOON) == timedelta(seconds=119)
    assert remaining(NOON - MINUTE, NOON) == timedelta(seconds=1)


def test_a_message_whose_time_is_over_is_not_handed_over(noon: Scene) -> None:
    campaign_id = noon.campaign(noon.people("p@x.org", "q@x.org"), validity_minutes=60)
    noon.launch(campaign_id)
    noon.at(NOON + 60 * MINUTE)
    assert turned(hand_of(noon)) is None
    assert states(noon) == {("expired", "not_sent_in_time")}
    assert noon.state(campaign_id) == "finished"
    assert noon.figures(campaign_id) == {
        "state:expired": 2, "reason:not_sent_in_time": 2, "parts": 2, "units": 2,
    }  # fmt: skip


def test_what_is_on_the_wire_when_the_time_ends_is_still_recorded(noon: Scene) -> None:
    campaign_id = noon.campaign(noon.people("p@x.org", "q@x.org"), validity_minutes=60)
    noon.launch(campaign_id)
    hand = hand_of(noon)
    batch = hand.turn(None, (), 1).batch
    assert batch is not None
    noon.at(NOON + 61 * MINUTE)
    assert turned(hand) is None
    turned(hand, batch, [TryLater(MINUTE, ErrorClass.PROVIDER)])
    assert expire(noon) == 1
    assert states(noon) == {("expired", "not_sent_in_time")}
    assert noon.state(campaign_id) == "finished"


def test_a_long_pause_ends_with_nothing_stale(noon: Scene) -> None:
    campaign_id = noon.campaign(noon.people("p@x.org"), validity_minutes=60)
    noon.launch(campaign_id)
    with noon.work() as work:
        campaigns.pause(work, campaign_id)
    noon.at(NOON + 59 * MINUTE)
    assert expire(noon) == 0
    noon.at(NOON + timedelta(days=2))
    assert expire(noon) == 1
    assert expire(noon) == 0
    assert states(noon) == {("expired", "not_sent_in_time")}


def test_closed_hours_cost_no_validity(noon: Scene) -> None:
    noon.at(datetime(2026, 6, 15, 18, tzinfo=UTC))
    noon.launch(noon.campaign(noon.people("p@x.org"), validity_minutes=60, **HOURS))
    (waiting,) = ready(noon)
    assert waiting.expires_at == datetime(2026, 6, 16, 10, tzinfo=UTC)


def test_a_window_that_closes_on_the_way_stops_the_clock(noon: Scene) -> None:
    noon.at(datetime(2026, 6, 15, 16, 30, tzinfo=UTC))
    noon.launch(noon.campaign(noon.people("p@x.org"), validity_minutes=60, **HOURS))
    noon.at(datetime(2026, 6, 15, 17, 10, tzinfo=UTC))
    assert turned(hand_of(noon)) is None
    (waiting,) = ready(noon)
    assert waiting.due_at == datetime(2026, 6, 16, 9, tzinfo=UTC)
    assert waiting.expires_at == datetime(2026, 6, 16, 9, 20, tzinfo=UTC)
