"""A campaign's plan: everything that decides who gets what over which connection, fixed while it is read.

Quote and expansion use the same plan and the same decisions, so what was quoted is what is sent.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ..domain.contracts import CampaignFacts, Channel, Needs, Pricer, Purpose, Renderer, Tariff
from ..domain.fallback import onward
from ..domain.fields import BUILT_IN
from ..domain.routing import Order, RouteRule, chooser
from ..domain.windows import SendingWindow, find_zone
from ..errors import Refused
from ..storage.models import Campaign, Fallback
from . import connections, senders, templates, ways_out
from .work import Work

Leg = Campaign | Fallback
"""One channel of a campaign, with template and sender: its own, or a fallback's."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What holds for every recipient of one campaign on one of its channels.

    `fallback` is the channel's place, 0 for the first; `onward` says after what endings another follows
    (`domain.fallback`), `onward_after` how long after it was handed over. `has_fallbacks`: there are several channels.
    `names` are the custom fields its text substitutes.
    """

    campaign_id: int
    organisation_id: int
    channel: Channel
    version_id: int
    purpose: Purpose
    sender: str
    needs: Needs
    render: Renderer
    names: tuple[str, ...]
    required: frozenset[str]
    choose: Callable[[str, int], Order]
    price: Pricer
    tariff: Tariff
    window: SendingWindow | None
    zone: ZoneInfo
    lists: list[int]
    excluded: list[int]
    validity_minutes: int
    now: datetime
    fallback: int = 0
    onward: int = 0
    onward_after: timedelta | None = None
    has_fallbacks: bool = False


def build(work: Work, campaign: Campaign, *, price_version: str = "") -> Plan:
    """Return the plan of what a campaign sends first; raise Refused with everything that is missing or forbidden.

    Prices are those of `price_version`, else those the campaign was launched at, else those that hold now.
    """
    return build_all(work, campaign, price_versions=[price_version])[0]


def build_all(work: Work, campaign: Campaign, *, price_versions: Sequence[str] = ()) -> list[Plan]:
    """Return the plans of all channels of a campaign in their order, as `build` does."""
    faults = problems(work, campaign)
    if faults:
        raise Refused(*faults)
    versions = [*price_versions, *[""] * (1 + len(campaign.fallbacks))]
    return [_build(work, campaign, leg, version) for leg, version in zip(legs(campaign), versions, strict=False)]


def _build(work: Work, campaign: Campaign, leg: Leg, price_version: str) -> Plan:
    assert leg.template_version is not None
    assert leg.sender is not None
    channel = work.registry.channel(leg.channel)
    content = leg.template_version.content
    purpose = Purpose(campaign.purpose)
    tariff = replace(tariff_of(campaign, channel, leg), version=price_version or leg.price_version)
    number = leg.number if isinstance(leg, Fallback) else 0
    following = next((each for each in campaign.fallbacks if each.number == number + 1), None)
    waits = following is not None and following.after_minutes is not None
    return Plan(
        campaign_id=campaign.id,
        organisation_id=campaign.organisation_id,
        channel=channel,
        version_id=leg.template_version.id,
        purpose=purpose,
        sender=leg.sender.value,
        needs=channel.needs(content, purpose),
        render=channel.prepare(content),
        names=tuple(sorted(channel.names(content) - set(BUILT_IN))),
        required=channel.required_values(content),
        choose=_chooser(work, channel, campaign.organisation_id, leg.sender.value, leg.template_version.id),
        price=work.registry.ledger.pricer(work, tariff),
        tariff=tariff,
        window=window_of(campaign),
        zone=find_zone(campaign.timezone),
        lists=[each.list_id for each in campaign.lists if not each.is_excluded],
        excluded=[each.list_id for each in campaign.lists if each.is_excluded],
        validity_minutes=campaign.validity_minutes,
        now=work.clock(),
        fallback=number,
        onward=onward(following.outcomes) if following is not None else 0,
        onward_after=timedelta(minutes=following.after_minutes or 0) if following is not None and waits else None,
        has_fallbacks=bool(campaign.fallbacks),
    )


def legs(campaign: Campaign) -> list[Leg]:
    """Return what a campaign sends over, in order: its own channel, template and sender, and those of its fallbacks."""
    return [campaign, *campaign.fallbacks]


def _chooser(
    work: Work, channel: Channel, organisation_id: int, sender: str, version_id: int
) -> Callable[[str, int], Order]:
    """Return who carries what; what only a connection without an agreement could carry waits there for one.

    A connection whose provider decides about templates carries those it has approved.
    """
    refused = templates.refusing(work, version_id)

    def rules(*, is_waiting: bool) -> list[RouteRule]:
        found = connections.rules(work, channel.name, organisation_id, is_waiting=is_waiting)
        return [rule for rule in found if rule.connection_id not in refused]

    ready, waiting = chooser(rules(is_waiting=False), sender), chooser(rules(is_waiting=True), sender)
    return lambda address, number: ready(address, number) or waiting(address, number)


def tariff_of(campaign: Campaign, channel: Channel, leg: Leg | None = None) -> Tariff:
    """Return what the prices of a campaign with template and sender depend on, on its first channel or another."""
    leg = leg or campaign
    version, sender, purpose = leg.template_version, leg.sender, Purpose(campaign.purpose)
    assert version is not None
    assert sender is not None
    category = version.category or channel.category(version.content, purpose)
    return Tariff(campaign.organisation_id, channel.name, purpose, sender.value, category, sender.kind)


def window_of(campaign: Campaign) -> SendingWindow | None:
    """Return the hours a campaign may send in, None for any time."""
    if campaign.window_start is None or campaign.window_end is None:
        return None
    return SendingWindow(campaign.window_start, campaign.window_end, frozenset(campaign.window_days))


def problems(work: Work, campaign: Campaign, *, needs_audience: bool = True) -> list[str]:
    """Return one sentence per thing that keeps a campaign from being quoted or launched, or from being tried."""
    found: list[str] = []
    for leg in legs(campaign) if needs_audience else [campaign]:
        place = f"Fallback {leg.number}: " if isinstance(leg, Fallback) else ""
        found += [f"{place}{each}" for each in _leg_problems(work, campaign, leg)]
    if needs_audience and not (campaign.is_expanded or any(not each.is_excluded for each in campaign.lists)):
        found.append("Choose at least one list.")
    window = window_of(campaign)
    if window is not None and not window.days:
        found.append("The sending window never opens: choose at least one weekday.")
    return found


def _leg_problems(work: Work, campaign: Campaign, leg: Leg) -> list[str]:
    found = []
    if leg.template_version is None:
        found.append("Choose a template.")
    if leg.sender is None:
        found.append("Choose a sender.")
    if leg.channel not in work.registry.channels:
        return [*found, f"The channel {leg.channel} is not installed, or its plugin is muted."]
    channel = work.registry.channel(leg.channel)
    if leg.sender is not None:
        day = max(work.clock(), campaign.scheduled_at or work.clock()).date()
        objection = senders.objection(leg.sender, Purpose(campaign.purpose), day)
        found += [objection] if objection else []
    if leg.template_version is not None and leg.sender is not None:
        found += _content_problems(work, channel, campaign, leg)
    if not connections.rules(work, channel.name, campaign.organisation_id):
        found += connections.objections(work, channel.name, campaign.organisation_id) or [
            f"No route carries {channel.title} messages. A platform administrator has to add one."
        ]
    return found


def _content_problems(work: Work, channel: Channel, campaign: Campaign, leg: Leg) -> list[str]:
    facts = _facts(work, channel, campaign, leg)
    found = [*channel.objections(facts), *channel.remarks(work, facts).objections]
    assert leg.template_version is not None
    needs = channel.needs(facts.content, facts.purpose)
    if needs.approved_template and leg.template_version.approval != "approved":
        found.append("The provider has not approved this template version yet.")
    return found


def warnings(work: Work, campaign: Campaign) -> Sequence[str]:
    """Return what may go wrong with a campaign and does not keep it from going: texts written since, and what its
    channels say.
    """
    found: list[str] = []
    for leg in legs(campaign):
        found += _outdated(work, leg)
        channel = work.registry.channels.get(leg.channel)
        if channel is not None and leg.template_version is not None and leg.sender is not None:
            found += channel.remarks(work, _facts(work, channel, campaign, leg)).warnings
    return tuple(found)


def _outdated(work: Work, leg: Leg) -> list[str]:
    version = leg.template_version
    newest = templates.current(work, version.template_id).number if version is not None else 0
    if version is None or newest == version.number:
        return []
    return [f"{version.template.name} has a newer version ({newest}). Choose Change and save, and that one is sent."]


def _facts(work: Work, channel: Channel, campaign: Campaign, leg: Leg) -> CampaignFacts:
    version, sender = leg.template_version, leg.sender
    assert version is not None
    assert sender is not None
    return CampaignFacts(
        purpose=Purpose(campaign.purpose),
        sender_kind=sender.kind,
        sender_purposes=frozenset(Purpose(each) for each in sender.purposes),
        content=version.content,
        opt_out_hint=sender.opt_out_hint,
        sender=sender.value,
        has_way_out=ways_out.is_reached() or not connections.leaves(work, channel.name, campaign.organisation_id),
    )


def fingerprint(campaign: Campaign) -> str:
    """Return a digest of everything a quote or an approval depends on: any edit changes it."""
    facts: dict[str, object] = {
        "template_version": campaign.template_version_id,
        "sender": campaign.sender_id,
        "purpose": campaign.purpose,
        "lists": sorted((each.list_id, each.is_excluded, each.contact_list.changes) for each in campaign.lists),
        "window": [str(campaign.window_start), str(campaign.window_end), sorted(campaign.window_days)],
        "zone": campaign.timezone,
        "scheduled_at": campaign.scheduled_at.isoformat() if campaign.scheduled_at else None,
        "rate": campaign.rate_per_second,
        "validity": campaign.validity_minutes,
    }
    if campaign.fallbacks:
        facts |= {"fallbacks": [facts_of(each) for each in campaign.fallbacks]}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def facts_of(each: Fallback) -> list[object]:
    """Return what an approval of a fallback rests on."""
    return [each.number, each.template_version_id, each.sender_id, sorted(each.outcomes), each.after_minutes]
