"""What SendGrid's refusals and events mean to us."""

from collections.abc import Mapping
from typing import Final

from connectpulse.core.api import ErrorClass, MessageState

RECIPIENT, CONTENT, SENDER = ErrorClass.RECIPIENT, ErrorClass.CONTENT, ErrorClass.SENDER
CREDENTIAL, THROTTLE = ErrorClass.CREDENTIAL, ErrorClass.THROTTLE

ERRORS: Final[Mapping[str, tuple[ErrorClass, str]]] = {
    "400": (CONTENT, "request_refused"),
    "400 to": (RECIPIENT, "invalid_recipient"),
    "400 from": (SENDER, "invalid_sender"),
    "400 reply_to": (CONTENT, "invalid_reply_address"),
    "401": (CREDENTIAL, "credentials_refused"),
    "401 credits": (CREDENTIAL, "balance_exhausted"),
    "403": (CREDENTIAL, "access_refused"),
    "403 from": (SENDER, "sender_not_verified"),
    "404": (CREDENTIAL, "address_not_found"),
    "405": (CREDENTIAL, "address_not_found"),
    "413": (CONTENT, "letter_too_large"),
    "415": (CONTENT, "request_refused"),
    "429": (THROTTLE, "too_fast"),
}
"""By HTTP status, and by the field an answer names."""

STATES: Final[Mapping[str, MessageState]] = {
    "processed": MessageState.ACCEPTED,
    "deferred": MessageState.ACCEPTED,
    "delivered": MessageState.DELIVERED,
    "bounce": MessageState.UNDELIVERABLE,
    "blocked": MessageState.REJECTED,
    "dropped": MessageState.REJECTED,
    "spamreport": MessageState.DELIVERED,
    "unsubscribe": MessageState.DELIVERED,
    "group_unsubscribe": MessageState.DELIVERED,
}
"""By event; a bounce of type "blocked" is an event of that name. Opens and clicks tell nothing that is asked here."""

STOPS: Final[Mapping[str, str]] = {
    "spamreport": "complained",
    "unsubscribe": "opted_out",
    "group_unsubscribe": "opted_out",
}
"""Events by which a person says no, and our reason."""

DROPS: Final[Mapping[str, tuple[MessageState, str, bool]]] = {
    "bounced address": (MessageState.UNDELIVERABLE, "unknown_recipient", True),
    "invalid smtpapi header": (MessageState.REJECTED, "request_refused", False),
    "invalid": (MessageState.UNDELIVERABLE, "invalid_recipient", True),
    "unsubscribed address": (MessageState.UNDELIVERABLE, "opted_out", True),
    "spam reporting address": (MessageState.UNDELIVERABLE, "complained", True),
    "spam content": (MessageState.REJECTED, "refused_by_policy", False),
    "recipient list over package quota": (MessageState.FAILED, "balance_exhausted", False),
}
"""Why SendGrid threw a letter away, by how its words begin: state, reason, whether to suppress."""
