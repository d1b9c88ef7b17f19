"""Messages that are billed or free by their receipt's word, as conversations are; and lots, spent as they came."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal

import pytest
from connectpulse_billing.ledger import balances, books, checking, expiry, grants, reconciling
from postcards_scene import postcards
from sqlalchemy import text

from connectpulse.core.api import MessageState, Movement, platform_scope
from connectpulse.core.domain.contracts import Purpose, Tariff
from connectpulse.core.domain.outcome import Accepted
from connectpulse.core.domain.provider import Receipt
from connectpulse.core.services.desk import ServiceDesk
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR
from tests.unit.core.services.scene import Scene

SENT, DELIVERED, READ = MessageState.SENT, MessageState.DELIVERED, MessageState.READ
UNDELIVERABLE = MessageState.UNDELIVERABLE
Story = Sequence[tuple[MessageState, int | None]]


@pytest.fixture
def scene(database_url: str) -> Iterator[Scene]:
    """An organisation with the postcard channel, whose messages cost a unit each, and the real books."""
    with postcards(database_url) as made:
        yield made


def sent(scene: Scene, people: int) -> tuple[ServiceDesk, int, list[int]]:
    """Let a campaign be handed over and accepted; return the desk, the connection and the messages' ids."""
    scene.launch(scene.campaign(scene.people(*(f"p{n}@x.org" for n in range(people)))))
    desk = ServiceDesk(scene.house.work, "test-worker", "")
    connection = desk.lines()[0]
    hand = desk.hand(connection)
    ids: list[int] = []
    batch = hand.turn(None, (), people).batch
    while batch is not None:
        ids += [each.message_id for each in batch.submissions]
        outcomes = [Accepted((f"R{each.message_id}",)) for each in batch.submissions]
        batch = hand.turn(batch, outcomes, 1).batch
    assert len(ids) == people
    return desk, connection.connection_id, ids


def _books(scene: Scene) -> tuple[Decimal, Decimal]:
    with scene.house.work(ADMINISTRATOR) as work:
        assert checking.faults(work) == []
        # What was measured and what was billed differ here, and are shown as that: no units are amiss.
        assert {each.kind for each in reconciling.compare(work)} <= {"quantity"}
        balance = balances.of(work, scene.organisation)
        return balance.reserved, balance.spent


STORIES: list[tuple[str, Story, int]] = [
    ("billable", [(SENT, 1), (DELIVERED, 1)], 1),
    ("free", [(SENT, 0), (DELIVERED, 0), (READ, 0)], 0),
    ("free, said at delivery only", [(SENT, None), (DELIVERED, 0)], 0),
    ("free, said after delivery", [(DELIVERED, None), (DELIVERED, 0)], 0),
    ("free, said when read", [(DELIVERED, None), (READ, 0)], 0),
    ("billable, said when sent", [(SENT, 1), (DELIVERED, None)], 1),
    ("free, said when sent", [(SENT, 0), (DELIVERED, None)], 0),
    ("nothing said", [(DELIVERED, None)], 1),
    ("free and never delivered", [(SENT, 0), (UNDELIVERABLE, 0)], 0),
    ("billable at first, free in the end", [(SENT, 1), (DELIVERED, 0)], 0),
    ("free at first, billable in the end", [(SENT, 0), (DELIVERED, 1)], 1),
]


def test_a_quantity_of_nought_releases_all_and_of_one_charges_all(scene: Scene) -> None:
    desk, connection, ids = sent(scene, len(STORIES))
    assert _books(scene) == (len(STORIES), 0)
    for id, (_, story, _) in zip(ids, STORIES, strict=True):
        for state, quantity in story:
            for _ in range(2):  # providers repeat themselves
                desk.take_in(connection, [Receipt(f"R{id}", state, quantity=quantity)])
    with scene.work() as work:
        due = "SELECT coalesce(billed, 1) * (state >= 20)::int FROM pulse_message WHERE id = :id"
        told = {name: work.session.scalar(text(due), {"id": id}) for id, (name, _, _) in zip(ids, STORIES, strict=True)}
    assert told == {name: units for name, _, units in STORIES}
    assert _books(scene) == (0, sum(units for _, _, units in STORIES))


@pytest.mark.parametrize("shuffled", [[0, 1, 2], [2, 1, 0], [1, 0, 2], [2, 0, 1]])
def test_in_whatever_order_the_word_comes_the_books_end_alike(scene: Scene, shuffled: list[int]) -> None:
    desk, connection, [free, dear] = sent(scene, 2)
    states = (SENT, DELIVERED, READ)
    for place in shuffled:
        desk.take_in(connection, [Receipt(f"R{free}", states[place], quantity=0)])
        desk.take_in(connection, [Receipt(f"R{dear}", states[place], quantity=1)])
    assert _books(scene) == (0, 1)


def _remaining(scene: Scene) -> dict[str, Decimal]:
    with scene.house.work(ADMINISTRATOR) as work:
        rows = work.session.execute(text("SELECT reference, remaining FROM billing_lot WHERE source = 'order'"))
        return {row[0]: row[1] for row in rows}


def _bought(house: House, organisation: int, reference: str, days: int | None) -> None:
    with house.work(ADMINISTRATOR) as work:
        until = None if days is None else work.clock() + timedelta(days=days)
        grants.grant(work, organisation, Decimal(5), "order", reference, expires_at=until)


def _spend(scene: Scene, units: int) -> None:
    with scene.work() as work:
        tariff = Tariff(scene.organisation, "postcard", Purpose.PROMOTIONAL, "Amina")
        work.registry.ledger.reserve(work, tariff, 900, Decimal(units))


def test_lots_are_spent_first_in_first_out_and_what_ends_first_before_all(scene: Scene) -> None:
    with scene.work() as work:
        rest = balances.of(work, scene.organisation).available
        grants.withdraw(work, scene.organisation, rest, "adjustment", "begin with none", "a test")
    for reference, days in (("first", None), ("second", None), ("third", None), ("short", 10), ("shorter", 5)):
        _bought(scene.house, scene.organisation, reference, days)
    seen = []
    for units in (4, 3, 5, 4, 6):
        _spend(scene, units)
        seen.append([int(_remaining(scene)[name]) for name in ("shorter", "short", "first", "second", "third")])
    assert seen == [[1, 5, 5, 5, 5], [0, 3, 5, 5, 5], [0, 0, 3, 5, 5], [0, 0, 0, 4, 5], [0, 0, 0, 0, 3]]


def test_what_comes_back_goes_to_what_was_spent_last_and_expires_with_it(scene: Scene) -> None:
    with scene.work() as work:
        rest = balances.of(work, scene.organisation).available
        grants.withdraw(work, scene.organisation, rest, "adjustment", "begin with none", "a test")
    _bought(scene.house, scene.organisation, "short", 5)
    _bought(scene.house, scene.organisation, "long", 50)
    _spend(scene, 8)
    assert _remaining(scene) == {"short": 0, "long": 2}
    with scene.work() as work:
        four = (4, Decimal(4), 4)
        cancelled = Movement(scene.organisation, 900, "postcard", MessageState.QUEUED, MessageState.CANCELLED, *four)
        work.registry.ledger.settle(work, [cancelled])
    with scene.house.work(ADMINISTRATOR) as work, platform_scope(work.session, "a test"):
        books.fold_all(work)
    assert _remaining(scene) == {"short": 1, "long": 5}
    scene.at(scene.house.clock() + timedelta(days=6))
    with scene.house.work(ADMINISTRATOR) as work, platform_scope(work.session, "a test"):
        assert expiry.expire(work) == 1
        assert balances.of(work, scene.organisation).available == 5
        assert checking.faults(work) == []
    assert _remaining(scene) == {"short": 0, "long": 5}
