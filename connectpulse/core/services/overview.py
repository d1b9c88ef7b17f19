"""What the home page and the health page say: what is running, and what needs somebody."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import exists, select, text

from ..domain.campaign import CampaignState
from ..domain.faces import Health
from ..domain.message import MessageState
from ..storage.models import Campaign, Connection, ContactList, Import, Sender, Template
from . import connections, counters, periodic
from .backups import wal
from .backups import watch as backups
from .retention import report as retention
from .work import Work


@dataclass(frozen=True, slots=True)
class Progress:
    """A campaign's figures, ready to be drawn. `is_reported`: deliveries are told as well as failures."""

    campaign: Campaign
    figures: dict[str, Decimal]
    is_reported: bool = True

    def state(self, state: MessageState) -> int:
        return int(self.figures.get(f"state:{state.label}", 0))

    @property
    def total(self) -> int:
        return sum(self.state(state) for state in MessageState)

    @property
    def addressed(self) -> int:
        return self.total - self.state(MessageState.SKIPPED)

    @property
    def people(self) -> int:
        """Recipients that were addressed: whoever went on to another channel was so twice, and counts once."""
        return self.addressed - self.moved

    @property
    def moved(self) -> int:
        """How often somebody went on to another channel."""
        moved = [each for name, each in self.figures.items() if name.endswith(":moved") and name[0].isdigit()]
        return int(sum(moved))

    def at(self, place: int) -> "Progress":
        """Return the figures of one of a campaign's several channels."""
        prefix = f"{place}:"
        mine = {name.removeprefix(prefix): each for name, each in self.figures.items() if name.startswith(prefix)}
        states = {name: each for name, each in mine.items() if name.startswith("state:")}
        return Progress(self.campaign, states, self.is_reported)

    @property
    def handed_over(self) -> int:
        return self.addressed - self.state(MessageState.QUEUED) - self.state(MessageState.CANCELLED)

    @property
    def delivered(self) -> int:
        return self.state(MessageState.DELIVERED) + self.state(MessageState.READ)

    @property
    def reached(self) -> int:
        """Messages that arrived, as far as is told: where no delivery is, those that were accepted."""
        return self.delivered if self.is_reported else self.delivered + self.unanswered

    @property
    def failed(self) -> int:
        bad = (MessageState.EXPIRED, MessageState.FAILED, MessageState.UNDELIVERABLE, MessageState.REJECTED)
        return sum(self.state(state) for state in bad)

    @property
    def waiting(self) -> int:
        return self.state(MessageState.QUEUED)

    @property
    def unanswered(self) -> int:
        """Messages taken over by a provider that has not reported on them yet."""
        return self.state(MessageState.ACCEPTED) + self.state(MessageState.SENT)

    @property
    def awaited(self) -> int:
        """Messages of which a report is still to come."""
        return self.unanswered if self.is_reported else 0

    @property
    def unknown(self) -> int:
        return self.state(MessageState.UNKNOWN)

    def share(self, part: int) -> float:
        """Return `part` of the recipients in percent, at most all of them."""
        return min(100.0, 100 * part / self.people) if self.people else 0.0

    def named(self, prefix: str) -> list[tuple[str, int]]:
        """Return the figures `prefix:<name>` as (name, amount), the largest first."""
        found = [
            (name.partition(":")[2], int(amount))
            for name, amount in self.figures.items()
            if name.startswith(f"{prefix}:") and amount > 0
        ]
        return sorted(found, key=lambda pair: -pair[1])


def progress(work: Work, campaigns: Sequence[Campaign]) -> list[Progress]:
    """Return the progress of campaigns, in one query however many there are, and one for each of their channels."""
    figures = counters.read(work, [campaign.id for campaign in campaigns])
    ways = {(name, each.organisation_id) for each in campaigns for name in _channels(each)}
    reported = {way for way in ways if connections.report(work, *way)}
    return [
        Progress(each, figures[each.id], any((name, each.organisation_id) in reported for name in _channels(each)))
        for each in campaigns
    ]


def _channels(campaign: Campaign) -> list[str]:
    return [campaign.channel, *(fallback.channel for fallback in campaign.fallbacks)]


LIVE = (CampaignState.RUNNING, CampaignState.PAUSED, CampaignState.SCHEDULED, CampaignState.AWAITING_APPROVAL)


def live_campaigns(work: Work, limit: int = 20) -> list[Progress]:
    """Return the campaigns that are going on or about to."""
    statement = select(Campaign).where(Campaign.state.in_([state.value for state in LIVE])).order_by(Campaign.id.desc())
    return progress(work, work.session.scalars(statement.limit(limit)).unique().all())


def recent_campaigns(work: Work, limit: int = 5) -> list[Progress]:
    """Return the campaigns that ended last."""
    statement = (
        select(Campaign)
        .where(Campaign.state.in_([CampaignState.FINISHED.value, CampaignState.CANCELLED.value]))
        .order_by(Campaign.id.desc())
    )
    return progress(work, work.session.scalars(statement.limit(limit)).unique().all())


@dataclass(frozen=True, slots=True)
class Attention:
    """Something a person should look at: `kind` says where, `name` which, `sentence` why."""

    kind: str
    id: int | None
    sentence: str


def attention(work: Work) -> list[Attention]:
    """Return what needs somebody in this organisation."""
    found: list[Attention] = []
    for campaign in work.session.scalars(
        select(Campaign).where(Campaign.state.in_(["paused", "missed", "awaiting_approval", "failed"])).limit(20)
    ).unique():
        said = campaign.reason or campaign.state.replace("_", " ")
        found.append(Attention("campaign", campaign.id, f"{campaign.name}: {said}"))
    recently = work.clock() - timedelta(days=2)
    failed = select(Import).where(Import.state == "failed", Import.created_at > recently).limit(5)
    found += [
        Attention("import", given.id, f"The import of {given.filename} failed: {given.reason}")
        for given in work.session.scalars(failed).unique()
    ]
    today = work.clock().date()
    soon = select(Sender).where(Sender.valid_until < today + timedelta(days=30), Sender.is_active)
    for sender in work.session.scalars(soon.limit(5)):
        assert sender.valid_until is not None
        ends = "ended" if sender.valid_until < today else "ends"
        found.append(
            Attention("sender", sender.id, f"The approval of {sender.value} {ends} on {sender.valid_until:%d %B %Y}.")
        )
    return found


def platform_attention(work: Work) -> list[Attention]:
    """Return what needs the operator of the platform."""
    found = [
        Attention("plugin", None, f"The plugin {name} was refused: {faults[0]}")
        for name, faults in work.registry.refusals.items()
    ]
    for connection in work.session.scalars(select(Connection).limit(200)):
        if not connection.is_active:
            found.append(
                Attention("connection", connection.id, f"{connection.name} is paused: {connection.paused_reason}")
            )
        elif connection.failures:
            found.append(Attention("connection", connection.id, f"{connection.name} fails: {connection.last_error}"))
    failed = work.session.scalar(
        text("SELECT count(*) FROM pulse_job WHERE state = 'failed' AND created_at > now() - interval '2 days'")
    )
    if failed:
        found.append(Attention("job", None, f"{failed} background job(s) failed in the last two days."))
    aside = work.session.scalar(text("SELECT count(*) FROM pulse_callback WHERE state = 'failed'"))
    if aside:
        found.append(Attention("callback", None, f"{aside} event(s) of providers were set aside: see below why."))
    return found


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """How far a new organisation has come."""

    has_list: bool
    has_sender: bool
    has_template: bool
    has_campaign: bool

    @property
    def is_done(self) -> bool:
        return self.has_list and self.has_sender and self.has_template and self.has_campaign


def first_steps(work: Work) -> FirstSteps:
    """Return what an organisation has made of what a first campaign needs."""

    def has(model: Any) -> bool:
        return bool(work.session.scalar(select(exists(select(model.id)))))

    return FirstSteps(has(ContactList), has(Sender), has(Template), has(Campaign))


def health(work: Work) -> list[Health]:
    """Return core's own checks and every plugin's."""
    oldest = work.session.scalar(
        text(
            "SELECT extract(epoch FROM now() - min(d.due_at)) FROM pulse_dispatch d "
            "LEFT JOIN pulse_campaign c ON c.id = d.campaign_id "
            "WHERE d.state = 'ready' AND d.due_at < now() AND (d.campaign_id = 0 OR c.state = 'running')"
        )
    )
    waited = float(oldest or 0)
    workers = work.session.scalar(
        text("SELECT count(DISTINCT worker) FROM pulse_connection_slot WHERE lease_until > now()")
    )
    found = [
        Health("queue", waited < 300, f"The oldest message that may go has waited {waited:.0f} s."),
        Health("workers", bool(workers) or not waited, f"{workers} worker(s) hold provider sessions."),
        backups.health(work),
        *wal.health(work),
    ]
    found += [retention.health(work), *([periodic.health(work)] if work.registry.duties else [])]
    for check in work.registry.health.values():
        try:
            found.append(check.check(work))
        except Exception as error:
            found.append(Health(check.name, False, f"The check itself failed: {type(error).__name__}"))
    return found
