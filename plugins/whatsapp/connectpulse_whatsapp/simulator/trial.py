"""A provider for trials: no network, no cost, and outcomes that can be chosen by the number written to."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from connectpulse.core.api import (
    Accepted,
    Approval,
    Capability,
    ErrorClass,
    Events,
    MessageState,
    Outcome,
    Receipt,
    Samples,
    SimulatedProvider,
    Submission,
    TemplateSubmission,
    TemplateWord,
    Unknown,
)

from ..cloud.answers import refusal
from ..cloud.codes import ERRORS, STATES, STOPPED, meaning
from ..content import name_of
from ..form import TEXT
from .fates import SERVICE, by_digits

_STAGES = (MessageState.SENT, MessageState.DELIVERED, MessageState.READ)


class TrialProvider(SimulatedProvider):
    """Answers by itself; the last two digits of the number decide what becomes of a message: see `fates`.

    A message sent twice is one message: its reference is its token.
    """

    name = "whatsapp_simulator"
    title = "Simulator (nothing is sent)"
    channel = "whatsapp"
    summary = (
        "For trials: nothing leaves this machine. The last two digits of a number decide: 89 billed as utility, "
        "90 free, 91 not on WhatsApp, 92 the person's limit of promotions, 93 stopped promotions, 94 refused at once, "
        "95 template not found, 96 throttled once, 97 answer lost once, 98 no receipt, 99 sent and never delivered; "
        "all others are delivered, and even ones read."
    )
    capabilities = SimulatedProvider.capabilities | {Capability.TEMPLATES}
    errors: ClassVar[Mapping[str, tuple[ErrorClass, str]]] = ERRORS
    states: ClassVar[Mapping[str, MessageState]] = STATES

    @classmethod
    def samples(cls) -> Samples:
        """Return messages of each kind; there is no peer to start."""
        refused = (_sample(94), ErrorClass.RECIPIENT), (_sample(95), ErrorClass.CONTENT)
        return Samples({"receipt_delay": 0}, submissions=(_sample(1), _sample(91)), refused=refused)

    async def submit_template(self, template: TemplateSubmission) -> TemplateWord:
        """Approve every template at once, save those with the word REJECT in them."""
        if "REJECT" in str(template.content.get("body")):
            return TemplateWord("", Approval.REJECTED, "It has the word REJECT in it.")
        return TemplateWord(name_of(template.content), Approval.APPROVED)

    async def ask_templates(self, references: Sequence[str]) -> Sequence[TemplateWord]:
        """Return that what was approved is approved."""
        return [TemplateWord(each, Approval.APPROVED) for each in references]

    def decide(self, submission: Submission, *, is_first: bool) -> Outcome:
        """Return the outcome that the last two digits stand for."""
        fate = by_digits(submission.address)
        if is_first and (fate.first or fate.is_lost):
            return _refused(fate.first) if fate.first else Unknown()
        return _refused(fate.refused) if fate.refused else Accepted((submission.token,))

    def reports(self, submission: Submission) -> Events:
        """Return the states a message goes through, none for those that stay silent."""
        return _receipts(submission)


def _refused(code: str) -> Outcome:
    return refusal(ERRORS[code], code, 2)


def _receipts(submission: Submission) -> list[Receipt]:
    fate = by_digits(submission.address)
    if fate.name == "silent":
        return []
    if fate.failed:
        return [_failed(submission, fate.failed)]
    return [_receipt(submission, state, fate.billed_as) for state in _STAGES[: fate.last + 1]]


def _receipt(submission: Submission, state: MessageState, billed_as: str) -> Receipt:
    content = (submission.shared or {}).get("content", {})
    is_free = billed_as == SERVICE or content.get("kind") == TEXT
    return Receipt(
        submission.token, state, occurred_at=datetime.now(UTC), address=submission.address,
        quantity=int(not is_free), category="" if is_free else billed_as,
    )  # fmt: skip


def _failed(submission: Submission, code: str) -> Receipt:
    error, reason = meaning(code) or (ErrorClass.PROVIDER, "failed")
    return Receipt(
        submission.token, error.state, code, reason, datetime.now(UTC), submission.address, suppress=code == STOPPED
    )


def _sample(digits: int) -> Submission:
    return Submission(
        digits, f"+9230012345{digits:02d}", "+923001234567", "Hello", 1, timedelta(hours=4), f"sample-{digits}"
    )
