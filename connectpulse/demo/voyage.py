"""A campaign of the demo from draft to the last receipt, watched by its manager."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from ..core.domain.campaign import CampaignState
from ..core.domain.trial import Trial
from ..core.errors import PulseError
from ..core.services import campaigns, overview, quotes, records
from ..core.services.overview import Progress
from ..core.services.work import Actor
from ..core.storage.models import Campaign, Import, Quote
from ..house import House
from . import stage
from .bar import Bar

LOOK_EVERY = 0.1
PATIENCE = 120.0
"""Seconds without any progress after which the demo stops waiting."""
LAST_REPORTS = 2.0
"""Seconds without a report after which a network that reports failures alone has said everything."""
SILENCE = 10.0
"""Seconds after which messages of unknown outcome alone are no longer waited for."""


class Interrupted(PulseError):
    """Somebody ended the demo before its campaign was through."""


class Halted(PulseError):
    """The campaign was paused, cancelled, or cannot go on."""


@dataclass(slots=True)
class Voyage:
    """The demo's organisation, the channel that is tried, and who acts; `tend` keeps its programs alive meanwhile."""

    house: House
    organisation: int
    trial: Trial
    actor: Actor
    ended: threading.Event
    tend: Callable[[], None]

    def import_people(self, recipients: int) -> None:
        """Wait until the audience is in."""
        given, bar = self._import(), Bar("Importing", recipients)
        if given.state == "finished":
            return
        while given.state == "running":
            bar.show(given.created)
            self._wait()
            given = self._import()
        bar.close(given.created)
        if given.state != "finished":
            raise PulseError(f"The import ended {given.state}: {given.reason}")

    def wait_for_worker(self) -> None:
        """Wait until a worker holds the line to the network, so that its start is not measured."""
        while True:
            with self.house.work(self.actor, self.organisation) as work:
                if stage.has_session(work, self.trial):
                    return
            self._wait()

    def launch(self) -> tuple[int, int]:
        """Draft, quote and launch a campaign to everybody; return its id and the recipients it was quoted for."""
        with self.house.work(self.actor, self.organisation) as work:
            campaign_id = stage.draft(work, self.trial).id
        with self.house.work(self.actor, self.organisation) as work:
            quote_id = quotes.request(work, campaign_id).id
        quote = self._quote(campaign_id)
        while quote.state == "counting":
            self._wait()
            quote = self._quote(campaign_id)
        if quote.state != "ready":
            raise PulseError(f"The campaign cannot be quoted: {quote.reason}")
        with self.house.work(self.actor, self.organisation) as work:
            campaigns.launch(work, campaign_id, quote_id)
        return campaign_id, quote.recipients

    def _import(self) -> Import:
        with self.house.work(self.actor, self.organisation) as work:
            return stage.first_import(work, self.trial)

    def _quote(self, campaign_id: int) -> Quote:
        with self.house.work(self.actor, self.organisation) as work:
            quote = quotes.latest(work, campaign_id)
            assert quote is not None
            return quote

    def watch(self, campaign_id: int) -> Progress:
        """Draw the campaign's progress until every receipt is in; return its figures."""
        progress = self._progress(campaign_id)
        bar, changed_at = Bar("Receipts", self._quote(campaign_id).recipients), time.monotonic()
        while not self._is_through(progress, time.monotonic() - changed_at):
            if time.monotonic() - changed_at > PATIENCE:
                break
            bar.show(self._reported(progress))
            self._wait()
            before, progress = progress.figures, self._progress(campaign_id)
            if progress.figures != before:
                changed_at = time.monotonic()
        bar.close(self._reported(progress))
        return progress

    def _progress(self, campaign_id: int) -> Progress:
        with self.house.work(self.actor, self.organisation) as work:
            campaign = records.find(work, Campaign, campaign_id)
            if campaign.state in (CampaignState.PAUSED, CampaignState.FAILED, CampaignState.CANCELLED):
                raise Halted(f"The campaign is {campaign.state}: {campaign.reason}")
            [progress] = overview.progress(work, [campaign])
            return progress

    def _is_through(self, progress: Progress, silent_for: float) -> bool:
        """Return whether nothing more is to come: all reported, or silence about the rest that is unknown."""
        if progress.campaign.state != CampaignState.FINISHED or progress.waiting:
            return False
        if progress.unanswered:
            return not self.trial.reports_delivery and silent_for > LAST_REPORTS
        return not progress.unknown or silent_for > SILENCE

    def _reported(self, progress: Progress) -> int:
        """Return how many came to their end: to be accepted is one where no deliveries are reported."""
        ended = progress.delivered + progress.failed
        return ended if self.trial.reports_delivery else ended + progress.unanswered

    def _wait(self) -> None:
        if self.ended.wait(LOOK_EVERY):
            raise Interrupted("The demo was ended before its campaign was through.")
        self.tend()
