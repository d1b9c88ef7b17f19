"""Messages their provider bills as another category than they were reserved as: they cost that category's price."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from connectpulse_billing.ledger import balances, checking, reconciling
from connectpulse_billing.rates import cards, drafting
from postcards_scene import postcards
from sqlalchemy import text

from connectpulse.core.api import MessageState, platform_scope
from connectpulse.core.domain.contracts import Purpose, Tariff
from connectpulse.core.domain.outcome import Accepted
from connectpulse.core.domain.provider import Receipt
from connectpulse.core.services import messages, overview, receipts, singles
from connectpulse.core.services.desk import ServiceDesk
from connectpulse.core.storage.models import Campaign
from connectpulse.testing.factories import ADMINISTRATOR
from tests.unit.core.services.scene import Scene

SENT, DELIVERED, READ = MessageState.SENT, MessageState.DELIVERED, MessageState.READ
UNDELIVERABLE = MessageState.UNDELIVERABLE


@pytest.fixture
def scene(database_url: str) -> Iterator[Scene]:
    """An organisation whose postcards cost a unit as utility, three as marketing, and nothing is said of others."""
    with postcards(database_url) as made:
        _publish(made, "Own", utility="1", marketing="3")
        yield made


def _publish(scene: Scene, name: str, **rates: str) -> None:
    """Let a card of these rates a message, by category, hold from now on."""
    with scene.house.work(ADMINISTRATOR) as work, platform_scope(work.session, "cards of the test"):
        card = cards.create(work, name)
        draft = cards.begin_draft(work, card.id)
        for category, units in rates.items():
            typed = {"channel": "postcard", "prefix": "x.org", "units": units, "per": "message", "sender_kind": ""}
            drafting.write(work, draft.id, typed | {"category": category})
        cards.publish(work, draft.id)
        cards.make_default(work, card.id)


class Sending:
    """A campaign of utility postcards that were accepted, and the desk that takes what is told of them."""

    def __init__(self, scene: Scene, people: int) -> None:
        self.scene = scene
        template = scene.template()
        with scene.house.work(ADMINISTRATOR) as work:
            work.session.execute(text("UPDATE pulse_template_version SET category = 'utility'"))
        to = scene.people(*(f"p{n}@x.org" for n in range(people)))
        self.campaign = scene.campaign(to, template_id=template)
        scene.launch(self.campaign)
        self.desk = ServiceDesk(scene.house.work, "test-worker", "")
        self.line = self.desk.lines()[0]
        self.hand = self.desk.hand(self.line)
        self.batch = self.hand.turn(None, (), people).batch
        assert self.batch is not None
        self.ids = [each.message_id for each in self.batch.submissions]

    def accepted(self) -> None:
        """Record that all were accepted."""
        assert self.batch is not None
        self.hand.turn(self.batch, [Accepted((f"R{id}",)) for id in self.ids], 1)

    def tell(self, id: int, *receipts: tuple[MessageState, int | None, str]) -> None:
        """Take in what the provider tells of a message: state, quantity and category, each twice."""
        for state, quantity, category in receipts:
            for _ in range(2):
                self.desk.take_in(
                    self.line.connection_id, [Receipt(f"R{id}", state, quantity=quantity, category=category)]
                )

    def books(self) -> tuple[Decimal, Decimal]:
        """Return what is reserved and spent, once the books are found to agree with the messages."""
        with self.scene.house.work(ADMINISTRATOR) as work:
            assert checking.faults(work) == []
            assert {each.kind for each in reconciling.compare(work)} <= {"quantity"}
            balance = balances.of(work, self.scene.organisation)
            return balance.reserved, balance.spent

    def figures(self) -> dict[str, int]:
        """Return what the campaign's page says of categories."""
        with self.scene.work() as work:
            campaign = work.session.get_one(Campaign, self.campaign)
            [progress] = overview.progress(work, [campaign])
            return {f"{kind} {name}": n for kind in ("billed", "unpriced") for name, n in progress.named(kind)}


def test_what_is_billed_as_another_category_costs_its_price(scene: Scene) -> None:
    sending = Sending(scene, 6)
    sending.accepted()
    assert sending.books() == (6, 0)
    dear, same, free, failed, late, back = sending.ids
    sending.tell(dear, (SENT, 1, "marketing"), (DELIVERED, 1, "marketing"))
    sending.tell(same, (DELIVERED, 1, "utility"))
    sending.tell(free, (SENT, 1, "marketing"), (DELIVERED, 0, ""))
    sending.tell(failed, (SENT, 1, "marketing"), (UNDELIVERABLE, 0, ""))
    sending.tell(late, (DELIVERED, None, ""), (READ, 1, "marketing"))
    sending.tell(back, (SENT, 1, "marketing"), (DELIVERED, 1, "utility"))
    assert sending.books() == (0, 3 + 1 + 0 + 0 + 3 + 1)
    assert sending.figures() == {"billed marketing": 4}
    with scene.work() as work:
        story = messages.story(work, dear)
        assert (story.units, story.message.category) == (3, "marketing")
        assert "Billed as marketing." in [event.detail for event in story.events]


@pytest.mark.parametrize("shuffled", [[0, 1, 2], [2, 1, 0], [1, 0, 2], [2, 0, 1]])
def test_in_whatever_order_the_category_is_told_the_books_end_alike(scene: Scene, shuffled: list[int]) -> None:
    sending = Sending(scene, 1)
    sending.accepted()
    story = [(SENT, 1, "marketing"), (DELIVERED, 1, "marketing"), (READ, 1, "marketing")]
    sending.tell(sending.ids[0], *(story[place] for place in shuffled))
    assert sending.books() == (0, 3)
    assert sending.figures() == {"billed marketing": 1}


def test_a_category_that_is_told_before_the_submit_is_recorded_counts(scene: Scene) -> None:
    sending = Sending(scene, 2)
    sending.tell(sending.ids[0], (DELIVERED, 1, "marketing"))
    sending.accepted()
    assert sending.books() == (1, 3)


def test_a_category_without_a_rate_costs_what_was_reserved_and_is_shown(scene: Scene) -> None:
    sending = Sending(scene, 2)
    sending.accepted()
    for id in sending.ids:
        sending.tell(id, (DELIVERED, 1, "authentication_international"))
    assert sending.books() == (0, 2)
    assert sending.figures() == {"unpriced authentication_international": 2}


def test_messages_from_before_categories_were_kept_stay_as_they_are(scene: Scene) -> None:
    sending = Sending(scene, 1)
    sending.accepted()
    with scene.house.work(ADMINISTRATOR) as work:
        work.session.execute(text("UPDATE pulse_message SET category = ''"))
    sending.tell(sending.ids[0], (DELIVERED, 1, "marketing"))
    assert sending.books() == (0, 1)
    assert sending.figures() == {}


READ_BEFORE = [
    ("a delivery that is free", (DELIVERED, 0, ""), (SENT, 1, "marketing")),
    ("a delivery that says nothing", (DELIVERED, None, ""), (SENT, 1, "marketing")),
    ("another bill", (SENT, 0, ""), (SENT, 1, "marketing")),
    ("another category", (SENT, 1, "marketing"), (DELIVERED, 1, "")),
    ("another category, now free", (SENT, 1, "marketing"), (SENT, 0, "")),
]


@pytest.mark.parametrize(("late", "first"), [each[1:] for each in READ_BEFORE], ids=[each[0] for each in READ_BEFORE])
def test_of_two_that_change_a_price_or_a_state_at_once_the_later_looks_again(
    scene: Scene, late: tuple[MessageState, int | None, str], first: tuple[MessageState, int, str]
) -> None:
    sending = Sending(scene, 1)
    sending.accepted()
    [id] = sending.ids
    sending.tell(id, (SENT, 1, "utility"))
    with scene.house.work(ADMINISTRATOR) as work, platform_scope(work.session, "read before the other wrote"):
        known = receipts.known(work, {id})[id]
        receipts.better(known, 0, Receipt(f"R{id}", late[0], quantity=late[1], category=late[2]), 1)
        sending.tell(id, first)
        with pytest.raises(receipts.Moved):
            receipts.fold(work, [known])
        work.session.rollback()
    sending.tell(id, late)
    sending.books()


def test_a_message_that_goes_once_more_is_looked_at_again_where_its_price_changed(scene: Scene) -> None:
    sending = Sending(scene, 1)
    sending.accepted()
    [id] = sending.ids
    sending.tell(id, (SENT, 1, "utility"))
    failed = Receipt(f"R{id}", UNDELIVERABLE, quantity=0, again=timedelta(minutes=1))
    with scene.house.work(ADMINISTRATOR) as work, platform_scope(work.session, "read before the other wrote"):
        known = receipts.known(work, {id})[id]
        receipts.better(known, 0, failed, 1)
        sending.tell(id, (SENT, 1, "marketing"))
        with pytest.raises(receipts.Moved):
            receipts.fold(work, [known])
        work.session.rollback()
    sending.desk.take_in(sending.line.connection_id, [failed])
    assert sending.books() == (3, 0), "it waits once more, at what it is priced as"


def test_prices_are_those_the_campaign_was_launched_at(scene: Scene) -> None:
    sending = Sending(scene, 1)
    sending.accepted()
    _publish(scene, "Dearer", utility="5", marketing="9")
    sending.tell(sending.ids[0], (DELIVERED, 1, "marketing"))
    assert sending.books() == (0, 3)


def test_a_message_of_no_campaign_costs_what_its_category_costs_now(scene: Scene) -> None:
    sending = Sending(scene, 1)
    sending.accepted()
    sending.tell(sending.ids[0], (DELIVERED, 1, "utility"))
    with scene.work() as work:
        channel = work.registry.channel("postcard")
        id = singles.queue(
            work, channel=channel, sender="Amina", address="p0@x.org", content={"body": "Hello"},
            purpose=Purpose.TRANSACTIONAL, category="utility",
        )  # fmt: skip
    batch = sending.hand.turn(None, (), 1).batch
    assert batch is not None
    sending.hand.turn(batch, [Accepted((f"R{id}",))], 1)
    sending.tell(id, (DELIVERED, 1, "marketing"))
    assert sending.books() == (0, 1 + 3)


def test_what_an_organisation_lacks_for_a_dearer_category_is_borne_and_never_below_nought(scene: Scene) -> None:
    sending = Sending(scene, 1)
    sending.accepted()
    with scene.house.work(ADMINISTRATOR) as work:
        left = balances.of(work, scene.organisation).available
        tariff = Tariff(scene.organisation, "postcard", Purpose.PROMOTIONAL, "Amina")
        work.registry.ledger.reserve(work, tariff, None, left, day=work.clock().date())
    sending.tell(sending.ids[0], (DELIVERED, 1, "marketing"))
    with scene.house.work(ADMINISTRATOR) as work:
        balance = balances.of(work, scene.organisation)
        assert (balance.available, balance.spent, balance.borne) == (0, 3, 2)
        assert checking.faults(work) == []
