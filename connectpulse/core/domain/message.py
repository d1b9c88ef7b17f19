"""The life of a message as a fold: the end state depends on what was reported, never on the order.

A state's number is its precedence. Whatever is learned about a message can only raise it, so the
state after any set of reports is their maximum, however late, repeated or shuffled they come. A
delivery therefore overrides a failure reported before or after it (handsets that were off, WhatsApp
on several devices), and nothing overrides a delivery but a read.
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum, StrEnum


class MessageState(IntEnum):
    """Where a message stands. From EXPIRED on it is final, save for a late delivery."""

    QUEUED = 0
    SUBMITTING = 1
    UNKNOWN = 2
    ACCEPTED = 3
    SENT = 4
    EXPIRED = 10
    FAILED = 11
    UNDELIVERABLE = 12
    REJECTED = 13
    DELIVERED = 20
    READ = 21
    SKIPPED = 30
    CANCELLED = 31

    @property
    def label(self) -> str:
        return self.name.lower()

    @property
    def is_final(self) -> bool:
        return self >= MessageState.EXPIRED

    @property
    def sentence(self) -> str:
        """The state in words for a person who has never seen this product."""
        return _SENTENCES[self]


STATES = {int(state): state for state in MessageState}
"""States by number; quicker than calling the enumeration, for sets of thousands."""

_SENTENCES = {
    MessageState.QUEUED: "Waiting to be handed to the provider.",
    MessageState.SUBMITTING: "Being handed to the provider.",
    MessageState.UNKNOWN: "Handed over, but the provider's answer was lost. It is not sent again; "
    "a receipt or an operator settles it.",
    MessageState.ACCEPTED: "The provider has taken it over.",
    MessageState.SENT: "On its way in the provider's network.",
    MessageState.EXPIRED: "Not delivered within its validity.",
    MessageState.FAILED: "Could not be sent.",
    MessageState.UNDELIVERABLE: "The recipient cannot be reached.",
    MessageState.REJECTED: "The provider refused it.",
    MessageState.DELIVERED: "Delivered.",
    MessageState.READ: "Delivered and read.",
    MessageState.SKIPPED: "Not sent, on purpose.",
    MessageState.CANCELLED: "Cancelled before it was handed over.",
}

FINAL_STATES = tuple(state for state in MessageState if state.is_final)
OPEN_STATES = tuple(state for state in MessageState if not state.is_final)
HANDED_OVER_STATES = tuple(state for state in MessageState if MessageState.UNKNOWN <= state <= MessageState.READ)


class Cause(StrEnum):
    """What a message's state leaves open and its price may depend on; the value is the message's reason.

    NEVER_SENT: it expired before it was handed over. ANSWER_LOST: it expired without anybody knowing whether it
    was handed over. NOT_REPORTED: its provider sends no receipts, and none is waited for any more.
    """

    PLAIN = ""
    NEVER_SENT = "not_sent_in_time"
    ANSWER_LOST = "answer_lost"
    NOT_REPORTED = "not_reported"


def cause(reason: str) -> Cause:
    """Return the cause that a message's reason tells of, PLAIN for any other."""
    return _CAUSES.get(reason, Cause.PLAIN)


_CAUSES = {each.value: each for each in Cause}


def fold(current: MessageState, reports: Iterable[MessageState]) -> MessageState:
    """Return the state after `reports` in any order, any of them repeated."""
    return max((current, *reports))


def fold_parts(parts: Sequence[MessageState]) -> MessageState:
    """Return the state of a message whose parts are reported one by one.

    Delivered only when every part is; one final failure decides for the whole; until then the
    message is no further than its slowest part.
    """
    failures = [part for part in parts if MessageState.EXPIRED <= part <= MessageState.REJECTED]
    return max(failures) if failures else min(parts)
