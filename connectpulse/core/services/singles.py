"""Messages of no campaign: tests and confirmations. They are queued like others and go first."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import insert, text

from ..domain.contracts import Channel, Purpose, Rendered, Tariff, Unpriced
from ..domain.message import MessageState
from ..domain.pricing import Price
from ..domain.routing import chooser
from ..errors import Refused
from ..storage import ids
from ..storage.models import Dispatch, Message
from . import allowances, connections, counters, erased, senders, sharing, suppressions
from .traffic import stopping
from .work import Work

VALIDITY_MINUTES = 1440


def queue(
    work: Work,
    *,
    channel: Channel,
    sender: str,
    address: str,
    content: Mapping[str, Any],
    purpose: Purpose,
    values: Mapping[str, str] | None = None,
    connection_id: int | None = None,
    contact_id: int | None = None,
    category: str = "",
    is_owed: bool = False,
    refusing: Collection[int] = (),
) -> int:
    """Queue one message; return its id. Raises Refused where the organisation may not use the channel, where nobody
    may write to the address for this purpose, where nothing can carry the message and where no price covers it.

    `is_owed` says that the message answers what a person has a right to (a confirmed opt-out, a code for a request):
    it goes out whatever the organisation's plan is, whether its subscription is paid or not, and though they asked
    for nothing more; what came in since keeps it back all the same.

    `category` is the provider's for this content, where it is known better than the channel knows it.
    `connection_id` fixes the connection (an answer goes back the way the question came); those in `refusing` do not
    carry this content.
    Whoever was erased is suppressed again, and what is owed to them is left out when its turn comes.
    """
    if not is_owed:
        _check(work, channel, purpose, address)
        stopping.take(work, channel.name, address)
    recent = channel.needs(content, purpose).recent_inbound
    erased.meet(work, work.organisation_id, [(channel.scheme, address)])
    rendered = channel.prepare(content)(values or {})
    tariff = Tariff(
        work.organisation_id, channel.name, purpose, sender, category or channel.category(content, purpose),
        senders.kind_held(work, work.organisation_id, channel.name, sender),
    )  # fmt: skip
    try:
        price = work.registry.ledger.pricer(work, tariff)(address, rendered.measure)
    except Unpriced as gap:
        raise Refused(f"There is no price for destinations beginning with {gap.prefix}.") from None
    order: tuple[int, ...] = (connection_id,) if connection_id is not None else ()
    if not order:
        rules = connections.rules(work, channel.name, work.organisation_id)
        rules = [rule for rule in rules if rule.connection_id not in refusing]
        order = chooser(rules, sender)(address, contact_id or 0)
    if not order:
        raise Refused(f"No route carries {channel.title} messages to {address}.")
    extra = {**(rendered.extra or {}), sharing.CONTENT: dict(content)} if channel.is_shared else rendered.extra
    dispatch_id, message_id = ids.blocks(work.session.connection(), 2)
    work.registry.ledger.reserve(work, tariff, None, price.units, day=ids.day_alone(message_id, None))
    _insert_message(work, message_id, dispatch_id, channel, tariff, address, rendered, price, contact_id, extra)
    work.session.execute(
        insert(Dispatch),
        {
            "id": dispatch_id,
            "organisation_id": work.organisation_id,
            "connection_id": order[0],
            "alternatives": list(order[1:]),
            "channel": channel.name,
            "purpose": purpose.value,
            "sender": sender,
            "validity_minutes": VALIDITY_MINUTES,
            "first_id": message_id,
            "last_id": message_id,
            "cursor": message_id - 1,
            "messages": 1,
            "due_at": work.clock(),
            "expires_at": work.clock() + timedelta(minutes=VALIDITY_MINUTES),
            "recent_seconds": None if recent is None else int(recent.total_seconds()),
        },
    )
    figures: dict[str, Decimal | int] = {"state:queued": 1, "parts": rendered.measure.parts, "units": price.units}
    counters.add(work, {(work.organisation_id, 0, name): amount for name, amount in figures.items()})
    work.session.execute(text("SELECT pg_notify('pulse_dispatch', :id)"), {"id": str(order[0])})
    return message_id


def _check(work: Work, channel: Channel, purpose: Purpose, address: str) -> None:
    faults = allowances.objections(work, work.organisation_id, channel.name)
    faults += suppressions.objections(work, channel, purpose, [address])
    if faults:
        raise Refused(*faults)


def _insert_message(
    work: Work,
    message_id: int,
    dispatch_id: int,
    channel: Channel,
    tariff: Tariff,
    address: str,
    rendered: Rendered,
    price: Price,
    contact_id: int | None,
    extra: Mapping[str, Any] | None,
) -> None:
    work.session.execute(
        insert(Message),
        {
            "id": message_id,
            "organisation_id": work.organisation_id,
            "contact_id": contact_id,
            "dispatch_id": dispatch_id,
            "changed_at": work.clock(),
            "state": int(MessageState.QUEUED),
            "parts": rendered.measure.parts,
            "quantity": rendered.measure.quantity,
            "units": price.units,
            "step": price.step,
            "channel": channel.name,
            "category": tariff.category[:40],
            "address": address,
            "sender": tariff.sender,
            "body": rendered.body,
            "extra": extra,
        },
    )
