"""What Meta's error codes and message states mean to us. Source: Cloud API error codes, v23.0."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from connectpulse.core.api import ErrorClass, MessageState

RECIPIENT, CONTENT, SENDER = ErrorClass.RECIPIENT, ErrorClass.CONTENT, ErrorClass.SENDER
CREDENTIAL, THROTTLE, PROVIDER = ErrorClass.CREDENTIAL, ErrorClass.THROTTLE, ErrorClass.PROVIDER

PAIR_RATE: Final = "131056"
"""Too many messages to one person; others may go on."""
MARKETING_CAP: Final = "131049"
"""This person has had enough promotions, from anybody, for a day."""
STOPPED: Final = "131050"
"""The person told WhatsApp to stop our promotions."""
MEDIA_GONE: Final = frozenset({"131052", "131053"})
"""The file of the header must be handed over again."""

ERRORS: Final[Mapping[str, tuple[ErrorClass, str]]] = {
    "0": (CREDENTIAL, "credentials_refused"),
    "1": (PROVIDER, "provider_failed"),
    "2": (PROVIDER, "provider_failed"),
    "3": (CREDENTIAL, "access_refused"),
    "4": (THROTTLE, "too_many_requests"),
    "10": (CREDENTIAL, "access_refused"),
    "33": (CREDENTIAL, "number_not_found"),
    "100": (CONTENT, "request_refused"),
    "190": (CREDENTIAL, "token_expired"),
    "368": (CREDENTIAL, "account_restricted"),
    "80007": (THROTTLE, "too_many_requests"),
    "130429": (THROTTLE, "too_fast"),
    "130472": (RECIPIENT, "in_an_experiment"),
    "130497": (RECIPIENT, "country_restricted"),
    "131000": (PROVIDER, "provider_failed"),
    "131005": (CREDENTIAL, "access_refused"),
    "131008": (CONTENT, "parameter_missing"),
    "131009": (CONTENT, "parameter_invalid"),
    "131016": (PROVIDER, "provider_failed"),
    "131021": (RECIPIENT, "sender_is_recipient"),
    "131026": (RECIPIENT, "not_on_whatsapp"),
    "131030": (RECIPIENT, "number_not_on_test_list"),
    "131031": (CREDENTIAL, "account_locked"),
    "131037": (SENDER, "display_name_not_approved"),
    "131042": (CREDENTIAL, "payment_missing"),
    "131045": (SENDER, "number_not_registered"),
    "131047": (CONTENT, "outside_answer_window"),
    "131048": (SENDER, "spam_limit_reached"),
    "131049": (RECIPIENT, "marketing_limit_of_person"),
    "131050": (RECIPIENT, "opted_out"),
    "131051": (CONTENT, "kind_not_supported"),
    "131052": (CONTENT, "file_not_taken"),
    "131053": (CONTENT, "file_not_taken"),
    "131056": (RECIPIENT, "too_many_to_one_person"),
    "131057": (THROTTLE, "maintenance"),
    "131062": (RECIPIENT, "needs_phone_number"),
    "131063": (SENDER, "needs_marketing_messages"),
    "131064": (SENDER, "messaging_limit_reached"),
    "132000": (CONTENT, "template_values_do_not_fit"),
    "132001": (CONTENT, "template_not_found"),
    "132005": (CONTENT, "text_too_long"),
    "132007": (CONTENT, "template_against_policy"),
    "132008": (CONTENT, "template_values_do_not_fit"),
    "132012": (CONTENT, "template_values_do_not_fit"),
    "132015": (CONTENT, "template_paused"),
    "132016": (CONTENT, "template_disabled"),
    "132068": (CONTENT, "form_blocked"),
    "132069": (THROTTLE, "form_too_fast"),
    "133004": (PROVIDER, "provider_failed"),
    "133010": (SENDER, "number_not_registered"),
    "135000": (PROVIDER, "provider_failed"),
    "137000": (RECIPIENT, "person_changed"),
}
"""By code: of an answer, and of a failed message."""

BY_STATUS: Final[Mapping[int, tuple[ErrorClass, str]]] = {
    401: (CREDENTIAL, "credentials_refused"),
    403: (CREDENTIAL, "access_refused"),
    404: (CREDENTIAL, "number_not_found"),
    429: (THROTTLE, "too_fast"),
}
"""By HTTP status, where the code is one we do not know."""

PAUSES: Final[Mapping[str, timedelta]] = {
    "4": timedelta(minutes=5),
    "80007": timedelta(minutes=5),
    "130429": timedelta(seconds=1),
    "131057": timedelta(seconds=60),
    "132069": timedelta(minutes=10),
}
"""How long a sender that was throttled is left alone; others as the answer asks, or seconds."""

AGAIN: Final = timedelta(seconds=30)
"""How long Meta is left alone after a fault of its own."""

CAP_PASSES: Final = timedelta(hours=24)
"""After this a message that met MARKETING_CAP may be tried once more."""

STATES: Final[Mapping[str, MessageState]] = {
    "sent": MessageState.SENT,
    "delivered": MessageState.DELIVERED,
    "read": MessageState.READ,
    "played": MessageState.READ,
    "failed": MessageState.FAILED,
}
"""By `status`; the class of an error says more about `failed`."""


def meaning(code: str) -> tuple[ErrorClass, str] | None:
    """Return class and reason of a code, None for one that is not known. 200 to 299 are missing permissions."""
    if code in ERRORS:
        return ERRORS[code]
    return (CREDENTIAL, "access_refused") if len(code) == 3 and code.startswith("2") and code.isdigit() else None


def pair_pause(attempt: int) -> timedelta:
    """Return how long one person is left alone: 4 seconds, then 16, 64, 256, as Meta asks."""
    return timedelta(seconds=4 ** max(1, min(attempt, 5)))
