"""A provider for trials: no network, and outcomes that can be chosen by the address written to."""

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

from .fates import fate
from .letter import Faulty, compose
from .mime import write
from .smtp import codes

log = logging.getLogger(__name__)

_CONTENT: Final = {"subject": "Hello", "html": "<p>Hello</p>"}
_SHARED: Final = {"content": _CONTENT, "sender": "Acme <news@acme.example>", "organisation": 1, "keys": ()}


class TrialProvider(Provider):
    """Makes each letter whole and throws it away; the last two digits before the @ decide what becomes of it.

    ======  ==================================================================
    91      refused at once: there is nobody of this name
    92      accepted, then a bounce: the mailbox is full
    93      accepted, then a bounce: there is nobody of this name
    94      refused at once: the letter
    95      accepted, delivered, then a complaint
    96      put off at the first attempt, then accepted and delivered
    97      answer lost at the first attempt, then accepted and delivered
    98      accepted, and never a report
    others  accepted and delivered
    ======  ==================================================================

    A message sent twice is one message: its reference is its token.
    """

    name = "email_simulator"
    title = "Simulator (no letter is sent)"
    channel = "email"
    summary = (
        "For trials: nothing leaves this machine. The last two digits before the @ decide: 91 nobody of this name, "
        "92 mailbox full, 93 bounces for good, 94 letter refused, 95 complains, 96 put off once, 97 answer lost once, "
        "98 no report; all others are delivered."
    )
    settings_form: ClassVar[Form] = (
        Field(
            "report_delay",
            "Reports after (seconds)",
            Kind.NUMBER,
            "Reports that are due when the connection closes are handed over then.",
            default=1,
            low=0,
            high=3600,
        ),
    )
    ambiguity = Ambiguity.IDEMPOTENT
    capabilities = frozenset({Capability.RECEIPTS, Capability.SIMULATED})
    errors: ClassVar[Mapping[str, tuple[ErrorClass, str]]] = {
        code: codes.ERRORS[code] for code in ("5.1.1", "5.2.2", "5.7.1", "4.2.1")
    }
    states: ClassVar[Mapping[str, MessageState]] = {
        "delivered": MessageState.DELIVERED,
        "failed": MessageState.UNDELIVERABLE,
    }

    def __init__(
        self, settings: Mapping[str, Any], intake: Intake, *, window: int = 10, callback_url: str = ""
    ) -> None:
        super().__init__(settings, intake, window=window, callback_url=callback_url)
        self._delay = float(settings.get("report_delay", 1))
        self._attempted: set[str] = set()
        self._closing = asyncio.Event()
        self._reports: set[asyncio.Task[None]] = set()

    @classmethod
    def disclosure(cls, settings: Mapping[str, Any]) -> Disclosure:
        """Return that nothing is disclosed to anybody."""
        return Disclosure((), (), ())

    @classmethod
    def samples(cls) -> Samples:
        """Return letters of each kind; there is no peer to start."""
        refused = (_sample(91), ErrorClass.RECIPIENT), (_sample(94), ErrorClass.CONTENT)
        return Samples({"report_delay": 0}, submissions=(_sample(1), _sample(93)), refused=refused)

    async def close(self) -> None:
        """Hand over the reports that are still due."""
        self._closing.set()
        if self._reports:
            await asyncio.wait(self._reports)

    async def send_batch(self, batch: Sequence[Submission]) -> list[Outcome]:
        """Decide at once, and report later."""
        outcomes = await asyncio.to_thread(lambda: [self._outcome(submission) for submission in batch])
        reports = [
            receipt
            for submission, outcome in zip(batch, outcomes, strict=True)
            if isinstance(outcome, Accepted)
            for receipt in _receipts(submission)
        ]
        if reports:
            task = asyncio.create_task(self._report(reports))
            self._reports.add(task)
            task.add_done_callback(self._reports.discard)
        return outcomes

    async def check(self) -> Check:
        """Return that there is nothing to try."""
        return Check(True, ("Nothing to connect to: the simulator answers by itself.",))

    def _outcome(self, submission: Submission) -> Outcome:
        found, token = fate(submission.address), submission.token
        if found.first and token not in self._attempted:
            self._attempted.add(token)
            wait = TryLater(timedelta(seconds=1), ErrorClass.RECIPIENT, "mailbox_busy", "4.2.1")
            return wait if found.first == "later" else Unknown(code="97")
        refusal = found.reply or found.end
        if refusal:
            code = refusal.split()[1]
            error, reason = self.errors[code]
            return Rejected(reason, error, code, suppress=code in codes.HARD)
        try:
            write(compose(submission.shared), submission)
        except Faulty as fault:
            return Rejected(fault.reason, ErrorClass.CONTENT)
        return Accepted((token,))

    async def _report(self, reports: list[Receipt]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._delay):
                await self._closing.wait()
        try:
            await self.intake(reports)
        except Exception:
            log.exception("%d reports of the simulator were not taken in", len(reports))


def _receipts(submission: Submission) -> list[Receipt]:
    found, now = fate(submission.address), datetime.now(UTC)
    if found.is_silent:
        return []
    if found.bounce:
        reason = codes.ERRORS[found.bounce][1]
        is_hard = found.bounce in codes.HARD
        return [
            Receipt(
                submission.token, MessageState.UNDELIVERABLE, found.bounce, reason, now, submission.address,
                suppress=is_hard,
            )
        ]  # fmt: skip
    delivered = Receipt(submission.token, MessageState.DELIVERED, occurred_at=now, address=submission.address)
    if found.complains:
        return [delivered, delivered._replace(reason="complained", suppress=True)]
    return [delivered]


def _sample(digits: int) -> Submission:
    address = f"amina{digits:02d}@example.com"
    return Submission(
        digits, address, "Acme <news@acme.example>", "Hello", 1, timedelta(hours=4), f"sample-{digits}",
        "transactional", None, _SHARED,
    )  # fmt: skip
