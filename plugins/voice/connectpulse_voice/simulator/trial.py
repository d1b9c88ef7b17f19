"""A provider for trials: no network, no cost, and outcomes that can be chosen by the number called."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, ClassVar

from connectpulse.core.api import (
    Accepted,
    Ambiguity,
    Capability,
    Check,
    Disclosure,
    ErrorClass,
    Field,
    Form,
    Inbound,
    Intake,
    Kind,
    MessageState,
    Outcome,
    Provider,
    Receipt,
    Samples,
    Submission,
)

from ..outcomes import ANSWERED, MACHINE, UNANSWERED, Talk, answered, is_left_a_message, unanswered
from . import fates

log = logging.getLogger(__name__)

_SECONDS = 12
"""How long every answered call lasts."""


class TrialProvider(Provider):
    """Answers by itself; the last two digits of the number decide, as `fates.FATES` says.

    A call made twice is one call: its reference is its token and attempt.
    """

    name = "voice_simulator"
    title = "Simulator (nobody is called)"
    channel = "voice"
    summary = (
        "For trials: nothing leaves this machine. The last two digits of a number decide: 86 busy, 80 no answer, "
        "04 no such number, 03 declined, 53 congestion, 71 presses 1, 72 presses 2, 79 presses 9, 77 a machine; "
        "all others listen to the end."
    )
    settings_form: ClassVar[Form] = (
        Field("talk_seconds", "Calls last (seconds of yours)", Kind.NUMBER, default=1, low=0, high=600),
    )
    ambiguity = Ambiguity.IDEMPOTENT
    capabilities = frozenset({Capability.RECEIPTS, Capability.INBOUND, Capability.SIMULATED})
    errors: ClassVar[Mapping[str, tuple[ErrorClass, str]]] = {
        str(fate.status): (UNANSWERED[fate.ending], fate.ending)
        for fate in fates.FATES.values()
        if fate.ending in UNANSWERED
    }
    states: ClassVar[Mapping[str, MessageState]] = dict.fromkeys(ANSWERED, MessageState.DELIVERED)

    def __init__(
        self, settings: Mapping[str, Any], intake: Intake, *, window: int = 10, callback_url: str = ""
    ) -> None:
        super().__init__(settings, intake, window=window, callback_url=callback_url)
        self._closing = asyncio.Event()
        self._talks: set[asyncio.Task[None]] = set()

    @classmethod
    def disclosure(cls, settings: Mapping[str, Any]) -> Disclosure:
        """Return that nothing is disclosed to anybody."""
        return Disclosure((), (), ())

    @classmethod
    def samples(cls) -> Samples:
        """Return calls of each kind; there is no peer to start."""
        refused = ((86, ErrorClass.RECIPIENT), (4, ErrorClass.RECIPIENT), (53, ErrorClass.PROVIDER))
        return Samples(
            {"talk_seconds": 0},
            submissions=(_sample(1), _sample(71)),
            refused=tuple((_sample(digits), error) for digits, error in refused),
        )

    async def close(self) -> None:
        """Hang up: what was still said counts as heard."""
        self._closing.set()
        if self._talks:
            await asyncio.wait(self._talks)

    async def send_batch(self, batch: Sequence[Submission]) -> list[Outcome]:
        """Decide at once, and report the talks later."""
        return [self._call(submission) for submission in batch]

    async def check(self) -> Check:
        """Return that there is nothing to try."""
        return Check(True, ("Nothing to connect to: the simulator answers by itself.",))

    def _call(self, submission: Submission) -> Outcome:
        fate = fates.of(submission.address)
        if fate.ending in UNANSWERED:
            return unanswered(submission, fate.ending, str(fate.status))
        reference = f"{submission.token}.{submission.attempt}"
        is_heard = fate.ending != MACHINE or is_left_a_message(submission)
        talk = Talk(fate.ending, _SECONDS if is_heard else 3, fate.keys, is_heard)
        task = asyncio.create_task(self._report(answered(submission, reference, talk)))
        self._talks.add(task)
        task.add_done_callback(self._talks.discard)
        return Accepted((reference,))

    async def _report(self, events: list[Receipt | Inbound]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(float(self.settings["talk_seconds"])):
                await self._closing.wait()
        try:
            await self.intake(events)
        except Exception:
            log.exception("%d events of the simulator were not taken in", len(events))


def _sample(digits: int) -> Submission:
    content = {"text": "Hello", "answers": "1 Yes", "opt_out_key": "9", "busy_retries": 0}
    address = f"+9230012345{digits:02d}"
    return Submission(
        digits, address, "+922135300000", "Hello", 1, timedelta(hours=4), f"sample-{digits}",
        shared={"content": content, "recordings": {}},
    )  # fmt: skip
