"""A provider for trials: no network, and outcomes that can be chosen by the address written to."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final

from connectpulse.core.api import (
    Accepted,
    ErrorClass,
    Events,
    MessageState,
    Outcome,
    Receipt,
    Rejected,
    Samples,
    SimulatedProvider,
    Submission,
    TryLater,
    Unknown,
)

from .fates import fate
from .letter import Faulty, compose
from .mime import write
from .smtp import codes

_CONTENT: Final = {"subject": "Hello", "html": "<p>Hello</p>"}
_SHARED: Final = {"content": _CONTENT, "sender": "Acme <news@acme.example>", "organisation": 1, "keys": ()}


class TrialProvider(SimulatedProvider):
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
    errors: ClassVar[Mapping[str, tuple[ErrorClass, str]]] = {
        code: codes.ERRORS[code] for code in ("5.1.1", "5.2.2", "5.7.1", "4.2.1")
    }
    states: ClassVar[Mapping[str, MessageState]] = {
        "delivered": MessageState.DELIVERED,
        "failed": MessageState.UNDELIVERABLE,
    }

    @classmethod
    def samples(cls) -> Samples:
        """Return letters of each kind; there is no peer to start."""
        refused = (_sample(91), ErrorClass.RECIPIENT), (_sample(94), ErrorClass.CONTENT)
        return Samples({"receipt_delay": 0}, submissions=(_sample(1), _sample(93)), refused=refused)

    def decide(self, submission: Submission, *, is_first: bool) -> Outcome:
        """Return the outcome that the address stands for; an accepted letter was made whole."""
        found = fate(submission.address)
        if is_first and found.first:
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
        return Accepted((submission.token,))

    def reports(self, submission: Submission) -> Events:
        """Return a delivery, a bounce or a complaint, nothing for those that stay silent."""
        return _receipts(submission)


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
