"""A provider for trials: no network, no cost, and outcomes that can be chosen by the number dialled."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final

from connectpulse.core.api import (
    Accepted,
    Ambiguity,
    Capability,
    Check,
    Disclosure,
    ErrorClass,
    Field,
    Form,
    Intake,
    Kind,
    MessageState,
    Outcome,
    Provider,
    Receipt,
    Rejected,
    Samples,
    Submission,
    TryLater,
    Unknown,
)

log = logging.getLogger(__name__)

RECEIPTS: Final[Mapping[str, tuple[str, MessageState]]] = {
    "91": ("UNDELIV", MessageState.UNDELIVERABLE),
    "92": ("EXPIRED", MessageState.EXPIRED),
    "93": ("REJECTD", MessageState.REJECTED),
}
"""By the last two digits: the state a receipt reports instead of delivered."""

REFUSALS: Final[Mapping[str, Rejected]] = {
    "94": Rejected("invalid_recipient", ErrorClass.RECIPIENT, "94"),
    "95": Rejected("refused_by_provider", ErrorClass.CONTENT, "95"),
}
"""By the last two digits: the refusal at once."""

SILENT: Final = "98"
"""The last two digits of numbers that never get a receipt."""

_FIRST_TIME: Final[Mapping[str, Outcome]] = {
    "96": TryLater(timedelta(seconds=1), ErrorClass.THROTTLE, "throttled", "96"),
    "97": Unknown(code="97"),
}
"""By the last two digits: the answer to the first attempt only."""


class TrialProvider(Provider):
    """Answers by itself; the last two digits of the number decide what becomes of a message.

    ======  ==================================================================
    91      accepted, then a receipt: undeliverable
    92      accepted, then a receipt: expired
    93      accepted, then a receipt: rejected by the network
    94      refused at once: invalid number
    95      refused at once: the text
    96      throttled at the first attempt, then accepted and delivered
    97      answer lost at the first attempt, then accepted and delivered
    98      accepted, and never a receipt
    others  accepted and delivered
    ======  ==================================================================

    A message sent twice is one message: its reference is its token.
    """

    name = "simulator"
    title = "Simulator (nothing is sent)"
    channel = "sms"
    summary = (
        "For trials: nothing leaves this machine. The last two digits of a number decide: "
        "91 undeliverable, 92 expired, 93 rejected, 94 invalid number, 95 text refused, "
        "96 throttled once, 97 answer lost once, 98 no receipt; all others are delivered."
    )
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
    errors: ClassVar[Mapping[str, tuple[ErrorClass, str]]] = {
        "94": (ErrorClass.RECIPIENT, "invalid_recipient"),
        "95": (ErrorClass.CONTENT, "refused_by_provider"),
        "96": (ErrorClass.THROTTLE, "throttled"),
    }
    states: ClassVar[Mapping[str, MessageState]] = {"DELIVRD": MessageState.DELIVERED} | dict(RECEIPTS.values())

    def __init__(
        self, settings: Mapping[str, Any], intake: Intake, *, window: int = 10, callback_url: str = ""
    ) -> None:
        super().__init__(settings, intake, window=window, callback_url=callback_url)
        self._delay = float(settings.get("receipt_delay", 1))
        self._attempted: set[str] = set()
        self._closing = asyncio.Event()
        self._reports: set[asyncio.Task[None]] = set()

    @classmethod
    def disclosure(cls, settings: Mapping[str, Any]) -> Disclosure:
        """Return that nothing is disclosed to anybody."""
        return Disclosure((), (), ())

    @classmethod
    def samples(cls) -> Samples:
        """Return messages of each kind; there is no peer to start."""
        refused = (_sample(94), ErrorClass.RECIPIENT), (_sample(95), ErrorClass.CONTENT)
        return Samples({"receipt_delay": 0}, submissions=(_sample(1), _sample(91)), refused=refused)

    async def close(self) -> None:
        """Hand over the receipts that are still due."""
        self._closing.set()
        if self._reports:
            await asyncio.wait(self._reports)

    async def send_batch(self, batch: Sequence[Submission]) -> list[Outcome]:
        """Decide at once, and report later."""
        outcomes = [self._outcome(submission) for submission in batch]
        receipts = [
            _receipt(submission)
            for submission, outcome in zip(batch, outcomes, strict=True)
            if isinstance(outcome, Accepted) and submission.address[-2:] != SILENT
        ]
        if receipts:
            report = asyncio.create_task(self._report(receipts))
            self._reports.add(report)
            report.add_done_callback(self._reports.discard)
        return outcomes

    async def check(self) -> Check:
        """Return that there is nothing to try."""
        return Check(True, ("Nothing to connect to: the simulator answers by itself.",))

    def _outcome(self, submission: Submission) -> Outcome:
        digits, token = submission.address[-2:], submission.token
        if digits in _FIRST_TIME and token not in self._attempted:
            self._attempted.add(token)
            return _FIRST_TIME[digits]
        return REFUSALS.get(digits) or Accepted((token,))

    async def _report(self, receipts: list[Receipt]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._delay):
                await self._closing.wait()
        try:
            await self.intake(receipts)
        except Exception:
            log.exception("%d receipts of the simulator were not taken in", len(receipts))


def _receipt(submission: Submission) -> Receipt:
    code, state = RECEIPTS.get(submission.address[-2:], ("DELIVRD", MessageState.DELIVERED))
    return Receipt(submission.token, state, code, occurred_at=datetime.now(UTC), address=submission.address)


def _sample(digits: int) -> Submission:
    return Submission(digits, f"+9230012345{digits:02d}", "ACME", "Hello", 1, timedelta(hours=4), f"sample-{digits}")
