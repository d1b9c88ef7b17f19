"""What Mailgun's refusals and events mean to us."""

from collections.abc import Mapping
from typing import Final

from connectpulse.core.api import ErrorClass, MessageState

RECIPIENT, CONTENT, SENDER = ErrorClass.RECIPIENT, ErrorClass.CONTENT, ErrorClass.SENDER
CREDENTIAL, THROTTLE = ErrorClass.CREDENTIAL, ErrorClass.THROTTLE

ERRORS: Final[Mapping[str, tuple[ErrorClass, str]]] = {
    "400": (CONTENT, "request_refused"),
    "400 to": (RECIPIENT, "invalid_recipient"),
    "400 from": (SENDER, "invalid_sender"),
    "401": (CREDENTIAL, "credentials_refused"),
    "402": (CREDENTIAL, "balance_exhausted"),
    "403": (CREDENTIAL, "access_refused"),
    "403 sandbox": (RECIPIENT, "recipient_not_verified"),
    "404": (CREDENTIAL, "domain_not_found"),
    "413": (CONTENT, "letter_too_large"),
    "429": (THROTTLE, "too_fast"),
}
"""By HTTP status, and by what the words of an answer are about."""

STATES: Final[Mapping[str, MessageState]] = {
    "accepted": MessageState.ACCEPTED,
    "temporary": MessageState.ACCEPTED,
    "delivered": MessageState.DELIVERED,
    "permanent": MessageState.UNDELIVERABLE,
    "rejected": MessageState.REJECTED,
    "complained": MessageState.DELIVERED,
    "unsubscribed": MessageState.DELIVERED,
}
"""By event; a failed one goes by its severity. Opens and clicks tell nothing that is asked here."""

STOPS: Final[Mapping[str, str]] = {"complained": "complained", "unsubscribed": "opted_out"}
"""Events by which a person says no, and our reason."""

FAILURES: Final[Mapping[str, tuple[MessageState, str, bool]]] = {
    "suppress-bounce": (MessageState.UNDELIVERABLE, "unknown_recipient", True),
    "suppress-complaint": (MessageState.UNDELIVERABLE, "complained", True),
    "suppress-unsubscribe": (MessageState.UNDELIVERABLE, "opted_out", True),
    "espblock": (MessageState.REJECTED, "refused_by_policy", False),
    "old": (MessageState.UNDELIVERABLE, "undeliverable", False),
}
"""By the reason of a permanent failure: state, our reason, whether to suppress. Others go by the server's code."""
