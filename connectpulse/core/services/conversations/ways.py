"""How a person can be answered now: over which channels, as whom, and what is in the way of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from ...domain.contracts import Channel, Purpose
from ...errors import Refused
from ...storage import ids
from ...storage.models import Connection, InboundMessage, Thread
from .. import contacts, inbound, obstacles, senders
from ..disclosure import agreements
from ..senders import bare
from ..work import Work
from .threads import Party

PURPOSE = Purpose.TRANSACTIONAL
"""An answer to what somebody asked is no promotion."""
MOST_WAYS = 12
_TRIED = "Yes"
_LAST = text(
    "SELECT body FROM pulse_message WHERE organisation_id = :here AND address = :address AND channel = :channel "
    "AND id < :before AND id > :since AND state BETWEEN 2 AND 21 ORDER BY id DESC LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class Way:
    """One channel to one address of a person. `obstacles` say why it cannot be taken now; empty if it can.

    `identities` are who the organisation may appear as, the best first. `back` is the connection that the last
    message came over, and `written_to` whom it was written to: an answer as that one goes back the same way.
    `reference` is the provider's id of the message that is answered, `about` what we had written before.
    """

    channel: Channel
    address: str
    identities: Sequence[str]
    obstacles: Sequence[str]
    back: int | None = None
    written_to: str = ""
    reference: str = ""
    about: str = ""

    @property
    def key(self) -> str:
        """The name of this way in a form."""
        return f"{self.channel.name} {self.address}"

    def returns(self, sender: str) -> int | None:
        """Return the connection that goes back to who wrote, if `sender` is whom they wrote to."""
        return self.back if bare(sender) == bare(self.written_to) else None

    @property
    def label(self) -> str:
        return f"{self.channel.title} to {self.address}"


def found(work: Work, thread: Thread, party: Party) -> list[Way]:
    """Return the ways to a person, what they used last before all others, and what is open before what is not."""
    tried = [(channel, channel.answer_content(_TRIED)) for channel in work.registry.channels.values()]
    return _ranked(work, thread, party, [(channel, content) for channel, content in tried if content is not None])


def over(work: Work, thread: Thread, party: Party, channel: Channel, content: Mapping[str, Any]) -> list[Way]:
    """Return the ways that a content of one channel could take to a person, in the same order."""
    return _ranked(work, thread, party, [(channel, content)])


def channels(work: Work, party: Party) -> list[Channel]:
    """Return the channels that a person has an address for which can be written to."""
    return [
        channel
        for channel in work.registry.channels.values()
        if any(
            scheme == channel.scheme and not _unreachable(work, channel, address) for scheme, address in party.addresses
        )
    ]


def _ranked(
    work: Work, thread: Thread, party: Party, contents: Sequence[tuple[Channel, Mapping[str, Any]]]
) -> list[Way]:
    last = work.session.get(InboundMessage, thread.inbound_id) if thread.inbound_id is not None else None
    made = [
        _way(work, channel, content, address, last)
        for channel, content in contents
        for scheme, address in party.addresses
        if scheme == channel.scheme
    ]

    def rank(way: Way) -> tuple[bool, bool]:
        is_last = last is not None and (way.channel.name, way.address) == (last.channel, last.address)
        return (bool(way.obstacles), not is_last)

    return sorted(made, key=rank)[:MOST_WAYS]


def chosen(offered: Sequence[Way], key: str) -> Way:
    """Return the way of a form's `key`, the best for an empty one; raise Refused where there is none."""
    if not offered:
        raise Refused("This person has no address that an answer can be written to.")
    for way in offered:
        if way.key == key:
            return way
    if key:
        raise Refused("This way to the person is gone. Choose another.")
    return offered[0]


def identity(way: Way, wanted: str) -> str:
    """Return as whom a message goes: the best for an empty `wanted`; raise Refused for who may not."""
    if not wanted and way.identities:
        return way.identities[0]
    if wanted not in way.identities:
        raise Refused("Choose a sender that may write to this person.")
    return wanted


def _way(work: Work, channel: Channel, content: Mapping[str, Any], address: str, last: InboundMessage | None) -> Way:
    answered = last if last is not None and (last.channel, last.address) == (channel.name, address) else None
    back = _back(work, answered) if answered is not None else None
    written_to = answered.recipient if answered is not None and back is not None else ""
    identities, faults = _identities(work, channel, written_to)
    faults = [*_unreachable(work, channel, address), *faults]
    if not faults:
        identities, faults = _open_to(work, channel, content, identities, address)
    reference, about = (answered.reference, _said_before(work, answered)) if answered is not None else ("", "")
    return Way(channel, address, identities, faults, back, written_to, reference, about)


def _open_to(
    work: Work, channel: Channel, content: Mapping[str, Any], identities: list[str], address: str
) -> tuple[list[str], list[str]]:
    """Return who of us may write to an address now; where nobody may, all of them, and why the first may not."""
    needs = channel.needs(content, PURPOSE)
    asked = identities[:MOST_WAYS] if needs.recent_inbound is not None else identities[:1]
    faults = {each: obstacles.found(work, channel, PURPOSE, needs, each, [address]) for each in asked}
    if needs.recent_inbound is None:
        return identities, faults[identities[0]]
    usable = [each for each in asked if not faults[each]]
    return (usable, []) if usable else (identities, faults[identities[0]])


def _said_before(work: Work, answered: InboundMessage) -> str:
    """Return the text of the message that went to an address last before it was answered."""
    facts = {"here": work.organisation_id, "address": answered.address, "channel": answered.channel}
    facts |= {"before": answered.id, "since": ids.at(ids.moment(answered.id) - inbound.LOOK_BACK)}
    return work.session.scalar(_LAST, facts) or ""


def _unreachable(work: Work, channel: Channel, address: str) -> list[str]:
    """Return why nobody can be written to at an address, like a name that a company sends texts under."""
    try:
        channel.normalise(address, contacts.region(work))
    except Refused:
        return [f"{address} is a name and no address: it can write to you, and nobody can answer it."]
    return []


def _back(work: Work, last: InboundMessage) -> int | None:
    """Return the connection a message came over if an answer may go back over it."""
    connection = work.session.get(Connection, last.connection_id)
    if connection is None or not connection.is_active:
        return None
    if connection.organisation_id not in (None, work.organisation_id):
        return None
    return connection.id if agreements.objection(work, connection) is None else None


def _identities(work: Work, channel: Channel, written_to: str) -> tuple[list[str], list[str]]:
    """Return as whom an answer may go, whom the person wrote to first; and why as nobody, if as nobody."""
    today, usable, faults = work.clock().date(), [], []
    for sender in senders.usable(work, channel.name):
        fault = senders.objection(sender, PURPOSE, today)
        if fault:
            faults.append(fault)
        else:
            usable.append(sender.value)
    same = [value for value in usable if bare(value) == bare(written_to)]
    first = same or ([written_to] if written_to and not _is_refused(work, channel, written_to) else [])
    identities = list(dict.fromkeys([*first, *usable]))
    if identities:
        return identities, []
    lacking = f"There is no sender for {channel.title} that may write transactional messages."
    return [], faults[:3] or [f"{lacking} An administrator has to add one."]


def _is_refused(work: Work, channel: Channel, written_to: str) -> bool:
    """Return whether the organisation has who was written to as a sender that may not answer."""
    rows: Sequence[Any] = senders.usable(work, channel.name)
    return any(bare(row.value) == bare(written_to) for row in rows) or bool(
        senders.kind_held(work, work.organisation_id, channel.name, written_to)
    )
