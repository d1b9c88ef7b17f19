"""The desk: the house as the wire sees it. Each call is one transaction, safe to repeat after a failure."""

import threading
from collections import Counter as Tally
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from sqlalchemy import select, text

from ..domain.outcome import Accepted, Outcome
from ..domain.provider import Ambiguity, Capability, Events, Submission
from ..storage import guard
from ..storage.models import Connection
from ..storage.session import is_passing
from ..wire.desk import Batch, LineFacts, Turn
from . import aside, connections, dispatching, lookups, outcomes, receipts, sharing
from .disclosure import agreements
from .dispatching import Claimed
from .events import take_in
from .work import SYSTEM, Opener, Work

log = structlog.get_logger(__name__)

IDLE_LOOK = 1.0
"""Seconds after which an idle session looks for work even if nobody woke it."""
MOST_LOOKS = 8
"""Dispatches looked at in one turn: paused and postponed ones are given back on the way."""


class ServiceDesk:
    """Serves one worker. `worker` is its name in leases, `public_url` where callbacks arrive."""

    def __init__(self, open_work: Opener, worker: str, public_url: str) -> None:
        self._open_work = open_work
        self._public_url = public_url
        self._hands: list[ServiceHand] = []
        self.shelf = sharing.Shelf(public_url)
        self.worker = worker

    @contextmanager
    def work(self, reason: str) -> Iterator[Work]:
        """Open platform work for a duty of the wire."""
        with self._open_work(SYSTEM) as work, guard.platform_scope(work.session, reason):
            yield work

    def lines(self) -> list[LineFacts]:
        with self.work("serve connections") as work:
            rows = work.session.scalars(select(Connection).where(Connection.is_active).order_by(Connection.id)).all()
            found = agreements.standings(work, rows)
            return [
                self._facts(work, row)
                for row in rows
                if row.provider in work.registry.providers
                and found[row.id].standing.may_send
                and (row.open_until is None or row.open_until <= work.clock())
            ]

    def _facts(self, work: Work, row: Connection) -> LineFacts:
        provider = work.registry.provider(row.provider)
        has_callbacks = Capability.CALLBACKS in provider.capabilities
        return LineFacts(
            connection_id=row.id,
            name=row.name,
            provider=provider,
            settings=connections.values(row),
            window=row.window,
            sessions=row.sessions,
            rate_per_second=row.rate_per_second,
            revision=row.revision,
            callback_url=self._public_url + connections.callback_path(row) if has_callbacks else "",
            failures=row.failures,
        )

    def hold(self, connection_id: int, sessions: int) -> int | None:
        with self.work("hold a session") as work:
            slot: int | None = work.session.scalar(
                text(
                    """
                    INSERT INTO pulse_connection_slot (connection_id, slot, worker, lease_until, updated_at)
                    SELECT :connection, n, :worker, now() + make_interval(secs => :lease), now()
                    FROM generate_series(1, :sessions) AS n
                    WHERE NOT EXISTS (SELECT 1 FROM pulse_connection_slot s WHERE s.connection_id = :connection
                                      AND s.slot = n AND s.lease_until > now())
                    ORDER BY n LIMIT 1
                    ON CONFLICT (connection_id, slot) DO UPDATE
                    SET worker = excluded.worker, lease_until = excluded.lease_until, updated_at = now(),
                        state = 'connecting', detail = ''
                    WHERE pulse_connection_slot.lease_until <= now()
                    RETURNING slot
                    """
                ),
                {
                    "connection": connection_id,
                    "worker": self.worker,
                    "lease": dispatching.LEASE_SECONDS,
                    "sessions": sessions,
                },
            )
            return slot

    def let_go(self, connection_id: int, slot: int) -> None:
        with self.work("let a session go") as work:
            work.session.execute(
                text(
                    "DELETE FROM pulse_connection_slot "
                    "WHERE connection_id = :connection AND slot = :slot AND worker = :worker"
                ),
                {"connection": connection_id, "slot": slot, "worker": self.worker},
            )

    def keep(self, states: Mapping[tuple[int, int], tuple[str, str]]) -> set[tuple[int, int]]:
        with self.work("keep sessions") as work:
            work.session.execute(
                text(
                    "UPDATE pulse_dispatch SET lease_until = now() + make_interval(secs => :lease) "
                    "WHERE state = 'claimed' AND worker = ANY(:hands) AND lease_until > now()"
                ),
                {"hands": [hand.name for hand in self._hands], "lease": dispatching.LEASE_SECONDS},
            )
            kept = work.session.execute(
                text(
                    """
                    UPDATE pulse_connection_slot s
                    SET lease_until = now() + make_interval(secs => :lease), updated_at = now(),
                        state = n.state, detail = left(n.detail, 300)
                    FROM unnest(cast(:connections AS bigint[]), cast(:slots AS integer[]),
                                cast(:states AS text[]), cast(:details AS text[]))
                         AS n (connection_id, slot, state, detail)
                    WHERE s.connection_id = n.connection_id AND s.slot = n.slot AND s.worker = :worker
                    RETURNING s.connection_id, s.slot
                    """
                ),
                {
                    "worker": self.worker,
                    "lease": dispatching.LEASE_SECONDS,
                    "connections": [connection for connection, _ in states],
                    "slots": [slot for _, slot in states],
                    "states": [state for state, _ in states.values()],
                    "details": [detail for _, detail in states.values()],
                },
            )
            return {(row[0], row[1]) for row in kept}

    def hand(self, facts: LineFacts) -> "ServiceHand":
        hand = ServiceHand(self, facts, f"{self.worker[:72]}#{len(self._hands) + 1}")
        self._hands.append(hand)
        return hand

    def take_in(self, connection_id: int, events: Events) -> None:
        """Take events in. Those that fail together are tried one by one, and one that fails alone is set aside:
        its provider would repeat it for ever, and its neighbours with it."""
        try:
            self._take_in(connection_id, events)
        except Exception as error:
            if is_passing(error):
                raise
            log.exception("events_failed", connection=connection_id, events=len(events))
            if len(events) > 1:
                for each in events:
                    self.take_in(connection_id, [each])
            elif events:
                with self.work("set an event aside") as work:
                    aside.keep(work, connection_id, events[0], error)

    def _take_in(self, connection_id: int, events: Events) -> None:
        while True:
            try:
                with self.work("take receipts in") as work:
                    take_in(work, connection_id, events)
                return
            except receipts.Moved:
                log.info("receipts_repeated", connection=connection_id)

    def worked(self, connection_id: int) -> None:
        with self.work("note health") as work:
            work.session.execute(
                text(
                    "UPDATE pulse_connection SET failures = 0, open_until = NULL, last_error = '', last_ok_at = :now "
                    "WHERE id = :id"
                ),
                {"id": connection_id, "now": work.clock()},
            )

    def failed(self, connection_id: int, reason: str, open_for: float) -> None:
        with self.work("note health") as work:
            until = work.clock() + timedelta(seconds=open_for) if open_for else None
            work.session.execute(
                text(
                    "UPDATE pulse_connection SET last_error = :reason, "
                    "failures = failures + CASE WHEN open_until > :now THEN 0 ELSE 1 END, "
                    "open_until = CASE WHEN open_until > :now THEN open_until ELSE coalesce(:until, open_until) END "
                    "WHERE id = :id"
                ),
                {"id": connection_id, "reason": reason[:300], "until": until, "now": work.clock()},
            )
            if open_for:
                connections.move_on(work, connection_id)

    def refuse(self, connection_id: int, reason: str) -> None:
        with self.work("note health") as work:
            connections.pause(work, connection_id, reason)


class ServiceHand:
    """The dispatches one session works through. Its lanes share it; the lock makes them take turns.

    What is in hand changes only when the transaction that changed it is committed. `name` is in the leases
    of what it claims. Where nobody knows whether a transaction was committed (`_is_in_doubt`), the next one
    first gives back what was claimed in it: nothing of that can have left.
    """

    def __init__(self, desk: ServiceDesk, facts: LineFacts, name: str) -> None:
        self.name = name
        self._desk = desk
        self._facts = facts
        self._lock = threading.Lock()
        self._held = Held()
        self._is_in_doubt = False

    def turn(self, done: Batch | None, outcomes_of_done: Sequence[Outcome], want: int) -> Turn:
        with self._lock:
            held = self._held.copy()
            with self._work("move messages") as work:
                if done is not None:
                    self._record(work, held, done, outcomes_of_done)
                turn = self._fetch(work, held, want) if want else Turn()
            self._held = held
            return turn

    def put_back(self) -> None:
        with self._lock:
            with self._work("put dispatches back") as work:
                for dispatch_id, claimed in self._held.claims.items():
                    if self._held.is_idle(claimed):
                        dispatching.put_back(work, dispatch_id, self.name)
                    else:
                        dispatching.abandon(work, dispatch_id, self.name)
            self._held = Held()

    @contextmanager
    def _work(self, reason: str) -> Iterator[Work]:
        """Open work on the hand's dispatches, with any doubt about the transaction before removed."""
        was_in_doubt, self._is_in_doubt = self._is_in_doubt, True
        with self._desk.work(reason) as work:
            if was_in_doubt:
                dispatching.disown(work, self.name, list(self._held.claims))
            yield work
        self._is_in_doubt = False

    def look_up(self, limit: int) -> Sequence[Submission]:
        if self._facts.provider.ambiguity_of(self._facts.settings) is not Ambiguity.LOOKUP:
            return ()
        with self._desk.work("look messages up") as work:
            return lookups.due(work, self._facts.connection_id, self._facts.provider.lookup_after, limit)

    def settle(self, asked: Sequence[Submission], outcomes: Sequence[Outcome]) -> None:
        with self._desk.work("look messages up") as work:
            lookups.record(work, self._facts.connection_id, asked, outcomes)

    def _record(self, work: Work, held: "Held", done: Batch, answers: Sequence[Outcome]) -> None:
        claimed = held.claims[done.dispatch_id]
        if outcomes.record(work, claimed.source, done.submissions, answers):
            self._hear(work, [event for each in answers if isinstance(each, Accepted) for event in each.events])
        held.on_the_wire[done.dispatch_id] -= 1
        self._end_if_answered(work, held, claimed)

    def _hear(self, work: Work, events: Events) -> None:
        """Take in what came with answers. What cannot be is set aside: the answers hold without it."""
        for event in events:
            try:
                with work.session.begin_nested():
                    take_in(work, self._facts.connection_id, [event])
            except Exception as error:
                if is_passing(error):
                    raise
                log.exception("event_failed", connection=self._facts.connection_id)
                aside.keep(work, self._facts.connection_id, event, error)

    def _end_if_answered(self, work: Work, held: "Held", claimed: Claimed) -> None:
        """Finish or give back a dispatch that nothing more is taken from, once nothing of it is out."""
        if held.is_current(claimed) or not held.is_idle(claimed):
            return
        if claimed.is_exhausted:
            dispatching.finish(work, claimed, self.name)
        else:
            dispatching.put_back(work, claimed.source.dispatch_id, self.name)
        held.drop(claimed)

    def _fetch(self, work: Work, held: "Held", want: int) -> Turn:
        for _ in range(MOST_LOOKS):
            claimed = held.current
            if claimed is None:
                claimed = dispatching.take(work, self._facts.connection_id, self.name, held.last_campaign)
                if claimed is None:
                    due = dispatching.next_due(work, self._facts.connection_id)
                    return Turn(wait=IDLE_LOOK if due is None else min(due, IDLE_LOOK))
                held.last_campaign = claimed.source.campaign_id
                self._desk.shelf.stock(work, claimed.source)
            found = dispatching.pick(work, claimed, self.name, want, is_idle=held.is_idle(claimed))
            if found.claimed is None:
                held.leave(claimed)
            elif found.submissions:
                held.take(found.claimed)
                held.on_the_wire[found.claimed.source.dispatch_id] += 1
                batch = self._desk.shelf.furnish(work, found.claimed.source, found.submissions)
                return Turn(Batch(found.claimed.source.dispatch_id, batch))
            else:
                held.take(found.claimed)
                self._end_if_answered(work, held, found.claimed)
                if found.wait:
                    return Turn(wait=found.wait)
        return Turn(wait=0)


@dataclass(slots=True)
class Held:
    """Dispatches in hand by id, the one that messages are taken from, and how many batches are out."""

    claims: dict[int, Claimed] = field(default_factory=dict)
    current: Claimed | None = None
    on_the_wire: Tally[int] = field(default_factory=Tally)
    last_campaign: int = 0

    def copy(self) -> "Held":
        return Held(dict(self.claims), self.current, Tally(self.on_the_wire), self.last_campaign)

    def is_idle(self, claimed: Claimed) -> bool:
        return self.on_the_wire[claimed.source.dispatch_id] == 0

    def is_current(self, claimed: Claimed) -> bool:
        return self.current is not None and self.current.source.dispatch_id == claimed.source.dispatch_id

    def take(self, claimed: Claimed) -> None:
        """Hold a dispatch; one with nothing left only waits for its outcomes."""
        self.claims[claimed.source.dispatch_id] = claimed
        self.current = None if claimed.is_exhausted else claimed

    def leave(self, claimed: Claimed) -> None:
        """Take nothing more from a dispatch; it is held on for the outcomes of what is out."""
        if self.is_current(claimed):
            self.current = None
        if self.is_idle(claimed):
            self.drop(claimed)

    def drop(self, claimed: Claimed) -> None:
        """Hold a dispatch no longer."""
        self.claims.pop(claimed.source.dispatch_id, None)
        self.on_the_wire.pop(claimed.source.dispatch_id, None)
        if self.is_current(claimed):
            self.current = None
