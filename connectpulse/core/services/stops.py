"""What providers tell about people apart from any message: suppressed at once, wherever it may be meant for."""

from collections.abc import Sequence

from ..domain.provider import Inbound, Stop
from ..storage.models import Connection
from . import inbound, suppression_batch, suppressions
from .work import Work, entered


def take(work: Work, connection_id: int, stops: Sequence[Stop]) -> None:
    """Obey what a connection's provider tells. Platform work; told twice, it changes nothing."""
    connection = work.session.get(Connection, connection_id)
    if connection is None or connection.channel not in work.registry.channels:
        return
    channel = work.registry.channel(connection.channel)
    gone: list[suppression_batch.Told] = []
    for stop in stops:
        message = Inbound(stop.address, stop.recipient, "")
        for organisation_id, address in inbound.meant(work, connection, channel, message):
            if stop.reason != suppressions.OPTED_OUT:
                gone.append((organisation_id, channel.name, address, stop.reason))
                continue
            with entered(work, organisation_id):
                suppressions.stop(work, channel, address, source=f"told {connection.name}"[:200])
    suppression_batch.add(work, gone)
