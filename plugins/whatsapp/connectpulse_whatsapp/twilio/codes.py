"""What Twilio's codes and states mean to us on WhatsApp. Source: Twilio, error and warning dictionary."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from connectpulse.core.api import Approval, ErrorClass, MessageState

RECIPIENT, CONTENT, SENDER = ErrorClass.RECIPIENT, ErrorClass.CONTENT, ErrorClass.SENDER
CREDENTIAL, THROTTLE, PROVIDER = ErrorClass.CREDENTIAL, ErrorClass.THROTTLE, ErrorClass.PROVIDER

MARKETING_CAP: Final = "63049"
"""This person has had enough promotions, from anybody, for a day."""

ERRORS: Final[Mapping[str, tuple[ErrorClass, str]]] = {
    "14107": (THROTTLE, "too_fast"),
    "20003": (CREDENTIAL, "credentials_refused"),
    "20005": (CREDENTIAL, "account_suspended"),
    "20006": (CREDENTIAL, "access_refused"),
    "20404": (CREDENTIAL, "account_not_found"),
    "20429": (THROTTLE, "too_fast"),
    "20500": (PROVIDER, "provider_failed"),
    "20503": (PROVIDER, "provider_failed"),
    "21211": (RECIPIENT, "invalid_number"),
    "21212": (SENDER, "invalid_sender"),
    "21602": (CONTENT, "no_text"),
    "21603": (SENDER, "no_sender"),
    "21604": (RECIPIENT, "no_number"),
    "21606": (SENDER, "sender_not_yours"),
    "21609": (CREDENTIAL, "callback_address_refused"),
    "21610": (RECIPIENT, "opted_out"),
    "21611": (THROTTLE, "queue_full"),
    "21614": (RECIPIENT, "invalid_number"),
    "21617": (CONTENT, "text_too_long"),
    "21655": (CONTENT, "template_not_found"),
    "21656": (CONTENT, "template_values_do_not_fit"),
    "21659": (SENDER, "sender_not_yours"),
    "21703": (SENDER, "messaging_service_has_no_senders"),
    "21705": (SENDER, "no_such_messaging_service"),
    "30001": (THROTTLE, "queue_full"),
    "30002": (CREDENTIAL, "account_suspended"),
    "30008": (PROVIDER, "unknown_error"),
    "63001": (CREDENTIAL, "credentials_refused"),
    "63002": (SENDER, "sender_not_yours"),
    "63003": (RECIPIENT, "not_on_whatsapp"),
    "63005": (CONTENT, "content_not_accepted"),
    "63007": (SENDER, "sender_not_yours"),
    "63008": (PROVIDER, "provider_failed"),
    "63009": (PROVIDER, "provider_failed"),
    "63010": (PROVIDER, "provider_failed"),
    "63012": (PROVIDER, "provider_failed"),
    "63013": (CONTENT, "template_against_policy"),
    "63014": (RECIPIENT, "blocked"),
    "63015": (RECIPIENT, "number_not_on_test_list"),
    "63016": (CONTENT, "outside_answer_window"),
    "63017": (THROTTLE, "too_fast"),
    "63018": (THROTTLE, "too_fast"),
    "63019": (CONTENT, "file_not_taken"),
    "63020": (CREDENTIAL, "access_refused"),
    "63021": (CONTENT, "content_not_accepted"),
    "63022": (SENDER, "display_name_not_approved"),
    "63024": (RECIPIENT, "not_on_whatsapp"),
    "63027": (CONTENT, "template_not_found"),
    "63028": (CONTENT, "template_values_do_not_fit"),
    "63030": (CONTENT, "request_refused"),
    "63031": (RECIPIENT, "sender_is_recipient"),
    "63032": (RECIPIENT, "in_an_experiment"),
    "63033": (RECIPIENT, "blocked"),
    "63036": (RECIPIENT, "not_on_whatsapp"),
    "63038": (THROTTLE, "daily_limit_reached"),
    "63040": (CONTENT, "template_refused"),
    "63041": (CONTENT, "template_paused"),
    "63042": (CONTENT, "template_disabled"),
    MARKETING_CAP: (RECIPIENT, "marketing_limit_of_person"),
    "63051": (CREDENTIAL, "account_locked"),
    "63112": (CREDENTIAL, "account_restricted"),
    "63119": (THROTTLE, "messaging_limit_reached"),
}
"""By code: of an answer, and of a receipt."""

BY_STATUS: Final[Mapping[int, tuple[ErrorClass, str]]] = {
    401: (CREDENTIAL, "credentials_refused"),
    403: (CREDENTIAL, "access_refused"),
    404: (CREDENTIAL, "account_not_found"),
    429: (THROTTLE, "too_fast"),
}
"""By HTTP status, where the code is one we do not know."""

PAUSES: Final[Mapping[str, timedelta]] = {
    "21611": timedelta(minutes=10),
    "30001": timedelta(minutes=10),
    "63038": timedelta(hours=1),
    "63119": timedelta(hours=1),
}
"""How long a sender that was throttled is left alone; others a few seconds."""

AGAIN: Final = timedelta(seconds=30)
CAP_PASSES: Final = timedelta(hours=24)
STOPPED: Final = frozenset({"21610"})
"""Codes of people who told Twilio to stop."""

STATES: Final[Mapping[str, MessageState]] = {
    "accepted": MessageState.ACCEPTED,
    "scheduled": MessageState.ACCEPTED,
    "queued": MessageState.ACCEPTED,
    "sending": MessageState.ACCEPTED,
    "sent": MessageState.SENT,
    "delivered": MessageState.DELIVERED,
    "read": MessageState.READ,
    "undelivered": MessageState.UNDELIVERABLE,
    "failed": MessageState.FAILED,
    "canceled": MessageState.FAILED,
}
"""By MessageStatus; an error's class says more where there is one."""

APPROVALS: Final[Mapping[str, Approval]] = {
    "unsubmitted": Approval.PENDING,
    "received": Approval.PENDING,
    "pending": Approval.PENDING,
    "approved": Approval.APPROVED,
    "rejected": Approval.REJECTED,
    "paused": Approval.REJECTED,
    "disabled": Approval.REJECTED,
}
"""By the `status` of an approval request."""
