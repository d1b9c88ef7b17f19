"""What the wire needs from the house: a desk to fetch batches from and to bring outcomes and events to.

The wire knows sessions, windows and seconds; it knows neither database nor campaigns. Every method here is
called from a thread, may take milliseconds, and is safe to repeat when it failed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..domain.outcome import Outcome
from ..domain.provider import Events, Provider, Submission


@dataclass(frozen=True, slots=True)
class LineFacts:
    """A connection as a worker serves it. `revision` changes with its settings, so that sessions are renewed.

    `failures` are those in a row until now: a circuit that closed again remembers how often it opened.
    """

    connection_id: int
    name: str
    provider: type[Provider]
    settings: Mapping[str, Any]
    window: int
    sessions: int
    rate_per_second: int | None
    revision: int
    callback_url: str
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages that may be handed over now; `dispatch_id` is where their outcomes belong."""

    dispatch_id: int
    submissions: Sequence[Submission]


@dataclass(frozen=True, slots=True)
class Turn:
    """What a lane is to do next: hand over `batch`, or look again after `wait` seconds (None: when woken)."""

    batch: Batch | None = None
    wait: float | None = None


class Hand(Protocol):
    """What one session of a connection holds at the desk: the dispatch it is working through."""

    def turn(self, done: Batch | None, outcomes: Sequence[Outcome], want: int) -> Turn:
        """Record what became of `done`, then fetch up to `want` messages, in one transaction."""

    def put_back(self) -> None:
        """Give back what is held. Of a dispatch with a batch still out, the sweeper decides what is unknown."""

    def look_up(self, limit: int) -> Sequence[Submission]:
        """Return messages of this connection whose answer was lost and that the provider can be asked about."""

    def settle(self, asked: Sequence[Submission], outcomes: Sequence[Outcome]) -> None:
        """Record what the provider said about messages it was asked about."""


class Desk(Protocol):
    """The house as the wire sees it."""

    def lines(self) -> list[LineFacts]:
        """Return the connections that are to be served now."""

    def hold(self, connection_id: int, sessions: int) -> int | None:
        """Take one of a connection's `sessions` under a lease; return its number, None if all are taken."""

    def let_go(self, connection_id: int, slot: int) -> None:
        """Give a session back."""

    def keep(self, states: Mapping[tuple[int, int], tuple[str, str]]) -> set[tuple[int, int]]:
        """Extend the leases of the sessions (connection, slot) -> (state, detail) and of what they hold.

        Returns those that are still ours.
        """

    def hand(self, facts: LineFacts) -> Hand:
        """Return a hand for one session."""

    def take_in(self, connection_id: int, events: Events) -> None:
        """Store receipts and inbound messages and act on them; durable when it returns."""

    def worked(self, connection_id: int) -> None:
        """Note that a connection works: its circuit closes."""

    def failed(self, connection_id: int, reason: str, open_for: float) -> None:
        """Note that a connection fails; with `open_for` seconds its circuit opens and others take over."""

    def refuse(self, connection_id: int, reason: str) -> None:
        """Pause a connection until somebody acts: its credentials are refused."""
