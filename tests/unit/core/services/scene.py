"""A small site for tests of services: one organisation, the postcard channel, and what a campaign needs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectpulse.core.services import (
    campaigns,
    connections,
    contacts,
    counters,
    jobs,
    quotes,
    records,
    senders,
    templates,
)
from connectpulse.core.services.campaigns import Draft
from connectpulse.core.services.work import Actor
from connectpulse.core.storage.models import Campaign, ContactList, Quote
from connectpulse.house import House
from connectpulse.testing import factories

AMINA = factories.ADMINISTRATOR
BILAL = Actor("user", "Bilal Approver", 2)
CHANNEL = "postcard"


@dataclass(slots=True)
class Scene:
    """What tests of campaigns say again and again; each call is a unit of work of its own."""

    house: House
    organisation: int

    def work(self, actor: Actor = AMINA) -> Any:
        """Open work for the organisation."""
        return self.house.work(actor, self.organisation)

    def at(self, moment: datetime) -> None:
        """Set the clock of the house."""
        self.house.clock = lambda: moment

    def connect(self, name: str = "Post", **conditions: Any) -> int:
        """Set up a connection with a route; return its id."""
        with self.house.work(AMINA) as work:
            made = connections.create(work, name, "post", {"city": "Lahore"}, is_trial=True)
            connections.create_route(work, made.id, **conditions)
            return made.id

    def people(self, *addresses: str, name: str = "", **fields: str) -> int:
        """Make a list of contacts with these addresses; return its id."""
        with self.work() as work:
            made = records.create(work, ContactList(name=name or f"List of {addresses}"[:120]), "list.created")
            for address in addresses:
                person = contacts.Person(address.partition("@")[0].title(), [("email", address)], fields)
                contacts.create(work, person, [made.id])
            return made.id

    def template(self, body: str = "Dear {{ first_name }}", name: str = "Hello") -> int:
        with self.work() as work:
            return templates.create(work, name, CHANNEL, {"body": body}).id

    def sender(self, *purposes: str, value: str = "Amina") -> int:
        with self.work() as work:
            return senders.create(work, CHANNEL, "name", value, purposes=purposes or ["promotional"]).id

    def draft(self, list_id: int, **changes: Any) -> Draft:
        """Return a draft to a list; what it needs and `changes` do not name is made."""
        wanted: dict[str, Any] = {"name": "Spring", "channel": CHANNEL, "purpose": "promotional"}
        wanted["list_ids"] = [list_id]
        if "template_id" not in changes:
            wanted["template_id"] = self.template()
        if "sender_id" not in changes:
            wanted["sender_id"] = self.sender()
        return Draft(**(wanted | changes))

    def campaign(self, list_id: int, **changes: Any) -> int:
        """Make a campaign; return its id."""
        draft = self.draft(list_id, **changes)
        with self.work() as work:
            return campaigns.create(work, draft).id

    def quote(self, campaign_id: int) -> Quote:
        """Count a campaign to the end; return its quote."""
        with self.work() as work:
            quotes.request(work, campaign_id)
        self.run_jobs()
        with self.work() as work:
            found = quotes.latest(work, campaign_id)
            assert found is not None
            return found

    def launch(self, campaign_id: int, actor: Actor = AMINA) -> None:
        """Quote and launch a campaign, and expand it."""
        quote = self.quote(campaign_id)
        with self.work(actor) as work:
            campaigns.launch(work, campaign_id, quote.id)
        self.run_jobs()

    def run_jobs(self) -> None:
        """Do the durable work that is due."""
        while True:
            with self.house.work(AMINA) as work:
                due = jobs.due(work)
            if not due:
                return
            for job_id in due:
                jobs.run(self.house.work, job_id, "test-worker")

    def state(self, campaign_id: int) -> str:
        with self.work() as work:
            return records.find(work, Campaign, campaign_id).state

    def figures(self, campaign_id: int) -> dict[str, int]:
        """Return a campaign's figures that are not zero."""
        with self.work() as work:
            found = counters.read(work, [campaign_id])[campaign_id]
            return {name: int(amount) for name, amount in found.items() if amount}
