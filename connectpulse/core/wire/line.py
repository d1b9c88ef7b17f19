"""One session of one connection: opened, served by a few lanes, reopened when it is lost.

A lane hands over a batch, waits for its outcomes, and brings them to the desk, which records them and
returns the next batch in the same transaction. Lanes overlap: while one batch is being recorded, another is
on the wire. Together they never have more than the connection's window without a recorded outcome.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, TypeGuard, TypeVar

import structlog

from ..domain.outcome import Accepted, ErrorClass, Outcome, Rejected, TryLater, Unknown
from ..domain.provider import ConnectionLost, Events, Provider
from ..domain.redaction import told
from .desk import Batch, Desk, Hand, LineFacts, Turn
from .intake import Intake
from .pace import Pace

log = structlog.get_logger(__name__)
T = TypeVar("T")
Call = Callable[..., Awaitable[Any]]

LANES = 4
BATCH = 500
"""Messages in a batch from which on more lanes pay: two overlap already, and each batch costs a transaction."""
BACK_OFF = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
CIRCUIT_AFTER = 3
"""Failures in a row that open the circuit."""
TRIAL = 1
"""Messages handed over at once until the first is accepted, where the circuit was open before."""
TRIAL_LOOK = 0.5
OPEN_FOR = (30.0, 60.0, 120.0, 300.0, 600.0)
HOLD_RECEIPTS = 2.0
"""Seconds a receipt waits at most for the submits before it to be recorded."""
LOOKUP_EVERY = 30.0
IDLE_LANE = 10.0


def share(window: int, most: int | None = None) -> tuple[int, int]:
    """Return how many lanes share a window, and the size of the batches that each hands over, at most `most`."""
    lanes = min(window, max(2, min(LANES, window // BATCH)))
    if most is not None and window // most > lanes:
        return window // most, most
    return lanes, window // lanes


def _is_tried(outcome: Outcome) -> TypeGuard[TryLater]:
    return isinstance(outcome, TryLater) and outcome.is_attempt


class Line:
    """`call` runs one of the desk's methods in a thread and repeats it while the database is away."""

    def __init__(self, desk: Desk, facts: LineFacts, slot: int, intake: Intake, call: Call) -> None:
        self.facts = facts
        self.slot = slot
        self.state = "connecting"
        self.detail = ""
        self._desk = desk
        self._hand: Hand = desk.hand(facts)
        self._intake = intake
        self._call = call
        self._pace = Pace(facts.rate_per_second / facts.sessions if facts.rate_per_second else None)
        self._work_to_do = asyncio.Event()
        self._stopping = asyncio.Event()
        self._unrecorded: dict[int, asyncio.Future[None]] = {}
        self._batches = 0
        self._failures = facts.failures
        self._is_on_trial = facts.failures >= CIRCUIT_AFTER
        self._has_worked = False

    def wake(self) -> None:
        """There may be something to send."""
        self._work_to_do.set()

    def stop(self) -> None:
        """Finish what is on the wire and end."""
        self._stopping.set()
        self._work_to_do.set()

    async def run(self) -> None:
        """Serve the connection until stopped."""
        try:
            while not self._stopping.is_set():
                await self._session()
        finally:
            self.state = "closed"
            await self._call(self._desk.let_go, self.facts.connection_id, self.slot)

    async def _session(self) -> None:
        provider = self.facts.provider(
            self.facts.settings, self._take, window=self.facts.window, callback_url=self.facts.callback_url
        )
        try:
            self.state = "connecting"
            await provider.open()
            self.state, self.detail = "connected", ""
            await self._serve(provider)
        except ConnectionLost as lost:
            await self._lost(lost)
        except Exception as error:
            log.exception("line_failed", connection=self.facts.name)
            await self._lost(ConnectionLost(ErrorClass.PROVIDER, told(error)))
        finally:
            await self._call(self._hand.put_back)
            await provider.close()

    async def _serve(self, provider: Provider) -> None:
        """Run the lanes until the session is lost or the line is stopped."""
        lost = asyncio.create_task(provider.wait_lost())
        ending = asyncio.Event()
        lanes, size = share(self.facts.window, provider.most_at_once)
        tasks = [asyncio.create_task(self._lane(provider, size, ending, number)) for number in range(lanes)]
        tasks.append(asyncio.create_task(self._look_ups(provider, ending)))
        stopped = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait([lost, stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
        finally:
            ending.set()
            self._work_to_do.set()
            tasks.append(asyncio.create_task(provider.wind_up()))
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            for task in (lost, stopped):
                task.cancel()
        for result in ended:
            if isinstance(result, BaseException):
                raise result
        if lost.done() and not lost.cancelled() and not self._stopping.is_set():
            raise ConnectionLost(ErrorClass.PROVIDER, "The session ended.")

    async def _lane(self, provider: Provider, size: int, ending: asyncio.Event, number: int) -> None:
        done: Batch | None = None
        outcomes: Sequence[Outcome] = ()
        while True:
            is_ending = ending.is_set() or self._stopping.is_set()
            if is_ending and done is None:
                return
            if self._is_on_trial and number and done is None:
                await asyncio.sleep(TRIAL_LOOK)
                continue
            self._work_to_do.clear()
            most = TRIAL if self._is_on_trial else size
            turn: Turn = await self._call(self._hand.turn, done, outcomes, 0 if is_ending else self._pace.room(most))
            self._recorded(done)
            done, outcomes = None, ()
            if turn.batch is not None:
                self._work_to_do.set()
                done = turn.batch
                outcomes = await self._hand_over(provider, done)
            elif not is_ending:
                await self._rest(turn.wait, number)

    async def _rest(self, seconds: float | None, number: int) -> None:
        """Wait for work. One lane looks for itself now and then; the others are woken by it.

        Of many lanes most look seldom: each look costs a transaction.
        """
        if seconds == 0:
            return
        idle = IDLE_LANE * (1 + number // LANES)
        patience = seconds if seconds is not None and (number == 0 or seconds < 1) else idle
        with suppress(TimeoutError):
            await asyncio.wait_for(self._work_to_do.wait(), patience)

    async def _hand_over(self, provider: Provider, batch: Batch) -> Sequence[Outcome]:
        """Return the batch's outcomes, whatever happens: what cannot be known is unknown."""
        await self._pace.wait(sum(submission.parts for submission in batch.submissions))
        self._batches += 1
        self._unrecorded[id(batch)] = asyncio.get_running_loop().create_future()
        began = time.monotonic()
        try:
            outcomes: Sequence[Outcome] = await provider.send_batch(batch.submissions)
        except ConnectionLost as lost:
            error = lost.error if lost.error is ErrorClass.CREDENTIAL else ErrorClass.PROVIDER
            outcomes = [Rejected("connection_lost", error) for _ in batch.submissions]
        except Exception:
            log.exception("send_failed", connection=self.facts.name)
            outcomes = [Unknown("adapter_failed") for _ in batch.submissions]
        await self._judge(outcomes, time.monotonic() - began)
        return outcomes

    async def _judge(self, outcomes: Sequence[Outcome], seconds: float) -> None:
        """Draw conclusions about the connection from what was tried: slow down, count a failure, or pause it."""
        failed = [outcome for outcome in outcomes if isinstance(outcome, Rejected) or _is_tried(outcome)]
        accepted = sum(isinstance(outcome, Accepted) for outcome in outcomes)
        if any(outcome.error is ErrorClass.THROTTLE for outcome in failed):
            self._pace.slow_down(accepted / max(seconds, 0.001))
        refused = next((outcome for outcome in failed if outcome.error is ErrorClass.CREDENTIAL), None)
        if refused is not None:
            self._stopping.set()
            await self._call(self._desk.refuse, self.facts.connection_id, f"{refused.reason} {refused.code}".strip())
        elif outcomes and len(failed) == len(outcomes) and all(f.error is ErrorClass.PROVIDER for f in failed):
            await self._failed(f"{failed[0].reason} {failed[0].code}".strip())
        elif accepted or any(outcome.error is ErrorClass.RECIPIENT for outcome in failed):
            await self._worked()

    async def _worked(self) -> None:
        if self._failures or not self._has_worked:
            self._failures, self._has_worked, self._is_on_trial = 0, True, False
            self._work_to_do.set()
            await self._call(self._desk.worked, self.facts.connection_id)

    async def _failed(self, reason: str) -> None:
        self._failures += 1
        over = self._failures - CIRCUIT_AFTER
        open_for = OPEN_FOR[min(over, len(OPEN_FOR) - 1)] if over >= 0 else 0.0
        log.warning("connection_failed", connection=self.facts.name, reason=reason, open_for=open_for)
        if open_for:
            self._stopping.set()  # whoever serves the connection once its circuit closes begins with a trial
        await self._call(self._desk.failed, self.facts.connection_id, reason, open_for)

    async def _lost(self, lost: ConnectionLost) -> None:
        self.state, self.detail = "lost", lost.reason
        if self._stopping.is_set():
            return
        if lost.error is ErrorClass.CREDENTIAL:
            self._stopping.set()
            await self._call(self._desk.refuse, self.facts.connection_id, lost.reason)
            return
        await self._failed(lost.reason)
        wait = BACK_OFF[min(self._failures, len(BACK_OFF)) - 1]
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), wait)

    def _recorded(self, done: Batch | None) -> None:
        if done is not None:
            future = self._unrecorded.pop(id(done), None)
            if future is not None and not future.done():
                future.set_result(None)

    async def _take(self, events: Events) -> None:
        """Take events in, after the submits they may be about are recorded."""
        waiting = [future for future in self._unrecorded.values() if not future.done()]
        if waiting:
            await asyncio.wait(waiting, timeout=HOLD_RECEIPTS)
        await self._intake.take(events)

    async def _look_ups(self, provider: Provider, ending: asyncio.Event) -> None:
        """Ask about messages whose answer was lost, where the provider can be asked."""
        while not ending.is_set():
            asked = await self._call(self._hand.look_up, self.facts.window)
            if asked:
                answers = await provider.lookup(asked)
                await self._call(self._hand.settle, asked, answers)
            with suppress(TimeoutError):
                await asyncio.wait_for(ending.wait(), LOOKUP_EVERY)
