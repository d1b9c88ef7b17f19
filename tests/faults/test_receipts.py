"""Receipts in any order, repeated, before their submit or days after it: the end is the same as in order."""

import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from connectpulse.core.domain.message import MessageState, fold, fold_parts
from connectpulse.core.domain.provider import Receipt
from connectpulse.core.services import counters, recovery
from connectpulse.core.services.desk import ServiceDesk, ServiceHand
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import Message
from connectpulse.core.wire.desk import Batch
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR
from tests.journeys.test_postcards import launch, prepare
from tests.plugins import postcard

PEOPLE = 4
REPORTED = [
    MessageState.SENT,
    MessageState.EXPIRED,
    MessageState.UNDELIVERABLE,
    MessageState.DELIVERED,
    MessageState.READ,
]
stories = st.lists(
    st.tuples(st.integers(1, 2), st.lists(st.tuples(st.integers(0, 1), st.sampled_from(REPORTED)), max_size=4)),
    min_size=PEOPLE,
    max_size=PEOPLE,
)
"""Per message: its parts, and what is reported on which of them."""


class Trial:
    """A campaign that can be sent again and again to the same few people, one hand doing it all."""

    def __init__(self, house: House, organisation: int) -> None:
        self.house = house
        self.organisation = organisation
        self._campaign = prepare(house, organisation, [f"p{n}@x.org" for n in range(PEOPLE)])
        launch(house, organisation, self._campaign)
        self._desk = ServiceDesk(house.work, "test-worker", "")
        self._hand: ServiceHand = self._desk.hand(self._desk.lines()[0])

    def begin(self) -> Batch:
        """Forget what was; hand the messages over without recording it yet."""
        with self.house.work(ADMINISTRATOR) as work:
            for table in ("pulse_receipt", "pulse_reference", "pulse_attempt", "pulse_counter"):
                work.session.execute(text(f"DELETE FROM {table}"))
            work.session.execute(text("UPDATE pulse_message SET state = 0, part_states = NULL, reason = '', code = ''"))
            work.session.execute(
                text("UPDATE pulse_dispatch SET state = 'ready', worker = NULL, cursor = first_id - 1")
            )
            work.session.execute(text("UPDATE pulse_campaign SET state = 'running'"))
        batch = self._hand.turn(None, (), PEOPLE).batch
        assert batch is not None
        assert len(batch.submissions) == PEOPLE
        return batch

    def submitted(self, batch: Batch, parts: Sequence[int]) -> None:
        """Record that each message was accepted, with one reference for each of its parts."""
        answers = [
            postcard.Accepted(tuple(f"P{each.message_id}/{part}" for part in range(count)))
            for each, count in zip(batch.submissions, parts, strict=True)
        ]
        self._hand.turn(batch, answers, 0)

    def take_in(self, told: Sequence[Receipt]) -> None:
        self._desk.take_in(1, told)

    def sweep(self) -> None:
        """Match what came early, as every worker does every few seconds."""
        with self.house.work(ADMINISTRATOR) as work, guard.platform_scope(work.session, "test"):
            recovery.orphans(work)

    def end(self) -> tuple[list[MessageState], dict[str, int]]:
        """Return the states of the messages in order, and the figures that count them."""
        with self.house.work(ADMINISTRATOR, self.organisation) as work:
            states = [MessageState(each) for each in work.session.scalars(select(Message.state).order_by(Message.id))]
            found = counters.read(work, [self._campaign])[self._campaign]
        return states, {name: int(amount) for name, amount in found.items() if amount}


@pytest.fixture
def trial(post_house: House, organisation: int) -> Trial:
    return Trial(post_house, organisation)


def expected(parts: int, reports: Sequence[tuple[int, MessageState]]) -> MessageState:
    """Return where a message must end, by the definition of the fold."""
    by_part = [
        fold(MessageState.ACCEPTED, [state for part, state in reports if part % parts == number])
        for number in range(parts)
    ]
    return by_part[0] if parts == 1 else fold_parts(by_part)


def told(batch: Batch, story: Any) -> list[Receipt]:
    return [
        Receipt(f"P{each.message_id}/{part % parts}", state, address=each.address)
        for each, (parts, reports) in zip(batch.submissions, story, strict=True)
        for part, state in reports
    ]


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(story=stories, seed=st.integers(0, 1 << 16), pieces=st.integers(1, 4))
def test_any_order_ends_alike(trial: Trial, story: Any, seed: int, pieces: int) -> None:
    parts = [count for count, _ in story]
    chance = random.Random(seed)
    batch = trial.begin()
    all_told = told(batch, story)
    shuffled = all_told + chance.sample(all_told, len(all_told) // 2)
    chance.shuffle(shuffled)
    early = chance.randint(0, len(shuffled))
    trial.take_in(shuffled[:early])
    trial.submitted(batch, parts)
    for start in range(pieces):
        trial.take_in(shuffled[early + start :: pieces])
        if chance.random() < 0.5:
            trial.sweep()
    trial.sweep()
    states, figures = trial.end()
    assert states == [expected(count, reports) for count, reports in story]
    assert {name: count for name, count in figures.items() if name.startswith("state:")} == {
        f"state:{state.label}": states.count(state) for state in set(states)
    } | {"state:queued": -PEOPLE}


def test_what_came_early_counts_as_soon_as_its_submit_is_recorded(trial: Trial) -> None:
    batch = trial.begin()
    first = batch.submissions[0]
    trial.take_in([Receipt(f"P{first.message_id}/0", MessageState.DELIVERED)] * 2)
    assert trial.end()[0] == [MessageState.QUEUED] * PEOPLE
    trial.submitted(batch, [1] * PEOPLE)
    states, figures = trial.end()
    assert states == [MessageState.DELIVERED] + [MessageState.ACCEPTED] * (PEOPLE - 1)
    assert figures["state:delivered"] == 1
    with trial.house.work(ADMINISTRATOR, trial.organisation) as work:
        owners = work.session.scalars(text("SELECT message_id FROM pulse_receipt")).all()
    assert owners == [first.message_id] * 2
