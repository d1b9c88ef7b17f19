"""A campaign over two channels: pigeons first, then postcards, each over a line of its own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select, text

from connectpulse import house as houses
from connectpulse.core.domain.message import MessageState
from connectpulse.core.domain.outcome import Accepted, Outcome
from connectpulse.core.domain.provider import Event, Receipt
from connectpulse.core.domain.settings import fresh_secrets, from_mapping
from connectpulse.core.services import campaigns, connections, contacts, moving, records, recovery, senders, templates
from connectpulse.core.services.campaigns import Draft, FallbackDraft
from connectpulse.core.services.desk import ServiceDesk, ServiceHand
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import Campaign, ContactList, Message, Onward
from connectpulse.house import House
from connectpulse.testing import factories
from tests.conftest import entry_point
from tests.unit.core.services.scene import AMINA, Scene

S = MessageState
PLUGINS = {
    "postcard": "tests.plugins.postcard:PostcardPlugin",
    "pigeon": "tests.plugins.pigeon:PigeonPlugin",
}


@contextmanager
def order_house(database_url: str, **more: str) -> Iterator[House]:
    """A house with both channels, and whatever else is named."""
    points = [entry_point(name, value) for name, value in (PLUGINS | more).items()]
    settings = from_mapping(fresh_secrets() | {"DATABASE_URL": database_url})
    made = houses.build(settings, entry_points=points, pool_size=5)
    assert not made.registry.refusals
    try:
        yield made
    finally:
        made.close()


class Order:
    """People with a number and a mail address, a pigeon first and a postcard after it."""

    def __init__(self, house: House, provider: str = "loft", *further: str) -> None:
        self.scene = Scene(house, factories.organisation(house))
        self.now = datetime.now(UTC)  # ids tell the database's time: receipts are matched by it
        self.scene.at(self.now)
        with house.work(AMINA) as work:
            lines = [
                connections.create(work, name, name, {"city": "Lahore"}, is_trial=True)
                for name in (provider, "post", *further)
            ]
            for line in lines:
                connections.create_route(work, line.id)
        self.lines = {line.channel: line.id for line in lines}
        self.campaign = 0
        self._house = house
        self._desk = ServiceDesk(house.work, "test-worker", "")
        self._hands: dict[int, ServiceHand] = {
            facts.connection_id: self._desk.hand(facts) for facts in self._desk.lines()
        }

    def later(self, by: timedelta) -> None:
        self.now += by
        self.scene.at(self.now)

    def people(self, *wanted: tuple[str, ...]) -> list[int]:
        """Make contacts, each with these addresses, all on one list; return their ids."""
        with self.scene.work() as work:
            self.list_id = records.create(work, ContactList(name="Everybody"), "list.created").id
            return [
                contacts.create(
                    work,
                    contacts.Person("Zara", [("email" if "@" in each else "phone", each) for each in addresses], {}),
                    [self.list_id],
                ).id
                for addresses in wanted
            ]

    def draft(self, first: str = "Hello", **more: Any) -> Draft:
        """Return a draft of the order; `more` goes to its fallback."""
        with self.scene.work() as work:
            made = [
                (
                    templates.create(work, f"{channel} {first}", channel, {"body": body}).id,
                    senders.create(work, channel, "name", name, purposes=["promotional"]).id,
                )
                for channel, body, name in (("pigeon", first, "Amina"), ("postcard", "Hello by post", "Post"))
            ]
        then = [FallbackDraft(*made[1], **more)]
        return Draft("Spring", "pigeon", "promotional", *made[0], [self.list_id], fallbacks=then)

    def launch(self, draft: Draft | None = None) -> int:
        with self.scene.work() as work:
            self.campaign = campaigns.create(work, draft or self.draft()).id
        self.scene.launch(self.campaign)
        return self.campaign

    def hands(self, channel: str, count: int) -> list[ServiceHand]:
        """Return hands of as many workers on the line of a channel."""
        facts = next(each for each in self._desk.lines() if each.connection_id == self.lines[channel])
        return [self._desk.hand(facts) for _ in range(count)]

    def take_in(self, channel: str, *events: Event) -> None:
        """Hear what the provider of a channel tells."""
        self._desk.take_in(self.lines[channel], events)

    def hand_over(self, channel: str, outcome: Callable[[str], Outcome] | None = None) -> list[str]:
        """Hand over what waits on a channel; return the addresses."""
        hand, found = self._hands[self.lines[channel]], []
        while (batch := hand.turn(None, (), 50).batch) is not None:
            taken = [(each, Accepted((f"P{each.message_id}/{each.attempt}",))) for each in batch.submissions]
            hand.turn(batch, [outcome(each.address) if outcome else accepted for each, accepted in taken], 0)
            found += [each.address for each in batch.submissions]
        return sorted(found)

    def tell(
        self, channel: str, state: MessageState, again: timedelta | None = None, fallback: int | None = None
    ) -> None:
        """Report the same on all messages of a channel, twice."""
        told = [
            Receipt(f"P{each.id}/{each.attempt}", state, "1", again=again)
            for each in self.messages()
            if each.channel == channel
        ]
        for _ in range(2):
            self._desk.take_in(self.lines[channel], told)

    def move(self) -> int:
        return moving.move_due(self._house.work)

    def sweep(self) -> None:
        """Do what every worker does for campaigns that nobody works on."""
        with self._house.work(AMINA) as work, guard.platform_scope(work.session, "test"):
            recovery.silent(work)
            recovery.stalled(work)

    def messages(self) -> list[Message]:
        with self.scene.work() as work:
            return list(work.session.scalars(select(Message).order_by(Message.id)))

    def states(self) -> list[tuple[str, str]]:
        """Return channel and state of every message, the oldest first."""
        return [(each.channel, S(each.state).label) for each in self.messages()]

    def ways(self) -> list[tuple[str, str]]:
        """Return the state and reason of everybody who is on the way."""
        with self.scene.work() as work:
            rows = work.session.scalars(select(Onward).order_by(Onward.message_id))
            return [(row.state, row.reason) for row in rows]

    def state(self) -> str:
        return self.scene.state(self.campaign)

    def figures(self) -> dict[str, int]:
        return self.scene.figures(self.campaign)

    def row(self) -> Campaign:
        with self.scene.work() as work:
            return records.find(work, Campaign, self.campaign)

    def count(self, query: str) -> Decimal:
        with self.scene.work() as work:
            return Decimal(work.session.scalar(text(query)) or 0)
