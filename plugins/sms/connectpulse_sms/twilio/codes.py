"""What Twilio's codes and states mean to us."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from connectpulse.core.api import ErrorClass, MessageState

RECIPIENT, CONTENT, SENDER = ErrorClass.RECIPIENT, ErrorClass.CONTENT, ErrorClass.SENDER
CREDENTIAL, THROTTLE, PROVIDER = ErrorClass.CREDENTIAL, ErrorClass.THROTTLE, ErrorClass.PROVIDER

ERRORS: Final[Mapping[str, tuple[ErrorClass, str]]] = {
    "14107": (THROTTLE, "too_fast"),
    "20003": (CREDENTIAL, "credentials_refused"),
    "20005": (CREDENTIAL, "account_suspended"),
    "20006": (CREDENTIAL, "access_refused"),
    "20008": (CREDENTIAL, "test_credentials"),
    "20404": (CREDENTIAL, "account_not_found"),
    "20429": (THROTTLE, "too_fast"),
    "20500": (PROVIDER, "provider_failed"),
    "20503": (PROVIDER, "provider_failed"),
    "21211": (RECIPIENT, "invalid_number"),
    "21212": (SENDER, "invalid_sender"),
    "21214": (RECIPIENT, "unreachable_number"),
    "21217": (RECIPIENT, "invalid_number"),
    "21219": (RECIPIENT, "number_not_verified"),
    "21265": (RECIPIENT, "invalid_number"),
    "21266": (RECIPIENT, "sender_is_recipient"),
    "21267": (SENDER, "alphanumeric_sender_not_allowed"),
    "21401": (SENDER, "invalid_sender"),
    "21408": (RECIPIENT, "country_not_enabled"),
    "21601": (SENDER, "sender_cannot_send_sms"),
    "21602": (CONTENT, "no_text"),
    "21603": (SENDER, "no_sender"),
    "21604": (RECIPIENT, "no_number"),
    "21605": (CONTENT, "text_too_long"),
    "21606": (SENDER, "sender_not_yours"),
    "21608": (RECIPIENT, "number_not_verified"),
    "21609": (CREDENTIAL, "callback_address_refused"),
    "21610": (RECIPIENT, "opted_out"),
    "21611": (THROTTLE, "queue_full"),
    "21612": (RECIPIENT, "no_route_from_sender"),
    "21614": (RECIPIENT, "not_a_mobile_number"),
    "21617": (CONTENT, "text_too_long"),
    "21619": (CONTENT, "no_text"),
    "21635": (RECIPIENT, "landline"),
    "21659": (SENDER, "sender_not_yours"),
    "21660": (SENDER, "sender_not_yours"),
    "21661": (SENDER, "sender_cannot_send_sms"),
    "21701": (SENDER, "no_such_messaging_service"),
    "21703": (SENDER, "messaging_service_has_no_senders"),
    "21704": (SENDER, "messaging_service_has_no_senders"),
    "21705": (SENDER, "no_such_messaging_service"),
    "30001": (THROTTLE, "queue_full"),
    "30002": (CREDENTIAL, "account_suspended"),
    "30003": (RECIPIENT, "handset_unreachable"),
    "30004": (RECIPIENT, "blocked"),
    "30005": (RECIPIENT, "unknown_number"),
    "30006": (RECIPIENT, "landline"),
    "30007": (CONTENT, "filtered"),
    "30008": (PROVIDER, "unknown_error"),
    "30010": (CREDENTIAL, "price_limit_reached"),
    "30011": (CONTENT, "media_not_supported"),
    "30022": (THROTTLE, "too_fast"),
    "30023": (THROTTLE, "daily_limit_reached"),
    "30024": (SENDER, "sender_not_registered"),
    "30027": (THROTTLE, "daily_limit_reached"),
    "30032": (SENDER, "sender_not_verified"),
    "30034": (SENDER, "sender_not_registered"),
    "30035": (SENDER, "sender_not_registered"),
    "30036": (PROVIDER, "not_sent_in_time"),
    "30410": (PROVIDER, "network_timeout"),
    "30450": (CONTENT, "blocked_by_provider"),
    "63038": (THROTTLE, "daily_limit_reached"),
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
    "30023": timedelta(hours=1),
    "30027": timedelta(hours=1),
    "63038": timedelta(hours=1),
}
"""How long a sender that was throttled is left alone; others as the answer asks, or seconds."""

SUPPRESSED: Final = frozenset({"21610"})
"""Codes of people who told Twilio to stop."""

STATES: Final[Mapping[str, MessageState]] = {
    "accepted": MessageState.ACCEPTED,
    "scheduled": MessageState.ACCEPTED,
    "queued": MessageState.ACCEPTED,
    "sending": MessageState.ACCEPTED,
    "sent": MessageState.SENT,
    "partially_delivered": MessageState.SENT,
    "delivered": MessageState.DELIVERED,
    "read": MessageState.READ,
    "undelivered": MessageState.UNDELIVERABLE,
    "failed": MessageState.FAILED,
    "canceled": MessageState.FAILED,
}
"""By MessageStatus; an error's class says more where there is one."""

UNDONE: Final = frozenset({"undelivered", "failed"})
