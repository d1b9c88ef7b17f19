"""Orders of channels when things are tried again or lost: never two live messages, and nobody is forgotten."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from connectpulse.core.domain.message import MessageState
from connectpulse.core.domain.outcome import ErrorClass, Rejected, TryLater
from connectpulse.core.domain.provider import Receipt
from connectpulse.core.services import recovery
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import Organisation, Suppression
from connectpulse.house import House
from tests.unit.core.services.order_scene import Order, order_house
from tests.unit.core.services.scene import AMINA

S = MessageState
ZARA = ("+923001111111", "zara@x.org")
HALF_AN_HOUR, SOON = timedelta(minutes=30), timedelta(minutes=10)


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    with order_house(database_url) as made:
        yield made


@pytest.fixture
def order(house: House) -> Order:
    made = Order(house)
    made.people(ZARA)
    return made


def wait_and_move(order: Order) -> None:
    """Hand the pigeon over, and move on after half an hour without a word of it."""
    order.launch(order.draft(after_minutes=30))
    order.hand_over("pigeon")
    order.later(HALF_AN_HOUR)
    order.move()


def test_who_went_on_is_not_tried_again_whatever_a_receipt_asks(order: Order) -> None:
    wait_and_move(order)
    assert order.hand_over("postcard") == [ZARA[1]]
    order.tell("postcard", S.DELIVERED)
    order.tell("pigeon", S.UNDELIVERABLE, again=SOON)
    order.later(SOON)
    assert order.hand_over("pigeon") == []
    assert order.states() == [("pigeon", "undeliverable"), ("postcard", "delivered")]


def test_who_has_the_message_before_is_not_tried_again_by_a_receipt(order: Order) -> None:
    wait_and_move(order)
    assert order.hand_over("postcard") == [ZARA[1]]
    order.tell("pigeon", S.DELIVERED)
    order.tell("postcard", S.UNDELIVERABLE, again=SOON)
    order.later(SOON)
    assert order.hand_over("postcard") == []
    assert order.states() == [("pigeon", "delivered"), ("postcard", "undeliverable")]


def test_who_has_the_message_before_is_not_tried_again_by_an_answer(order: Order) -> None:
    wait_and_move(order)
    (hand,) = order.hands("postcard", 1)
    batch = hand.turn(None, (), 50).batch
    assert batch is not None
    order.tell("pigeon", S.DELIVERED)
    hand.turn(batch, [TryLater(SOON, ErrorClass.PROVIDER, "busy")], 0)
    order.later(SOON)
    assert order.hand_over("postcard") == []
    assert order.states() == [("pigeon", "delivered"), ("postcard", "cancelled")]
    assert order.state() == "finished"


def lose_a_worker(house: House, order: Order) -> None:
    """A worker dies with the pigeon in its hands."""
    (hand,) = order.hands("pigeon", 1)
    assert hand.turn(None, (), 50).batch is not None
    with house.work(AMINA) as work, guard.platform_scope(work.session, "test"):
        work.session.execute(text("UPDATE pulse_dispatch SET lease_until = now() - interval '1 minute'"))
        recovery.leases(work)
    assert order.states() == [("pigeon", "unknown")]


def test_what_a_lost_worker_had_is_watched_until_its_ending_is_known(house: House, order: Order) -> None:
    order.launch()
    lose_a_worker(house, order)
    assert order.state() == "running"
    (pigeon,) = order.messages()
    order.take_in("pigeon", Receipt("X1", S.UNDELIVERABLE, "1", address=ZARA[0], token=f"{pigeon.id:x}"))
    with house.work(AMINA) as work, guard.platform_scope(work.session, "test"):
        recovery.orphans(work)
    order.move()
    assert order.hand_over("postcard") == [ZARA[1]]


def test_who_waits_for_what_a_lost_worker_had_goes_on_in_time(house: House, order: Order) -> None:
    order.launch(order.draft(after_minutes=30))
    lose_a_worker(house, order)
    order.later(HALF_AN_HOUR)
    order.move()
    assert order.hand_over("postcard") == [ZARA[1]]


def test_what_was_busy_and_waits_costs_nothing_once_its_recipient_goes_on(house: House, order: Order) -> None:
    order.launch(order.draft(after_minutes=30))
    order.hand_over("pigeon")
    (pigeon,) = order.messages()
    busy = Receipt(f"P{pigeon.id}/1", S.UNDELIVERABLE, "busy", quantity=0, again=timedelta(hours=2))
    order.take_in("pigeon", busy)
    order.later(HALF_AN_HOUR)
    order.move()
    assert order.states() == [("pigeon", "expired"), ("postcard", "queued")]
    assert order.messages()[0].reason == "not_sent_in_time", "which a ledger never charges"


@pytest.mark.parametrize("is_shared", [True, False])
def test_who_told_a_provider_to_stop_gets_no_promotion_on_the_next_channel(order: Order, is_shared: bool) -> None:
    with order.scene.work() as work:
        work.session.get_one(Organisation, order.scene.organisation).shares_opt_outs = is_shared
    order.launch()
    order.hand_over("pigeon", lambda address: Rejected("opted_out", ErrorClass.RECIPIENT, "131050", suppress=True))
    order.move()
    assert order.hand_over("postcard") == ([] if is_shared else [ZARA[1]])
    with order.scene.work() as work:
        found = [(row.value, row.channel, row.purpose) for row in work.session.scalars(select(Suppression))]
    everywhere = [(each, "*", "promotional") for each in sorted(ZARA)]
    assert sorted(found) == (everywhere if is_shared else [(ZARA[0], "pigeon", "promotional")])
