"""A provider for trials: no network and no cost, and outcomes that are chosen by the address."""

import asyncio
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar

import structlog

from ..domain.form import Field, Form, Kind
from ..domain.outcome import Accepted, Outcome, TryLater, Unknown
from ..domain.provider import Ambiguity, Capability, Check, Disclosure, Events, Intake, Provider, Submission

log = structlog.get_logger(__name__)


class SimulatedProvider(Provider):
    """Decides at once and reports later. A channel's own says in `decide` and `reports` what becomes of a message.

    A message sent twice is one message: references are made of its token.
    """

    settings_form: ClassVar[Form] = (
        Field(
            "receipt_delay",
            "Receipts after (seconds)",
            Kind.NUMBER,
            "Receipts that are due when the connection closes are handed over then.",
            default=1,
            low=0,
            high=3600,
        ),
    )
    ambiguity = Ambiguity.IDEMPOTENT
    capabilities = frozenset({Capability.RECEIPTS, Capability.SIMULATED})

    def __init__(
        self, settings: Mapping[str, Any], intake: Intake, *, window: int = 10, callback_url: str = ""
    ) -> None:
        super().__init__(settings, intake, window=window, callback_url=callback_url)
        self._delay = float(settings.get("receipt_delay", 1))
        self._put_off: set[str] = set()
        self._closing = asyncio.Event()
        self._reports: set[asyncio.Task[None]] = set()

    @abstractmethod
    def decide(self, submission: Submission, *, is_first: bool) -> Outcome:
        """Return what becomes of a message; not `is_first` once it was put off or its answer lost. Runs in a thread."""

    @abstractmethod
    def reports(self, submission: Submission) -> Events:
        """Return what is told later of a message that was accepted."""

    @classmethod
    def disclosure(cls, settings: Mapping[str, Any]) -> Disclosure:
        """Return that nothing is disclosed to anybody."""
        return Disclosure((), (), ())

    async def close(self) -> None:
        """Hand over what is still to be told."""
        self._closing.set()
        if self._reports:
            await asyncio.wait(self._reports)

    async def send_batch(self, batch: Sequence[Submission]) -> list[Outcome]:
        """Decide at once, and report later."""
        outcomes = await asyncio.to_thread(lambda: [self._decide(submission) for submission in batch])
        events = [
            event
            for submission, outcome in zip(batch, outcomes, strict=True)
            if isinstance(outcome, Accepted)
            for event in self.reports(submission)
        ]
        if events:
            report = asyncio.create_task(self._report(events))
            self._reports.add(report)
            report.add_done_callback(self._reports.discard)
        return outcomes

    async def check(self) -> Check:
        """Return that there is nothing to try."""
        return Check(True, ("Nothing to connect to: the simulator answers by itself.",))

    def _decide(self, submission: Submission) -> Outcome:
        outcome = self.decide(submission, is_first=submission.token not in self._put_off)
        if isinstance(outcome, TryLater | Unknown):
            self._put_off.add(submission.token)
        return outcome

    async def _report(self, events: Events) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._delay):
                await self._closing.wait()
        try:
            await self.intake(events)
        except Exception:
            log.exception("not_taken_in", events=len(events))
