"""Messages whose answer was lost: asked about, and tried again as long as nobody else knows better."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from connectpulse.core.domain.message import MessageState
from connectpulse.core.domain.outcome import Accepted, ErrorClass, Outcome, TryLater, Unknown
from connectpulse.core.domain.provider import Submission
from connectpulse.core.services import connections, lookups
from connectpulse.core.storage import guard
from connectpulse.house import House
from tests.unit.core.services.order_scene import Order, order_house
from tests.unit.core.services.scene import AMINA

S = MessageState
ZARA = ("+923001111111", "zara@x.org")
HALF_AN_HOUR, PATIENCE = timedelta(minutes=30), timedelta(minutes=5)
NEVER_CAME = TryLater(timedelta(), ErrorClass.PROVIDER, "not_received")


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    with order_house(database_url) as made:
        yield made


@pytest.fixture
def order(house: House) -> Order:
    made = Order(house)
    made.people(ZARA)
    return made


def ask(house: House, line: int) -> list[Submission]:
    with house.work(AMINA) as work, guard.platform_scope(work.session, "test"):
        return lookups.due(work, line, PATIENCE, 50)


def answer(house: House, line: int, asked: list[Submission], said: Outcome) -> None:
    with house.work(AMINA) as work, guard.platform_scope(work.session, "test"):
        lookups.record(work, line, asked, [said] * len(asked))


def lose(order: Order, *, is_alone: bool = True, after_minutes: int | None = None) -> int:
    """Launch, lose the answer about the one pigeon, and wait until it may be asked about; return its line."""
    draft = order.draft(after_minutes=after_minutes)
    order.launch(replace(draft, fallbacks=[]) if is_alone else draft)
    assert order.hand_over("pigeon", lambda address: Unknown("timeout")) == [ZARA[0]]
    order.later(PATIENCE + timedelta(minutes=1))
    return order.lines["pigeon"]


def test_what_never_came_is_sent_though_its_campaign_has_finished(house: House, order: Order) -> None:
    line = lose(order)
    assert order.state() == "finished"
    answer(house, line, ask(house, line), NEVER_CAME)
    assert order.state() == "running"
    order.later(timedelta(minutes=1))
    assert order.hand_over("pigeon") == [ZARA[0]]
    assert (order.states(), order.state()) == ([("pigeon", "accepted")], "finished")


def test_what_came_after_all_is_accepted_and_opens_nothing(house: House, order: Order) -> None:
    line = lose(order)
    answer(house, line, ask(house, line), Accepted(("P1",)))
    assert (order.states(), order.state()) == ([("pigeon", "accepted")], "finished")


def test_two_sessions_that_ask_about_the_same_send_it_once(house: House, order: Order) -> None:
    line = lose(order)
    both = ask(house, line), ask(house, line)
    answer(house, line, both[0], NEVER_CAME)
    order.later(timedelta(seconds=10))
    first, second = order.hands("pigeon", 2)
    on_the_wire = first.turn(None, (), 50).batch
    assert on_the_wire is not None
    answer(house, line, both[1], NEVER_CAME)
    order.later(timedelta(minutes=1))
    assert second.turn(None, (), 50).batch is None
    first.turn(on_the_wire, [Accepted(("P2",))], 0)
    answer(house, line, both[1], NEVER_CAME)
    assert order.states() == [("pigeon", "accepted")]


def test_a_provider_is_asked_about_its_own_attempt_only(house: House, order: Order) -> None:
    line = lose(order)
    answer(house, line, ask(house, line), NEVER_CAME)
    order.later(timedelta(minutes=1))
    assert order.hand_over("pigeon", lambda address: Unknown("timeout")) == [ZARA[0]]
    with house.work(AMINA) as work:  # it went out over another connection, and was lost there
        other = connections.create(work, "Another loft", "loft", {"city": "Karachi"}, is_trial=True).id
        work.session.execute(text("UPDATE pulse_attempt SET connection_id = :id WHERE number = 2"), {"id": other})
    order.later(PATIENCE + timedelta(minutes=1))
    assert ask(house, line) == []
    assert [each.attempt for each in ask(house, other)] == [2]


def test_nobody_is_tried_again_who_went_on_meanwhile(house: House, order: Order) -> None:
    line = lose(order, is_alone=False, after_minutes=30)
    order.later(HALF_AN_HOUR)
    order.move()
    assert order.hand_over("postcard") == [ZARA[1]]
    answer(house, line, ask(house, line), NEVER_CAME)
    order.later(timedelta(minutes=1))
    assert order.hand_over("pigeon") == []
    assert order.states() == [("pigeon", "expired"), ("postcard", "accepted")]
    assert order.messages()[0].reason == "not_sent_in_time"
