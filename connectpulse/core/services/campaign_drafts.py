"""What a campaign is before it is launched: as a form or an API call says it, checked and written down."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from ..domain.contracts import Purpose
from ..domain.fallback import OUTCOMES
from ..domain.windows import find_zone, to_utc
from ..errors import Refused
from ..storage.models import Campaign, CampaignList, ContactList, Fallback, Organisation, Sender, Template
from . import records, templates
from .work import Work

MOST_YEARS = 2
"""How far ahead a start may lie."""
MOST_FALLBACKS = 3
PURPOSES = {Purpose.PROMOTIONAL.value: "Promotional", Purpose.TRANSACTIONAL.value: "Transactional"}


@dataclass(frozen=True, slots=True)
class FallbackDraft:
    """What a form says about a further channel: the template's, which follows after `outcomes` of the one before it,
    or where that was not delivered within `after_minutes` (None: only an ending counts)."""

    template_id: int | None
    sender_id: int | None
    outcomes: Sequence[str] = tuple(OUTCOMES)
    after_minutes: int | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """What a form or an API call says about a campaign. `starts_at` is wall-clock time in `timezone`."""

    name: str
    channel: str
    purpose: str
    template_id: int | None
    sender_id: int | None
    list_ids: Sequence[int]
    excluded_ids: Sequence[int] = ()
    timezone: str = ""
    starts_at: datetime | None = None
    start_within_minutes: int = 60
    window_start: time | None = None
    window_end: time | None = None
    window_days: Sequence[int] = (0, 1, 2, 3, 4, 5, 6)
    rate_per_second: int | None = None
    validity_minutes: int = 1440
    fallbacks: Sequence[FallbackDraft] = ()


def write(work: Work, campaign: Campaign, draft: Draft) -> None:
    """Write a draft into a campaign; raise Refused with what is wrong with it."""
    if not draft.name.strip():
        raise Refused("Give the campaign a name.")
    if draft.purpose not in PURPOSES:
        raise Refused("Choose a purpose: promotional or transactional.")
    work.registry.channel(draft.channel)
    organisation = records.find(work, Organisation, work.organisation_id)
    campaign.name = draft.name.strip()[:120]
    campaign.channel, campaign.purpose = draft.channel, draft.purpose
    campaign.timezone = find_zone(draft.timezone or organisation.timezone).key
    campaign.scheduled_at = (
        to_utc(draft.starts_at, find_zone(campaign.timezone)) if draft.starts_at is not None else None
    )
    if campaign.scheduled_at is not None and campaign.scheduled_at <= work.clock():
        raise Refused("The start lies in the past.")
    if campaign.scheduled_at is not None and campaign.scheduled_at > work.clock() + timedelta(days=366 * MOST_YEARS):
        raise Refused(f"The start lies more than {MOST_YEARS} years ahead.")
    _write_limits(campaign, draft)
    campaign.template_version_id = _version_id(work, draft.channel, draft.template_id)
    campaign.sender_id = _sender_id(work, draft.channel, draft.sender_id)
    _write_lists(work, campaign, draft)
    _write_fallbacks(work, campaign, draft.fallbacks)


def _write_limits(campaign: Campaign, draft: Draft) -> None:
    if (draft.window_start is None) != (draft.window_end is None):
        raise Refused("A sending window needs both a beginning and an end.")
    if draft.rate_per_second is not None and not 1 <= draft.rate_per_second <= 100_000:
        raise Refused("The rate must lie between 1 and 100000 messages a second, or stay empty.")
    if not 1 <= draft.validity_minutes <= 10_080:
        raise Refused("The validity must lie between a minute and 7 days.")
    if not 1 <= draft.start_within_minutes <= 10_080:
        raise Refused("The latest start must lie between a minute and 7 days after the scheduled one.")
    campaign.window_start, campaign.window_end = draft.window_start, draft.window_end
    campaign.window_days = sorted({day for day in draft.window_days if 0 <= day <= 6})
    campaign.rate_per_second = draft.rate_per_second
    campaign.validity_minutes = draft.validity_minutes
    campaign.start_within_minutes = draft.start_within_minutes


def _version_id(work: Work, channel: str, template_id: int | None) -> int | None:
    if template_id is None:
        return None
    template = records.find(work, Template, template_id)
    if template.channel != channel:
        raise Refused(f"The template {template.name} is for another channel.")
    return templates.current(work, template.id).id


def _sender_id(work: Work, channel: str, sender_id: int | None) -> int | None:
    if sender_id is None:
        return None
    sender = records.find(work, Sender, sender_id)
    if sender.channel != channel:
        raise Refused(f"The sender {sender.value} is for another channel.")
    return sender.id


def _write_fallbacks(work: Work, campaign: Campaign, drafts: Sequence[FallbackDraft]) -> None:
    if len(drafts) > MOST_FALLBACKS:
        raise Refused(f"At most {MOST_FALLBACKS} channels may follow the first.")
    have = {each.number: each for each in campaign.fallbacks}
    campaign.fallbacks = [
        _write_fallback(work, have.get(number) or Fallback(organisation_id=work.organisation_id, number=number), draft)
        for number, draft in enumerate(drafts, 1)
    ]
    channels = [campaign.channel, *(each.channel for each in campaign.fallbacks)]
    if len(set(channels)) < len(channels):
        raise Refused("Each channel stands once in the order: a message that failed is not sent the same way again.")


def _write_fallback(work: Work, row: Fallback, draft: FallbackDraft) -> Fallback:
    if draft.template_id is None:
        raise Refused(f"Fallback {row.number}: choose a template, or leave all of it empty.")
    if not draft.outcomes or set(draft.outcomes) - set(OUTCOMES):
        raise Refused(f"Fallback {row.number}: choose at least one ending after which it follows.")
    if draft.after_minutes is not None and not 1 <= draft.after_minutes <= 10_080:
        raise Refused(f"Fallback {row.number}: the time to wait for a delivery lies between a minute and 7 days.")
    row.channel = records.find(work, Template, draft.template_id).channel
    row.template_version_id = templates.current(work, draft.template_id).id
    row.sender_id = _sender_id(work, row.channel, draft.sender_id)
    row.outcomes, row.after_minutes = sorted(draft.outcomes), draft.after_minutes
    return row


def fallbacks_of(campaign: Campaign) -> list[FallbackDraft]:
    """Return what a form would say about a campaign's fallbacks."""
    return [
        FallbackDraft(each.template_version.template_id, each.sender_id, each.outcomes, each.after_minutes)
        for each in campaign.fallbacks
    ]


def _write_lists(work: Work, campaign: Campaign, draft: Draft) -> None:
    wanted = {list_id: False for list_id in draft.list_ids} | {list_id: True for list_id in draft.excluded_ids}
    if set(draft.list_ids) & set(draft.excluded_ids):
        raise Refused("A list cannot be both addressed and left out.")
    for list_id in wanted:
        records.find(work, ContactList, list_id)
    have = {each.list_id: each for each in campaign.lists}
    campaign.lists = [
        have.get(list_id) or CampaignList(list_id=list_id, organisation_id=work.organisation_id) for list_id in wanted
    ]
    for each in campaign.lists:
        each.is_excluded = wanted[each.list_id]
