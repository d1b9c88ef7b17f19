"""Orders of three channels: who has one of the messages gets none after it, however the others end."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from connectpulse.core.domain.message import MessageState
from connectpulse.core.domain.outcome import ErrorClass, TryLater, Unknown
from connectpulse.core.services import lookups, senders, templates
from connectpulse.core.services.campaigns import Draft, FallbackDraft
from connectpulse.core.storage import guard
from connectpulse.house import House
from tests.unit.core.services.order_scene import Order, order_house
from tests.unit.core.services.scene import AMINA

S = MessageState
ZARA = ("+923001111111", "zara@x.org")
HALF_AN_HOUR, SOON = timedelta(minutes=30), timedelta(minutes=10)
WAITS: dict[str, Any] = {"after_minutes": 30}


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    with order_house(database_url, raven="tests.plugins.raven:RavenPlugin") as made:
        yield made


@pytest.fixture
def order(house: House) -> Order:
    made = Order(house, "loft", "nest")
    made.people(ZARA)
    return made


def draft(order: Order, **third: Any) -> Draft:
    """Return an order of pigeons, postcards after half an hour, and ravens at last."""
    made = order.draft(**WAITS)
    with order.scene.work() as work:
        template_id = templates.create(work, "Ravens", "raven", {"body": "Croak"}).id
        sender_id = senders.create(work, "raven", "name", "Rook", purposes=["promotional"]).id
    made.fallbacks.append(FallbackDraft(template_id, sender_id, **third))
    return made


def wait_and_move(order: Order) -> None:
    order.later(HALF_AN_HOUR)
    order.move()


@pytest.mark.parametrize("again", [None, SOON])
def test_whom_the_first_reached_late_gets_no_third_when_the_second_fails(order: Order, again: timedelta | None) -> None:
    order.launch(draft(order))
    order.hand_over("pigeon")
    wait_and_move(order)
    assert order.hand_over("postcard") == [ZARA[1]]
    order.tell("pigeon", S.DELIVERED)
    order.tell("postcard", S.UNDELIVERABLE, again=again)
    order.later(SOON)
    order.move()
    assert order.hand_over("raven") == order.hand_over("postcard") == []
    order.sweep()
    assert (order.states(), order.state()) == ([("pigeon", "delivered"), ("postcard", "undeliverable")], "finished")


def test_whom_the_first_reached_is_not_tried_again_by_the_third(order: Order) -> None:
    order.launch(draft(order, **WAITS))
    order.hand_over("pigeon")
    wait_and_move(order)
    order.hand_over("postcard")
    wait_and_move(order)
    assert order.hand_over("raven") == [ZARA[0]]
    order.tell("pigeon", S.DELIVERED)
    order.tell("raven", S.UNDELIVERABLE, again=SOON)
    order.later(SOON)
    assert order.hand_over("raven") == []


def test_a_campaign_ends_though_the_second_was_lost_while_the_first_arrived(house: House, order: Order) -> None:
    order.launch(draft(order))
    order.hand_over("pigeon")
    wait_and_move(order)
    (hand,) = order.hands("postcard", 1)
    batch = hand.turn(None, (), 50).batch
    assert batch is not None
    order.tell("pigeon", S.DELIVERED)
    hand.turn(batch, [Unknown("lost")], 0)
    order.later(SOON)
    never_came = [TryLater(timedelta(), ErrorClass.PROVIDER, "not_received")]
    with house.work(AMINA) as work, guard.platform_scope(work.session, "test"):
        lookups.record(work, order.lines["postcard"], batch.submissions, never_came)
    order.later(SOON)
    order.move()
    order.sweep()
    assert (order.ways(), order.state()) == ([("moved", "not_delivered")], "finished")
