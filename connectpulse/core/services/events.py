"""What providers tell, by webhook or on an open session: sorted, and given to the service it concerns."""

from collections.abc import Sequence

from ..domain.provider import Event, Inbound, Receipt, Stop, TemplateWord
from . import inbound, receipts, reviews, stops
from .work import Work


def take_in(work: Work, connection_id: int, events: Sequence[Event]) -> None:
    """Act on the events of one connection in the caller's transaction; raises `receipts.Moved` to be repeated.

    Platform work: what is told may concern any organisation the connection serves.
    """
    told = [event for event in events if isinstance(event, Receipt)]
    written = [event for event in events if isinstance(event, Inbound)]
    words = [event for event in events if isinstance(event, TemplateWord)]
    stopped = [event for event in events if isinstance(event, Stop)]
    if told:
        receipts.apply(work, connection_id, told)
    if written:
        inbound.take(work, connection_id, written)
    if words:
        reviews.hear(work, connection_id, words)
    if stopped:
        stops.take(work, connection_id, stopped)
