"""What a provider answered, as values.

An adapter never raises for an answer it understood: it returns one outcome per message. An answer
that never came is an outcome as well (`Unknown`), because a message that may have been sent must
neither be sent again nor be charged silently.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from .message import MessageState

if TYPE_CHECKING:
    from .provider import Event


class ErrorClass(StrEnum):
    """Whose fault it is, and therefore who pays for it: only PROVIDER moves a connection's health."""

    RECIPIENT = "recipient"
    CONTENT = "content"
    SENDER = "sender"
    CREDENTIAL = "credential"
    THROTTLE = "throttle"
    PROVIDER = "provider"

    @property
    def state(self) -> MessageState:
        """The final state of a message rejected for good with this class."""
        return _REJECTED_STATES[self]

    @property
    def is_retried_elsewhere(self) -> bool:
        """True when the message itself is fine and another connection may carry it."""
        return self in (ErrorClass.PROVIDER, ErrorClass.CREDENTIAL, ErrorClass.THROTTLE)


_REJECTED_STATES = {
    ErrorClass.RECIPIENT: MessageState.UNDELIVERABLE,
    ErrorClass.CONTENT: MessageState.REJECTED,
    ErrorClass.SENDER: MessageState.REJECTED,
    ErrorClass.CREDENTIAL: MessageState.FAILED,
    ErrorClass.THROTTLE: MessageState.FAILED,
    ErrorClass.PROVIDER: MessageState.FAILED,
}


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the message over.

    `references` are the provider's ids, one per part it reports on separately, normalised as its
    receipts will carry them. `quantity` is what the provider says it will bill (parts, seconds),
    where it says so; None keeps what was reserved. `events` are what is known already of what became of it (a call
    that is over): they are taken in with it, together or not at all.
    """

    references: tuple[str, ...]
    quantity: int | None = None
    events: "tuple[Event, ...]" = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """The provider refused the message; it was certainly not sent.

    `reason` is one of ours (`snake_case`), `code` the provider's own. `suppress` asks for a
    suppression of the address (it told us to stop, it does not exist any more).
    """

    reason: str
    error: ErrorClass
    code: str = ""
    suppress: bool = False


@dataclass(frozen=True, slots=True)
class TryLater:
    """Certainly not sent, and worth another attempt `after` a while.

    `is_attempt` False means that nothing was tried yet (a recipient's server asks to come back, all lines are
    taken): it does not count against the most attempts, and the message stays with its connection until it expires.
    """

    after: timedelta
    error: ErrorClass
    reason: str = "try_later"
    code: str = ""
    is_attempt: bool = True


@dataclass(frozen=True, slots=True)
class Unknown:
    """Handed over, but the answer was lost: sent or not, nobody here can tell."""

    reason: str = "answer_lost"
    code: str = ""


Outcome = Accepted | Rejected | TryLater | Unknown
