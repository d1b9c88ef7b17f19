"""A message that is tried again keeps what was reserved for it, and is charged once, whatever its attempts were."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from connectpulse_billing.ledger import balances, checking, policies, reconciling
from connectpulse_billing.ledger.policies import Charges
from sqlalchemy import select

from connectpulse import house as houses
from connectpulse.core.api import MessageState
from connectpulse.core.domain.outcome import Accepted, Outcome, Unknown
from connectpulse.core.domain.provider import Receipt
from connectpulse.core.domain.settings import fresh_secrets, from_mapping
from connectpulse.core.services import recovery
from connectpulse.core.services.desk import ServiceDesk
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import Message
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.testing.factories import ADMINISTRATOR
from tests.conftest import entry_point
from tests.unit.core.services.scene import Scene

S = MessageState
AGAIN = timedelta(minutes=5)


@pytest.fixture
def post(database_url: str) -> Iterator[House]:
    """A house with the postcard channel and billing."""
    made = houses.build(
        from_mapping(fresh_secrets() | {"DATABASE_URL": database_url}),
        entry_points=[
            entry_point("postcard", "tests.plugins.postcard:PostcardPlugin"),
            entry_point("billing", "connectpulse_billing.plugin:BillingPlugin"),
        ],
        pool_size=5,
    )
    yield made
    made.close()


class Trial:
    """One message of a campaign, its provider's answers, and what the books say after each."""

    def __init__(self, house: House) -> None:
        self.scene = Scene(house, factories.organisation(house))
        self.connection = self.scene.connect()
        with house.work(ADMINISTRATOR) as work:
            policies.change(work, self.scene.organisation, Charges(undeliverable=True))
        self.scene.launch(self.scene.campaign(self.scene.people("zara@x.org")))
        self._desk = ServiceDesk(house.work, "test-worker", "")
        self._hand = self._desk.hand(self._desk.lines()[0])

    def hand_over(self, *outcomes: Outcome) -> bool:
        batch = self._hand.turn(None, (), 1).batch
        if batch is not None:
            self._hand.turn(batch, outcomes, 0)
        return batch is not None

    def tell(self, *told: Receipt) -> None:
        self._desk.take_in(self.connection, told)

    def found(self) -> None:
        """Let a receipt of a message whose answer was lost be matched by its address."""
        self.tell(Receipt("late", S.DELIVERED, address="zara@x.org"))
        self.later()
        with self.scene.house.work(ADMINISTRATOR) as work, guard.platform_scope(work.session, "test"):
            assert recovery.orphans(work) == 1

    def later(self) -> None:
        self.scene.at(self.scene.house.clock() + AGAIN)

    def books(self) -> tuple[S, int, int]:
        """Return the message's state, and what is reserved and spent; the books agree with the log."""
        with self.scene.house.work(ADMINISTRATOR) as work:
            assert [each for each in reconciling.compare(work) if each.kind != "quantity"] == []
            assert checking.faults(work) == []
            balance = balances.of(work, self.scene.organisation)
        with self.scene.work() as work:
            state = S(work.session.scalars(select(Message.state)).one())
        return state, int(balance.reserved), int(balance.spent)


@pytest.fixture
def trial(post: House) -> Trial:
    return Trial(post)


def busy(reference: str, quantity: int | None = None) -> Receipt:
    return Receipt(reference, S.UNDELIVERABLE, "486", "busy", quantity=quantity, again=AGAIN)


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize(("end", "spent"), [(S.DELIVERED, 1), (S.UNDELIVERABLE, 1), (S.FAILED, 0)])
def test_units_stay_reserved_and_move_once(trial: Trial, lost: bool, end: S, spent: int) -> None:
    trial.hand_over(Accepted(("r1",), quantity=3))
    assert trial.books() == (S.ACCEPTED, 3, 0)
    for _ in range(2):
        trial.tell(busy("r1", 2), busy("r1", 2))
        assert trial.books() == (S.QUEUED, 1, 0)
    trial.later()
    assert trial.hand_over(Unknown() if lost else Accepted(("r2",)))
    assert trial.books() == (S.UNKNOWN if lost else S.ACCEPTED, 1, 0)
    if lost:
        trial.tell(Receipt("r1", S.DELIVERED))
        assert trial.books() == (S.DELIVERED, 0, 1)
        return
    trial.tell(Receipt("r2", end), busy("r1"))
    assert trial.books() == (end, 0, spent)


def test_a_late_delivery_is_charged_once(trial: Trial) -> None:
    trial.hand_over(Accepted(("r1",)))
    trial.tell(busy("r1"))
    trial.tell(Receipt("r1", S.DELIVERED, quantity=1), Receipt("r1", S.DELIVERED))
    assert trial.books() == (S.DELIVERED, 0, 1)
    trial.later()
    assert not trial.hand_over(Accepted(("r2",)))
    assert trial.books() == (S.DELIVERED, 0, 1)


def test_what_was_lost_and_is_delivered_is_charged_once(trial: Trial) -> None:
    trial.hand_over(Unknown())
    assert trial.books() == (S.UNKNOWN, 1, 0)
    trial.found()
    assert trial.books() == (S.DELIVERED, 0, 1)
