"""A campaign's text to a few addresses before it is launched, under the rules that hold for its recipients."""

from collections.abc import Sequence

from sqlalchemy import select

from ..domain.contracts import Purpose
from ..errors import Refused
from ..storage.models import Campaign, Contact, ListMember
from . import allowances, audit, contacts, obstacles, plans, records, singles, templates
from .work import Work

MOST = 5


def send(work: Work, campaign_id: int, raw_addresses: Sequence[str]) -> int:
    """Send the campaign's text to up to five addresses now, filled with a recipient's values; return how many.

    Tests go ahead of campaigns, count in no figure and need no quote and no list. Whatever would keep the
    campaign from these addresses keeps the test from them: raises Refused with every reason.
    """
    campaign = records.find(work, Campaign, campaign_id)
    faults = plans.problems(work, campaign, needs_audience=False)
    faults += allowances.objections(work, work.organisation_id, campaign.channel)
    if faults:
        raise Refused(*faults)
    assert campaign.template_version is not None
    assert campaign.sender is not None
    channel, purpose = work.registry.channel(campaign.channel), Purpose(campaign.purpose)
    country = contacts.region(work)
    found = list(dict.fromkeys(channel.normalise(each, country) for each in raw_addresses if each.strip()))
    if not 1 <= len(found) <= MOST:
        raise Refused(f"Enter between one and {MOST} addresses.")
    content = campaign.template_version.content
    faults = obstacles.found(work, channel, purpose, channel.needs(content, purpose), campaign.sender.value, found)
    if faults:
        raise Refused(*faults)
    values, refusing = _example_values(work, campaign), templates.refusing(work, campaign.template_version.id)
    for address in found:
        singles.queue(
            work,
            channel=channel,
            sender=campaign.sender.value,
            address=address,
            content=content,
            purpose=purpose,
            values=values,
            category=campaign.template_version.category,
            refusing=refusing,
        )
    audit.record(work, "campaign.tested", campaign, addresses=found)
    return len(found)


def _example_values(work: Work, campaign: Campaign) -> dict[str, str]:
    """Return the values of somebody on the campaign's lists, so that a test looks like the real thing."""
    wanted = [each.list_id for each in campaign.lists if not each.is_excluded]
    contact = work.session.scalars(
        select(Contact)
        .join(ListMember, ListMember.contact_id == Contact.id)
        .where(ListMember.list_id.in_(wanted))
        .limit(1)
    ).first()
    if contact is None:
        return {}
    return {**contact.fields, "name": contact.name, "first_name": contact.name.partition(" ")[0]}
