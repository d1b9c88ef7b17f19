"""One message down the whole line: queued, claimed, handed over by a real wire, its receipts taken in.

For tests of channels and providers that want to see more than their own methods.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from connectpulse.core.domain.contracts import Purpose
from connectpulse.core.domain.message import MessageState
from connectpulse.core.domain.provider import Events
from connectpulse.core.services import connections, singles
from connectpulse.core.services.desk import ServiceDesk
from connectpulse.core.storage.models import Message
from connectpulse.core.wire.wire import Wire
from connectpulse.house import House

from .factories import ADMINISTRATOR

PATIENCE = 30.0
"""Seconds a message may take to be handed over."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that was handed over, and the connection it went out by."""

    house: House
    organisation: int
    connection_id: int
    message_id: int

    @property
    def state(self) -> MessageState:
        """Where the message stands now."""
        with self.house.work(ADMINISTRATOR, self.organisation) as work:
            state = work.session.scalars(select(Message.state).where(Message.id == self.message_id)).one()
        return MessageState(state)

    def take_in(self, events: Events) -> None:
        """Take receipts and answers in, as if the provider had just told them."""
        ServiceDesk(self.house.work, "trial", "").take_in(self.connection_id, events)


def send(
    house: House,
    organisation: int,
    provider: str,
    settings: Mapping[str, Any],
    address: str,
    content: Mapping[str, Any],
    *,
    sender: str = "Trial",
    values: Mapping[str, str] | None = None,
) -> Sent:
    """Send one message over a new connection; return it once it is more than queued.

    Raises TimeoutError if it is still waiting after `PATIENCE`.
    """
    channel = house.registry.channel(house.registry.provider(provider).channel)
    with house.work(ADMINISTRATOR) as work:
        connection_id = connections.create(work, f"{provider} on trial", provider, settings, is_trial=True).id
    with house.work(ADMINISTRATOR, organisation) as work:
        message_id = singles.queue(
            work, channel=channel, sender=sender, address=address, content=content, values=values,
            purpose=Purpose.TRANSACTIONAL, connection_id=connection_id,
        )  # fmt: skip
    sent = Sent(house, organisation, connection_id, message_id)
    wire = Wire(ServiceDesk(house.work, "trial", house.settings.public_url))
    wire.start()
    try:
        deadline = time.monotonic() + PATIENCE
        while sent.state <= MessageState.SUBMITTING:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{sent.state.sentence} States of the sessions: {wire.states()}")
            time.sleep(0.02)
    finally:
        wire.stop()
    return sent
