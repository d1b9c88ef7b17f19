"""Campaigns: drafted, quoted, approved, launched, paused, resumed, cancelled. Each verb is safe to repeat."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select, text, update

from ..domain.campaign import CampaignState, check_step, states_before
from ..errors import Refused
from ..storage import guard
from ..storage.models import (
    Campaign,
    Organisation,
    Quote,
)
from . import allowances, audit, campaign_drafts, jobs, plans, quotes, records
from .campaign_drafts import PURPOSES as PURPOSES
from .campaign_drafts import Draft as Draft
from .campaign_drafts import FallbackDraft as FallbackDraft
from .disclosure import agreements
from .work import Work


def create(work: Work, draft: Draft) -> Campaign:
    """Make a campaign; it may still lack what launching needs."""
    campaign = Campaign(created_by=work.actor.name)
    campaign_drafts.write(work, campaign, draft)
    return records.create(work, campaign, "campaign.created")


def change(work: Work, campaign_id: int, draft: Draft) -> Campaign:
    """Change a campaign that has not been launched; a quote or approval it had no longer holds."""
    campaign = records.find(work, Campaign, campaign_id, lock=True)
    if not CampaignState(campaign.state).is_editable:
        raise Refused("Only a draft can be changed. Copy the campaign to send it differently.")
    before = _beside(campaign)
    with work.session.no_autoflush:  # what was flushed would be no change any more when it is written down
        campaign_drafts.write(work, campaign, draft)
    campaign.state = CampaignState.DRAFT.value
    others = {name: "changed" for name, now in _beside(campaign).items() if now != before[name]}
    return records.update(work, campaign, "campaign.updated", **others)


def copy(work: Work, campaign_id: int) -> Campaign:
    """Make a draft like a campaign, unscheduled, with the newest version of its template."""
    campaign = records.find(work, Campaign, campaign_id)
    template = campaign.template_version.template_id if campaign.template_version else None
    draft = Draft(
        name=f"{campaign.name[:110]} (copy)",
        channel=campaign.channel,
        purpose=campaign.purpose,
        template_id=template,
        sender_id=campaign.sender_id,
        list_ids=[each.list_id for each in campaign.lists if not each.is_excluded],
        excluded_ids=[each.list_id for each in campaign.lists if each.is_excluded],
        timezone=campaign.timezone,
        window_start=campaign.window_start,
        window_end=campaign.window_end,
        window_days=campaign.window_days,
        rate_per_second=campaign.rate_per_second,
        validity_minutes=campaign.validity_minutes,
        fallbacks=campaign_drafts.fallbacks_of(campaign),
    )
    return create(work, draft)


def remove(work: Work, campaign_id: int) -> None:
    """Delete a campaign that never ran."""
    campaign = records.find(work, Campaign, campaign_id, lock=True)
    if campaign.launched_at is not None:
        raise Refused("A campaign that ran stays in the log until its retention ends.")
    records.delete(work, campaign, "campaign.deleted")


def launch(work: Work, campaign_id: int, quote_id: int) -> Campaign:
    """Launch as quoted: now, at its scheduled time, or after approval where the organisation asks for it.

    Raises Refused if anything changed since the quote, and on a second click.
    """
    campaign = records.find(work, Campaign, campaign_id, lock=True)
    check_step(CampaignState(campaign.state), CampaignState.RUNNING)
    quote = _check_quote(work, campaign, quote_id)
    organisation = records.find(work, Organisation, campaign.organisation_id)
    if organisation.is_suspended:
        raise Refused("This organisation is suspended; nothing can be sent.")
    campaign.fingerprint = quote.fingerprint
    campaign.launched_by, campaign.launched_by_id = work.actor.name, work.actor.id
    if organisation.needs_approval:
        return _step(work, campaign, CampaignState.AWAITING_APPROVAL, "campaign.submitted", quote=_said(quote))
    return _start(work, campaign, quote)


def approve(work: Work, campaign_id: int) -> Campaign:
    """Let a campaign go that somebody else launched, exactly as it was when they did."""
    campaign = records.find(work, Campaign, campaign_id, lock=True)
    if campaign.state != CampaignState.AWAITING_APPROVAL:
        raise Refused("This campaign is not waiting for approval.")
    if campaign.launched_by_id == work.actor.id:
        raise Refused("Another person has to approve what you launched.")
    if campaign.fingerprint != plans.fingerprint(campaign):
        raise Refused("The campaign or its audience has changed since it was submitted. Send it back.")
    quote = quotes.latest(work, campaign_id)
    if quote is None:
        raise Refused("The quote is gone. Send the campaign back to be quoted again.")
    faults = plans.problems(work, campaign) + not_included(work, campaign) or agreements.obstacles(work, quote)
    if faults:
        raise Refused(*faults)
    if not quotes.prices_hold(work, quote, campaign):
        raise Refused("A price has changed since it was submitted. Send it back to be quoted again.")
    campaign.approved_by = work.actor.name
    audit.record(work, "campaign.approved", campaign)
    return _start(work, campaign, quote)


def send_back(work: Work, campaign_id: int, reason: str) -> Campaign:
    """Return a campaign to its author instead of approving it; also takes a schedule back."""
    campaign = records.find(work, Campaign, campaign_id, lock=True)
    campaign.reason = reason[:300]
    quotes.fix_prices(campaign, None)
    return _step(work, campaign, CampaignState.DRAFT, "campaign.returned", reason=reason)


def pause(work: Work, campaign_id: int, reason: str = "") -> Campaign:
    """Stop handing over; what is on the wire already is answered and recorded."""
    campaign = records.find(work, Campaign, campaign_id, lock=True)
    campaign.reason = (reason or f"Paused by {work.actor.name}")[:300]
    if campaign.state == CampaignState.PAUSED and campaign.is_out_of_units:
        campaign.is_out_of_units = False  # what is paid for was still going out; now it stops, too
        audit.record(work, "campaign.paused", campaign, reason=campaign.reason)
        return campaign
    return _step(work, campaign, CampaignState.PAUSED, "campaign.paused", reason=campaign.reason)


def resume(work: Work, campaign_id: int) -> Campaign:
    """Go on where the campaign stopped; nobody is sent to twice."""
    campaign = records.find(work, Campaign, campaign_id, lock=True)
    if campaign.state != CampaignState.PAUSED:
        raise Refused("This campaign is not paused.")
    campaign.reason, campaign.is_out_of_units = "", False
    _step(work, campaign, CampaignState.RUNNING, "campaign.resumed")
    _wake(work, campaign)
    return campaign


def resume_funded(work: Work, organisation_id: int) -> int:
    """Let the campaigns of an organisation go on that paused for want of units only; return how many.

    For ledgers, in the transaction that adds units. Those that need more than was added pause again.
    """
    waiting = select(Campaign).where(
        Campaign.organisation_id == organisation_id, Campaign.state == CampaignState.PAUSED, Campaign.is_out_of_units
    )
    with guard.platform_scope(work.session, "campaigns that wait for units"):
        found = work.session.scalars(waiting.order_by(Campaign.id).with_for_update(of=Campaign)).unique().all()
        for campaign in found:
            campaign.reason, campaign.is_out_of_units = "", False
            _step(work, campaign, CampaignState.RUNNING, "campaign.resumed", reason="Units were added.")
            _wake(work, campaign)
    return len(found)


def cancel(work: Work, campaign_id: int) -> Campaign:
    """End a campaign; what has not been handed over never will be, and its units are given back."""
    campaign = records.find(work, Campaign, campaign_id, lock=True)
    campaign.reason = f"Cancelled by {work.actor.name}"[:300]
    campaign.finished_at = work.clock()
    _step(work, campaign, CampaignState.CANCELLED, "campaign.cancelled")
    if campaign.launched_at is not None:
        jobs.submit(work, "cancel", campaign.id)
    return campaign


def start_due(work: Work) -> list[int]:
    """Start the scheduled campaigns whose time has come; those too late become `missed`, not a surprise.

    Platform work: returns the ids of campaigns that started.
    """
    now = work.clock()
    due = work.session.scalars(
        select(Campaign)
        .where(Campaign.state == CampaignState.SCHEDULED, Campaign.scheduled_at <= now)
        .limit(100)
        .with_for_update(of=Campaign, skip_locked=True)
    ).unique()
    started = []
    for campaign in due:
        assert campaign.scheduled_at is not None
        if now - campaign.scheduled_at > timedelta(minutes=campaign.start_within_minutes):
            campaign.reason = (
                "Nothing was running when it should have started. Launch it again if it still makes sense."
            )
            _step(work, campaign, CampaignState.MISSED, "campaign.missed")
        elif faults := not_included(work, campaign):
            campaign.reason = " ".join(faults)[:300]
            _step(work, campaign, CampaignState.MISSED, "campaign.missed", reason=campaign.reason)
        else:
            _step(work, campaign, CampaignState.RUNNING, "campaign.launched")
            campaign.launched_at = now
            _wake(work, campaign)
            started.append(campaign.id)
    return started


def pause_for(work: Work, campaign_ids: Sequence[int], reason: str) -> None:
    """Pause running campaigns because of what their provider says; for set-based code."""
    for campaign in work.session.scalars(
        select(Campaign).where(Campaign.id.in_(campaign_ids), Campaign.state == CampaignState.RUNNING)
    ).unique():
        campaign.reason = reason[:300]
        _step(work, campaign, CampaignState.PAUSED, "campaign.paused", reason=reason)


def miss_passed(work: Work, reason: str) -> int:
    """Let no scheduled start that has passed happen any more; return how many there were. Platform work."""
    passed = select(Campaign).where(Campaign.state == CampaignState.SCHEDULED, Campaign.scheduled_at <= work.clock())
    found = work.session.scalars(passed.with_for_update(of=Campaign)).unique().all()
    for campaign in found:
        campaign.reason = reason[:300]
        _step(work, campaign, CampaignState.MISSED, "campaign.missed", reason=campaign.reason)
    return len(found)


def _start(work: Work, campaign: Campaign, quote: Quote) -> Campaign:
    now = work.clock()
    quotes.fix_prices(campaign, quote)
    if campaign.scheduled_at is not None and campaign.scheduled_at > now:
        return _step(work, campaign, CampaignState.SCHEDULED, "campaign.scheduled", quote=_said(quote))
    campaign.launched_at = now
    _step(work, campaign, CampaignState.RUNNING, "campaign.launched", quote=_said(quote))
    _wake(work, campaign)
    return campaign


def _wake(work: Work, campaign: Campaign) -> None:
    if not campaign.is_expanded:
        organisation, work.organisation = work.organisation, campaign.organisation_id
        jobs.submit(work, "expand", campaign.id)
        work.organisation = organisation
    work.session.execute(text("SELECT pg_notify('pulse_dispatch', '*')"))


def _step(work: Work, campaign: Campaign, target: CampaignState, verb: str, **detail: Any) -> Campaign:
    """Move a campaign by conditional update, so that two clicks or two workers make one step."""
    check_step(CampaignState(campaign.state), target)
    work.session.flush()
    moved = work.session.execute(
        update(Campaign)
        .where(Campaign.id == campaign.id, Campaign.state.in_(states_before(target)))
        .values(state=target.value)
        .returning(Campaign.id)
    ).one_or_none()
    if moved is None:
        raise Refused("Somebody else changed this campaign just now. Look at it again.")
    work.session.refresh(campaign)
    audit.record(work, verb, campaign, **detail)
    return campaign


def _check_quote(work: Work, campaign: Campaign, quote_id: int) -> Quote:
    faults = plans.problems(work, campaign) + not_included(work, campaign)
    if faults:
        raise Refused(*faults)
    quote = records.find(work, Quote, quote_id)
    if quote.campaign_id != campaign.id or not quotes.holds(work, quote, campaign):
        raise Refused("The campaign, its audience or its price has changed since it was quoted. Quote it again.")
    if quote.recipients == 0:
        raise Refused("Nobody would receive this: the audience is empty, or everyone in it is left out.")
    obstacles = agreements.obstacles(work, quote)
    if obstacles:
        raise Refused(*obstacles)
    if quote.unpriced:
        prefixes = ", ".join(sorted(quote.unpriced)[:5])
        raise Refused(f"There is no price for destinations beginning with {prefixes}. Add one, or leave them out.")
    balance = work.registry.ledger.balance(work, campaign.organisation_id)
    least = quote.least_units or Decimal(0)
    if balance is not None and balance < least:
        raise Refused(
            f"One message takes {least.normalize():f} units, and {balance.normalize():f} are available. "
            "Buy units first."
        )
    return quote


def not_included(work: Work, campaign: Campaign) -> list[str]:
    """Return one sentence per channel of a campaign that its organisation may not use."""
    channels = dict.fromkeys(leg.channel for leg in plans.legs(campaign))
    return [each for name in channels for each in allowances.objections(work, campaign.organisation_id, name)]


def _said(quote: Quote) -> dict[str, Any]:
    return {"recipients": quote.recipients, "parts": quote.parts, "units": str(quote.units)}


def _beside(campaign: Campaign) -> dict[str, Any]:
    """Return what a campaign has in other tables: whom it goes to or leaves out, and its fallbacks."""
    return {
        "lists": {(each.list_id, each.is_excluded) for each in campaign.lists},
        "fallbacks": [plans.facts_of(each) for each in campaign.fallbacks],
    }
