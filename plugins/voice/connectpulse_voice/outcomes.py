"""How a call ended, and what that means for its message: the words are the same whoever carries the call."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from connectpulse.core.api import (
    ErrorClass,
    Inbound,
    MessageState,
    Outcome,
    Receipt,
    Rejected,
    Submission,
    TryLater,
)

from . import menu
from .form import HANG_UP
from .menu import Deed

HUMAN, MACHINE, UNCLEAR = "answered_human", "answered_machine", "answered_unknown"
BUSY, NO_ANSWER, DECLINED = "busy", "no_answer", "declined"
INVALID, CONGESTION, FAILED = "invalid_number", "congestion", "failed"
OPTED_OUT: Final = "opted_out"

ANSWERED: Final = (HUMAN, MACHINE, UNCLEAR)
UNANSWERED: Final[Mapping[str, ErrorClass]] = {
    BUSY: ErrorClass.RECIPIENT,
    NO_ANSWER: ErrorClass.RECIPIENT,
    DECLINED: ErrorClass.RECIPIENT,
    INVALID: ErrorClass.RECIPIENT,
    CONGESTION: ErrorClass.PROVIDER,
    FAILED: ErrorClass.PROVIDER,
}
"""Whose fault it is that nobody answered."""

_AGAIN_SOON: Final = timedelta(minutes=1)
_MACHINE_AGAIN: Final = timedelta(hours=1)
_PLANS: Final = {
    BUSY: ("busy_retries", 3, "busy_minutes", 10),
    NO_ANSWER: ("no_answer_retries", 2, "no_answer_minutes", 60),
}
"""By outcome: the fields of a content that say how often and after how long it is called again, with defaults."""


@dataclass(frozen=True, slots=True)
class Talk:
    """An answered call that is over.

    `seconds` is what the carrier bills: from the answer to the hang-up, begun ones whole. `keys` are the digits
    that were pressed, in order. `is_heard` is False where nothing was said, because a machine was hung up on.
    """

    answer: str
    seconds: int
    keys: str = ""
    is_heard: bool = True


def content_of(submission: Submission) -> Mapping[str, Any]:
    """Return the content a submission was made from; empty where its channel could not share it."""
    found: Mapping[str, Any] = (submission.shared or {}).get("content") or {}
    return found


def unanswered(submission: Submission, ending: str, code: str = "") -> Outcome:
    """Return what a call that nobody answered means: tried again by its plan, or over."""
    error = UNANSWERED[ending]
    if error is ErrorClass.PROVIDER:
        return TryLater(_AGAIN_SOON, error, ending, code)
    after = again_after(submission, ending)
    if after is None:
        return Rejected(ending, error, code)
    return TryLater(after, error, ending, code)


def again_after(submission: Submission, ending: str) -> timedelta | None:
    """Return after how long the plan of a content calls again, None where it does not or the time is over then."""
    if ending not in _PLANS:
        return None
    often, times, minutes, pause = _PLANS[ending]
    content = content_of(submission)
    after = timedelta(minutes=_number(content, minutes, pause))
    is_left = submission.attempt <= _number(content, often, times) and after < submission.validity
    return after if is_left else None


def answered(submission: Submission, reference: str, talk: Talk) -> list[Receipt | Inbound]:
    """Return what an answered call tells: a receipt, and the answers that were given with keys.

    A key that stops calls is told in a receipt of its own, whose reason says so. A machine that was hung up on heard
    nothing: the message did not arrive, and is tried once more where the content says so.
    """
    now = datetime.now(UTC)
    keys, _ = menu.read(content_of(submission))
    pressed = [(digit, keys[digit]) for digit in talk.keys if digit in keys]
    receipt = Receipt(
        reference,
        MessageState.DELIVERED if talk.is_heard else MessageState.UNDELIVERABLE,
        code=talk.keys,
        reason=talk.answer,
        occurred_at=now,
        address=submission.address,
        quantity=talk.seconds,
        again=None if talk.is_heard else _after_machine(submission),
    )
    wish = Receipt(reference, MessageState.SENT, talk.keys, OPTED_OUT, now, submission.address, suppress=True)
    is_stop = any(key.deed is Deed.OPT_OUT for _, key in pressed)
    answers = {digit: key.label for digit, key in pressed if key.deed is Deed.ANSWER}
    return [
        *((wish,) if is_stop else ()),
        receipt,
        *(
            Inbound(submission.address, submission.sender, label, f"{reference}-{digit}"[-120:], now)
            for digit, label in answers.items()
        ),
    ]


def is_left_a_message(submission: Submission) -> bool:
    """Return whether a machine is spoken to; else it is hung up on."""
    return bool(content_of(submission).get("machine") != HANG_UP)


def _after_machine(submission: Submission) -> timedelta | None:
    is_left = submission.attempt <= _number(content_of(submission), "machine_retries", 0)
    return _MACHINE_AGAIN if is_left and submission.validity > _MACHINE_AGAIN else None


def _number(content: Mapping[str, Any], name: str, default: int) -> int:
    found = content.get(name)
    return default if found is None else int(found)
