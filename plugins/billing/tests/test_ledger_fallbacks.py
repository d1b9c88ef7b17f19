"""What an order of channels costs: quoted from least to most, reserved message by message, charged once."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from connectpulse_billing.ledger import balances, checking, grants, policies, reconciling
from connectpulse_billing.ledger.policies import Charges

from connectpulse.core.api import MessageState
from connectpulse.core.services import campaigns, quotes
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR
from tests.unit.core.services.order_scene import Order, order_house

S = MessageState
ZARA, OMAR = ("+923001111111", "zara@x.org"), ("+923002222222", "omar@x.org")


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    with order_house(database_url, billing="connectpulse_billing.plugin:BillingPlugin") as made:
        yield made


@pytest.fixture
def order(house: House) -> Order:
    return Order(house)


def books(order: Order) -> tuple[int, int]:
    """Return what is reserved and spent; the books agree with the log."""
    with order.scene.house.work(ADMINISTRATOR) as work:
        assert (reconciling.compare(work), checking.faults(work)) == ([], [])
        balance = balances.of(work, order.scene.organisation)
    return int(balance.reserved), int(balance.spent)


def leave(order: Order, units: int) -> None:
    with order.scene.work() as work:
        rest = balances.of(work, order.scene.organisation).available - units
        grants.withdraw(work, order.scene.organisation, rest, "adjustment", f"leave {units}", "a test")


def test_the_quote_tells_the_least_and_the_most(order: Order) -> None:
    order.people(ZARA, OMAR, ("post@x.org",), (OMAR[0][:-1] + "3",))
    with order.scene.work() as work:
        made = campaigns.create(work, order.draft()).id
    quote = order.scene.quote(made)
    assert (quote.recipients, int(quote.units), int(quote.most_units)) == (4, 4, 6)
    found = {key: (each["begin"], each["reach"]) for key, each in quote.fallbacks.items()}
    assert found == {"1": (1, 2)}
    assert set(quote.connections) == {str(line) for line in order.lines.values()}


def test_an_order_that_changed_asks_for_a_new_quote(order: Order) -> None:
    order.people(ZARA)
    draft = order.draft()
    with order.scene.work() as work:
        campaign = campaigns.create(work, draft)
    first = order.scene.quote(campaign.id)
    changed = campaigns.FallbackDraft(draft.fallbacks[0].template_id, draft.fallbacks[0].sender_id, ["expired"])
    with order.scene.work() as work:
        row = campaigns.change(work, campaign.id, replace(draft, fallbacks=[changed]))
        assert not quotes.holds(work, first, row)


@pytest.mark.parametrize("is_late", [False, True])
def test_units_move_once(order: Order, is_late: bool) -> None:
    order.people(ZARA)
    order.launch(order.draft(after_minutes=30))
    assert books(order) == (1, 0)
    order.hand_over("pigeon")
    order.later(timedelta(minutes=30))
    order.move()
    assert books(order) == (2, 0)
    if is_late:
        order.tell("pigeon", S.DELIVERED)
        assert books(order) == (0, 1)
        order.move()
        assert order.hand_over("postcard") == []
    else:
        order.tell("pigeon", S.UNDELIVERABLE)
        order.hand_over("postcard")
        order.tell("postcard", S.DELIVERED)
    assert books(order) == (0, 1)


def test_units_run_out_on_the_way_and_come_back(order: Order) -> None:
    with order.scene.house.work(ADMINISTRATOR) as work:
        policies.change(work, order.scene.organisation, Charges(undeliverable=True))
    order.people(ZARA, OMAR)
    leave(order, 3)
    order.launch()
    order.hand_over("pigeon")
    order.tell("pigeon", S.UNDELIVERABLE)
    order.move()
    assert (books(order), order.ways()) == ((1, 2), [("moved", "undeliverable"), ("waiting", "undeliverable")])
    row = order.row()
    assert (row.state, row.is_out_of_units) == ("paused", True)
    assert order.move() == 0
    with order.scene.work() as work:
        grants.grant(work, order.scene.organisation, Decimal(5), "order", "1")
    assert order.move() == 1
    assert order.hand_over("postcard") == [OMAR[1], ZARA[1]]
    order.tell("postcard", S.DELIVERED)
    assert (books(order), order.state()) == ((0, 4), "finished")
