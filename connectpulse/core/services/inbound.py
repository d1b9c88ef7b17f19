"""What people write to us: kept, tied to contact and campaign where known, and obeyed if it says stop."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import insert, or_, select, text

from ..domain.contracts import Channel, Purpose
from ..domain.provider import Inbound
from ..errors import Refused
from ..storage import ids
from ..storage.models import Address, Connection, InboundMessage, Message, Organisation, Sender
from . import erased, singles, suppressions
from .work import Work

LOOK_BACK = timedelta(days=30)
CONFIRM_ONCE_IN = timedelta(days=1)


def take(work: Work, connection_id: int, messages: Sequence[Inbound]) -> None:
    """Store inbound messages of one connection; an opt-out suppresses at once and is confirmed once.

    They belong to the organisation whose sender they were written to; where several share it, to the one that
    wrote to that address last; else to the organisation the connection serves alone. What belongs to nobody
    is not kept: there is nobody who may read it.
    """
    connection = work.session.get(Connection, connection_id)
    if connection is None or connection.channel not in work.registry.channels:
        return
    channel = work.registry.channel(connection.channel)
    for message in messages:
        _take(work, connection, channel, message)


def _take(work: Work, connection: Connection, channel: Channel, message: Inbound) -> None:
    owners = _owners(work, connection, message)
    last = _last_message(work, owners, channel.name, message)
    organisation_id = last.organisation_id if last is not None else owners[0] if len(owners) == 1 else None
    if organisation_id is None or _is_known(work, connection.id, message):
        return
    organisation = work.session.get(Organisation, organisation_id)
    if organisation is None:
        return
    address = _canonical(channel, message.address, organisation.country)
    is_opt_out = channel.reads_as_opt_out(message.text, opt_out_words(channel, organisation))
    contact_id = work.session.scalar(
        select(Address.contact_id).where(
            Address.organisation_id == organisation_id, Address.scheme == channel.scheme, Address.value == address
        )
    )
    work.session.execute(
        insert(InboundMessage),
        {
            "organisation_id": organisation_id,
            "connection_id": connection.id,
            "contact_id": contact_id,
            "campaign_id": last.campaign_id if last is not None else None,
            "channel": channel.name,
            "address": address,
            "recipient": message.recipient[:320],
            "body": message.text.replace("\x00", ""),
            "reference": message.reference[:120],
            "is_opt_out": is_opt_out,
            "received_at": message.received_at or work.clock(),
        },
    )
    erased.meet(work, organisation_id, [(channel.scheme, address)])
    if is_opt_out:
        _opt_out(work, organisation, channel, connection, address, message)


def opt_out_words(channel: Channel, organisation: Organisation) -> frozenset[str]:
    """Return the words that mean stop: the channel's own and those the organisation added, casefolded."""
    return channel.opt_out_words | frozenset(word.casefold() for word in organisation.opt_out_words)


def _opt_out(
    work: Work, organisation: Organisation, channel: Channel, connection: Connection, address: str, message: Inbound
) -> None:
    before, work.organisation = work.organisation, organisation.id
    is_new = suppressions.add(
        work,
        channel.scheme,
        address,
        reason="opted_out",
        source=f"wrote to {message.recipient}"[:200],
        channel=channel.name,
        purpose=Purpose.PROMOTIONAL.value,
    )
    if is_new and channel.opt_out_reply:
        singles.queue(
            work,
            channel=channel,
            connection_id=connection.id,
            sender=message.recipient,
            address=address,
            content=channel.opt_out_reply,
            purpose=Purpose.TRANSACTIONAL,
        )
    work.organisation = before


def _owners(work: Work, connection: Connection, message: Inbound) -> list[int]:
    """Return the organisations that may be meant by the identity a person wrote to."""
    owners = work.session.scalars(
        select(Sender.organisation_id)
        .where(
            Sender.channel == connection.channel,
            or_(Sender.value == message.recipient, Sender.opt_out_hint == message.recipient),
        )
        .distinct()
        .limit(50)
    ).all()
    if connection.organisation_id is not None:
        return [connection.organisation_id]
    return list(owners)


def _last_message(work: Work, owners: list[int], channel: str, message: Inbound) -> Any:
    """Return whose message to this address was the last one lately, and of which campaign."""
    return work.session.execute(
        select(Message.organisation_id, Message.campaign_id)
        .where(
            Message.organisation_id.in_(owners),
            Message.address == message.address,
            Message.channel == channel,
            Message.id > ids.at(work.clock() - LOOK_BACK),
        )
        .order_by(Message.id.desc())
        .limit(1)
    ).first()


def _is_known(work: Work, connection_id: int, message: Inbound) -> bool:
    """Return whether a provider tells us again what it told us before."""
    if not message.reference:
        return False
    return (
        work.session.scalar(
            text("SELECT 1 FROM pulse_inbound WHERE connection_id = :connection AND reference = :reference LIMIT 1"),
            {"connection": connection_id, "reference": message.reference[:120]},
        )
        is not None
    )


def _canonical(channel: Channel, address: str, country: str) -> str:
    try:
        return channel.normalise(address, country)
    except Refused:
        return address[:320]
