"""The line of a campaign through the services, as the panel takes it: people, connection, campaign, launch, figures."""

import io
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from connectpulse_sms.simulator.scene import TRIAL
from sqlalchemy import text

from connectpulse.core.domain.provider import Approval
from connectpulse.core.domain.trial import Trial
from connectpulse.core.errors import NotFound
from connectpulse.core.loader import load
from connectpulse.core.registry import Registry
from connectpulse.core.services import (
    campaigns,
    connections,
    counters,
    duties,
    imports,
    jobs,
    quotes,
    records,
    senders,
    templates,
)
from connectpulse.core.services.campaigns import Draft
from connectpulse.core.services.connections import Limits
from connectpulse.core.storage.models import Campaign, Import
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR

TEXT = "Dear {{ name }}, your order was sent today and will reach you by Friday. To stop, send STOP to 8558."
SENDER = "ACME"
FIRST_NUMBER = 3_000_000_000
PLAIN = replace(
    TRIAL,
    sender=("alphanumeric", SENDER),
    content={"body": TEXT},
    address=lambda n: f"+92{FIRST_NUMBER + n}",
    recipients=50_000,
)
"""Text messages as most figures are taken with."""
_BUSY = "SELECT count(*) FROM pulse_job WHERE state IN ('waiting', 'running')"


@dataclass
class Line:
    """One organisation of a house, and what it does to send a campaign."""

    house: House
    organisation: int
    trial: Trial = PLAIN

    def audience(self, count: int, first: int = 0) -> int:
        """Import `count` people from the `first` on; return the list they are on."""
        return self.import_file(people(count, first, self.trial), f"{count} from {first}", count)

    def import_file(self, content: bytes, name: str, count: int) -> int:
        """Import a file of names and phone numbers into a new list; return the list. All `count` must come in."""
        with self.house.work(ADMINISTRATOR, self.organisation) as work:
            given = imports.upload(work, "people.csv", io.BytesIO(content))
            given = imports.start(
                work, given.id, ["name", f"address:{self._scheme}"], new_list=name, consent="On trial"
            )
            import_id, list_id = given.id, given.list_id
        self.run_jobs()
        with self.house.work(ADMINISTRATOR, self.organisation) as work:
            done = records.find(work, Import, import_id)
            if done.state != "finished" or done.created != count:
                raise RuntimeError(f"The import ended {done.state} with {done.created} people. {done.reason}")
        assert list_id is not None
        return list_id

    def connect(self, limits: Limits, provider: str = "", **settings: Any) -> int:
        """Set up a connection, of the trial's provider or another, and a route over it; return its id."""
        provider = provider or self.trial.provider
        with self.house.work(ADMINISTRATOR) as work:
            made = connections.create(work, f"Over {provider}", provider, settings, limits, is_trial=True)
            connections.create_route(work, made.id)
            return made.id

    def campaign(self, list_id: int, purpose: str = "promotional", **options: Any) -> tuple[int, int]:
        """Draft and quote a campaign to a list; return its id and its quote's."""
        name = f"To list {list_id}"
        with self.house.work(ADMINISTRATOR, self.organisation) as work:
            channel, (kind, value) = self.trial.name, self.trial.sender
            template = templates.create(work, name, channel, dict(self.trial.content))
            version = templates.current(work, template.id)
            if version.approval == Approval.PENDING:
                templates.record_approval(work, version.id, Approval.APPROVED, reference=f"trial-{version.id}")
            sender = next(iter(senders.usable(work, channel)), None) or senders.create(
                work, channel, kind, value, purposes=["promotional", "transactional"]
            )
            draft = Draft(name, channel, purpose, template.id, sender.id, [list_id], **options)
            campaign_id = campaigns.create(work, draft).id
        with self.house.work(ADMINISTRATOR, self.organisation) as work:
            quotes.request(work, campaign_id)
        self.run_jobs()
        with self.house.work(ADMINISTRATOR, self.organisation) as work:
            quote = quotes.latest(work, campaign_id)
            if quote is None or quote.state != "ready":
                raise RuntimeError("The quote was not made.")
            return campaign_id, quote.id

    @property
    def _scheme(self) -> str:
        return self.house.registry.channel(self.trial.name).scheme

    def launch(self, campaign_id: int, quote_id: int) -> None:
        """Launch a quoted campaign; what it asks for is woken where the house has a queue."""
        with self.house.work(ADMINISTRATOR, self.organisation) as work:
            campaigns.launch(work, campaign_id, quote_id)

    def run_jobs(self) -> None:
        """Do the durable work that is due here and now, and wait for what a worker has taken."""
        while True:
            with self.house.work(ADMINISTRATOR) as work:
                due = jobs.due(work)
                is_busy = bool(work.session.scalar(text(_BUSY)))
            for job_id in due:
                jobs.run(self.house.work, job_id, "trial")
            if not due:
                if not is_busy:
                    return
                time.sleep(0.02)

    def figures(self, campaign_id: int) -> dict[str, int]:
        """Return a campaign's figures that are not zero."""
        with self.house.work(ADMINISTRATOR, self.organisation) as work:
            found = counters.read(work, [campaign_id])[campaign_id]
        return {name: int(amount) for name, amount in found.items() if amount}

    def state(self, campaign_id: int) -> str:
        """Return the state of a campaign."""
        with self.house.work(ADMINISTRATOR, self.organisation) as work:
            return records.find(work, Campaign, campaign_id).state


def people(count: int, first: int = 0, trial: Trial = PLAIN) -> bytes:
    """Return a CSV file of `count` people from the `first` on, with the addresses a trial gives them."""
    lines = [f"Person {number},{trial.address(number)}" for number in range(first, first + count)]
    return ("name,address\n" + "\n".join(lines) + "\n").encode()


def trial_of(channel: str) -> Trial:
    """Return how a channel is tried; raise NotFound where no installed plugin says it."""
    if channel == PLAIN.name:
        return PLAIN
    registry = Registry()
    duties.register(registry)
    load(registry)
    offered = registry.trials
    if channel not in offered:
        raise NotFound(f"No installed plugin lets {channel} be tried. There are: {', '.join(sorted(offered))}.")
    return offered[channel]


def wait_until(condition: Callable[[], Any], seconds: float, every: float = 0.05) -> None:
    """Return when `condition()` is true; raise TimeoutError saying so after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{getattr(condition, '__name__', 'it')} did not come true within {seconds:g} seconds.")
        time.sleep(every)
