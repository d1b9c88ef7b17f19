"""A campaign's text to a few addresses before it is launched, under the rules that hold for its recipients."""

from collections.abc import Sequence

from sqlalchemy import select, text

from ..domain.contracts import Channel, Needs, Purpose
from ..errors import Refused
from ..storage.models import Campaign, Contact, ListMember
from . import allowances, audit, contacts, plans, records, singles, suppressions
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
    faults = _obstacles(work, channel, purpose, channel.needs(content, purpose), found)
    if faults:
        raise Refused(*faults)
    values = _example_values(work, campaign)
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
        )
    audit.record(work, "campaign.tested", campaign, addresses=found)
    return len(found)


_HINDERED = """
SELECT value,
       EXISTS (SELECT 1 FROM pulse_consent c
               WHERE c.organisation_id = :organisation AND c.scheme = :scheme AND c.value = n.value
                 AND c.channel IN ('*', :channel) AND c.purpose IN ('*', :purpose)) AS has_consent,
       EXISTS (SELECT 1 FROM pulse_inbound i
               WHERE i.organisation_id = :organisation AND i.address = n.value AND i.channel = :channel
                 AND i.received_at > :since) AS wrote_lately
FROM unnest(cast(:values AS text[])) AS n (value)
"""


def _obstacles(work: Work, channel: Channel, purpose: Purpose, needs: Needs, addresses: Sequence[str]) -> list[str]:
    """Return one sentence per address that may not be written to, and why."""
    faults = suppressions.objections(work, channel, purpose, addresses)
    rows = work.session.execute(
        text(_HINDERED),
        {
            "organisation": work.organisation_id,
            "scheme": channel.scheme,
            "channel": channel.name,
            "purpose": purpose.value,
            "since": work.clock() - needs.recent_inbound if needs.recent_inbound is not None else work.clock(),
            "values": list(addresses),
        },
    )
    for value, has_consent, wrote_lately in rows:
        if needs.opt_in and not has_consent:
            faults.append(f"{value} has not agreed to {purpose.value} messages.")
        if needs.recent_inbound is not None and not wrote_lately:
            hours = round(needs.recent_inbound.total_seconds() / 3600)
            faults.append(f"{value} has not written to you in the last {hours} hours; use an approved template.")
    return faults


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
