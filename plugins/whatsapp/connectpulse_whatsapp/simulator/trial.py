"""A provider for trials: no network, no cost, and outcomes that can be chosen by the number written to."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from connectpulse.core.api import (
    Accepted,
    Ambiguity,
    Approval,
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
    Samples,
    Submission,
    TemplateSubmission,
    TemplateWord,
    Unknown,
)

from ..cloud.answers import refusal
from ..cloud.codes import ERRORS, STATES, STOPPED, meaning
from ..content import name_of
from .fates import by_digits

log = logging.getLogger(__name__)

_STAGES = (MessageState.SENT, MessageState.DELIVERED, MessageState.READ)


class TrialProvider(Provider):
    """Answers by itself; the last two digits of the number decide what becomes of a message: see `fates`.

    A message sent twice is one message: its reference is its token.
    """

    name = "whatsapp_simulator"
    title = "Simulator (nothing is sent)"
    channel = "whatsapp"
    summary = (
        "For trials: nothing leaves this machine. The last two digits of a number decide: 91 not on WhatsApp, "
        "92 the person's limit of promotions, 93 stopped promotions, 94 refused at once, 95 template not found, "
        "96 throttled once, 97 answer lost once, 98 no receipt, 99 sent and never delivered; all others are "
        "delivered, and even ones read."
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
    capabilities = frozenset({Capability.RECEIPTS, Capability.SIMULATED, Capability.TEMPLATES})
    errors: ClassVar[Mapping[str, tuple[ErrorClass, str]]] = ERRORS
    states: ClassVar[Mapping[str, MessageState]] = STATES

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
            receipt
            for submission, outcome in zip(batch, outcomes, strict=True)
            if isinstance(outcome, Accepted)
            for receipt in _receipts(submission)
        ]
        if receipts:
            report = asyncio.create_task(self._report(receipts))
            self._reports.add(report)
            report.add_done_callback(self._reports.discard)
        return outcomes

    async def submit_template(self, template: TemplateSubmission) -> TemplateWord:
        """Approve every template at once, save those with the word REJECT in them."""
        if "REJECT" in str(template.content.get("body")):
            return TemplateWord("", Approval.REJECTED, "It has the word REJECT in it.")
        return TemplateWord(name_of(template.content), Approval.APPROVED)

    async def ask_templates(self, references: Sequence[str]) -> Sequence[TemplateWord]:
        """Return that what was approved is approved."""
        return [TemplateWord(each, Approval.APPROVED) for each in references]

    async def check(self) -> Check:
        """Return that there is nothing to try."""
        return Check(True, ("Nothing to connect to: the simulator answers by itself.",))

    def _outcome(self, submission: Submission) -> Outcome:
        fate, token = by_digits(submission.address), submission.token
        if (fate.first or fate.is_lost) and token not in self._attempted:
            self._attempted.add(token)
            return _refused(fate.first) if fate.first else Unknown()
        return _refused(fate.refused) if fate.refused else Accepted((token,))

    async def _report(self, receipts: list[Receipt]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._delay):
                await self._closing.wait()
        try:
            await self.intake(receipts)
        except Exception:
            log.exception("%d receipts of the simulator were not taken in", len(receipts))


def _refused(code: str) -> Outcome:
    return refusal(ERRORS[code], code, 2)


def _receipts(submission: Submission) -> list[Receipt]:
    fate = by_digits(submission.address)
    if fate.name == "silent":
        return []
    if fate.failed:
        return [_failed(submission, fate.failed)]
    return [_receipt(submission, state) for state in _STAGES[: fate.last + 1]]


def _receipt(submission: Submission, state: MessageState) -> Receipt:
    return Receipt(submission.token, state, occurred_at=datetime.now(UTC), address=submission.address)


def _failed(submission: Submission, code: str) -> Receipt:
    error, reason = meaning(code) or (ErrorClass.PROVIDER, "failed")
    return Receipt(
        submission.token, error.state, code, reason, datetime.now(UTC), submission.address, suppress=code == STOPPED
    )


def _sample(digits: int) -> Submission:
    return Submission(
        digits, f"+9230012345{digits:02d}", "+923001234567", "Hello", 1, timedelta(hours=4), f"sample-{digits}"
    )
