"""A provider for trials: no network, no cost, and outcomes that can be chosen by the number dialled."""

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


class TrialProvider(SimulatedProvider):
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
    errors: ClassVar[Mapping[str, tuple[ErrorClass, str]]] = {
        "94": (ErrorClass.RECIPIENT, "invalid_recipient"),
        "95": (ErrorClass.CONTENT, "refused_by_provider"),
        "96": (ErrorClass.THROTTLE, "throttled"),
    }
    states: ClassVar[Mapping[str, MessageState]] = {"DELIVRD": MessageState.DELIVERED} | dict(RECEIPTS.values())

    @classmethod
    def samples(cls) -> Samples:
        """Return messages of each kind; there is no peer to start."""
        refused = (_sample(94), ErrorClass.RECIPIENT), (_sample(95), ErrorClass.CONTENT)
        return Samples({"receipt_delay": 0}, submissions=(_sample(1), _sample(91)), refused=refused)

    def decide(self, submission: Submission, *, is_first: bool) -> Outcome:
        """Return the outcome that the last two digits stand for."""
        digits = submission.address[-2:]
        if is_first and digits in _FIRST_TIME:
            return _FIRST_TIME[digits]
        return REFUSALS.get(digits) or Accepted((submission.token,))

    def reports(self, submission: Submission) -> Events:
        """Return the receipt, none for those that stay silent."""
        return () if submission.address[-2:] == SILENT else (_receipt(submission),)


def _receipt(submission: Submission) -> Receipt:
    code, state = RECEIPTS.get(submission.address[-2:], ("DELIVRD", MessageState.DELIVERED))
    return Receipt(submission.token, state, code, occurred_at=datetime.now(UTC), address=submission.address)


def _sample(digits: int) -> Submission:
    return Submission(digits, f"+9230012345{digits:02d}", "ACME", "Hello", 1, timedelta(hours=4), f"sample-{digits}")
