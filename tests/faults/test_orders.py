"""Receipts and those who move people on at once, and killed: one next message each, and figures that add up."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from connectpulse.core.domain.message import MessageState
from connectpulse.core.domain.provider import Receipt
from connectpulse.core.services import moving
from connectpulse.core.services.desk import ServiceDesk
from connectpulse.core.storage.session import AWAY, is_passing
from connectpulse.house import House
from tests.unit.core.services.order_scene import Order, order_house

S = MessageState
PEOPLE = 40
SEEDS = (1, 2, 3)


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    with order_house(database_url) as made:
        yield made


class _Killed(BaseException):
    """What a kill is to a transaction: nothing of it is committed."""


@pytest.mark.parametrize("seed", SEEDS)
def test_everybody_gets_one_next_message_at_most(house: House, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed)
    order = Order(house)
    order.people(*((f"+9230011111{n:02}", f"p{n}@x.org") for n in range(PEOPLE)))
    order.launch(order.draft(after_minutes=30))
    order.hand_over("pigeon")
    order.later(timedelta(minutes=30))
    _kill_sometimes(chance, monkeypatch)
    told = [
        Receipt(f"P{each.id}/1", chance.choice((S.SENT, S.UNDELIVERABLE, S.DELIVERED)))
        for each in order.messages()
        for _ in range(2)
    ]
    chance.shuffle(told)
    desk = ServiceDesk(house.work, "another-worker", "")
    pieces = [told[start::4] for start in range(4)]
    _at_once(
        *((lambda piece=piece: desk.take_in(order.lines["pigeon"], piece)) for piece in pieces),
        order.move, order.move, lambda: order.hand_over("postcard"),
    )  # fmt: skip
    monkeypatch.undo()
    order.move()
    order.hand_over("postcard")
    order.tell("postcard", S.DELIVERED)
    order.sweep()
    _check(order)


def _kill_sometimes(chance: random.Random, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let some of those who move people on die after their messages were written and before their rows say so."""
    moved = moving._moved

    def dying(*arguments: Any) -> None:
        if chance.random() < 0.5:
            raise _Killed
        moved(*arguments)

    monkeypatch.setattr(moving, "_moved", dying)


def _at_once(*acts: Callable[[], object]) -> None:
    """Do all of it at the same time, and again what died or met a lock, as the wire and the sweeps do."""

    def act(each: Callable[[], object]) -> None:
        for _ in range(20):
            try:
                each()
                return
            except _Killed:
                continue
            except (DBAPIError, *AWAY) as error:
                if not is_passing(error):
                    raise
        raise AssertionError("It came to nothing twenty times.")

    with ThreadPoolExecutor(len(acts)) as pool:
        for done in [pool.submit(act, each) for each in acts]:
            done.result()


def _check(order: Order) -> None:
    messages = order.messages()
    followed = Counter(each.previous_id for each in messages if each.previous_id is not None)
    assert set(followed.values()) <= {1}
    states = {each.id: S(each.state) for each in messages}
    for each in messages:
        if each.fallback == 0 and states[each.id] is not S.DELIVERED:
            assert followed[each.id] == 1, f"{states[each.id].label} and nothing followed"
        if each.fallback == 1:
            assert states[each.id] in (S.DELIVERED, S.CANCELLED)
            assert states[each.id] is S.DELIVERED or states[each.previous_id or 0] is S.DELIVERED
    counted = {name: amount for name, amount in order.figures().items() if name.startswith("state:")}
    assert counted == Counter(f"state:{state.label}" for state in states.values())
    assert order.state() == "finished"
