"""What keeps single messages from their addresses: the rules that hold for the recipients of campaigns."""

from collections.abc import Sequence

from sqlalchemy import text

from ..domain.contracts import Channel, Needs, Purpose
from . import suppressions
from .work import Work

_HINDERED = """
SELECT value,
       EXISTS (SELECT 1 FROM pulse_consent c
               WHERE c.organisation_id = :organisation AND c.scheme = :scheme AND c.value = n.value
                 AND c.channel IN ('*', :channel) AND c.purpose IN ('*', :purpose)) AS has_consent,
       EXISTS (SELECT 1 FROM pulse_inbound i
               WHERE i.organisation_id = :organisation AND i.address = n.value AND i.channel = :channel
                 AND i.received_at > :since AND ltrim(i.recipient, '+') = ltrim(:sender, '+')) AS wrote_lately
FROM unnest(cast(:values AS text[])) AS n (value)
"""


def found(
    work: Work, channel: Channel, purpose: Purpose, needs: Needs, sender: str, addresses: Sequence[str]
) -> list[str]:
    """Return one sentence per address that a sender may not write to, and why."""
    faults = suppressions.objections(work, channel, purpose, addresses)
    rows = work.session.execute(
        text(_HINDERED),
        {
            "organisation": work.organisation_id,
            "scheme": channel.scheme,
            "channel": channel.name,
            "purpose": purpose.value,
            "sender": sender,
            "since": work.clock() - needs.recent_inbound if needs.recent_inbound is not None else work.clock(),
            "values": list(addresses),
        },
    )
    for value, has_consent, wrote_lately in rows:
        if needs.opt_in and not has_consent:
            faults.append(
                f"{value} has not agreed to {purpose.value} messages. If they did elsewhere, record it under Consents."
            )
        if needs.recent_inbound is not None and not wrote_lately:
            hours = round(needs.recent_inbound.total_seconds() / 3600)
            faults.append(f"{value} has not written to {sender} in the last {hours} hours; use an approved template.")
    return faults
