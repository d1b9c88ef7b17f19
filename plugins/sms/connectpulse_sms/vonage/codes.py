"""What Vonage's statuses and codes mean to us: of the SMS API, of its receipts, and of the Messages API."""

from collections.abc import Mapping
from typing import Final

from connectpulse.core.api import ErrorClass, MessageState

RECIPIENT, CONTENT, SENDER = ErrorClass.RECIPIENT, ErrorClass.CONTENT, ErrorClass.SENDER
CREDENTIAL, THROTTLE, PROVIDER = ErrorClass.CREDENTIAL, ErrorClass.THROTTLE, ErrorClass.PROVIDER
Codes = Mapping[str, tuple[ErrorClass, str]]

SMS_ERRORS: Final[Codes] = {
    "1": (THROTTLE, "too_fast"),
    "2": (CONTENT, "request_refused"),
    "3": (CONTENT, "request_refused"),
    "4": (CREDENTIAL, "credentials_refused"),
    "5": (PROVIDER, "provider_failed"),
    "6": (RECIPIENT, "invalid_number"),
    "7": (RECIPIENT, "number_barred"),
    "8": (CREDENTIAL, "account_suspended"),
    "9": (CREDENTIAL, "balance_exhausted"),
    "10": (THROTTLE, "too_many_connections"),
    "11": (CREDENTIAL, "account_not_enabled"),
    "12": (CONTENT, "text_too_long"),
    "14": (CREDENTIAL, "signature_refused"),
    "15": (SENDER, "invalid_sender"),
    "22": (RECIPIENT, "invalid_network"),
    "23": (CREDENTIAL, "callback_address_refused"),
    "29": (RECIPIENT, "number_not_verified"),
    "32": (CREDENTIAL, "signature_refused"),
    "33": (RECIPIENT, "number_deactivated"),
}
"""By the status of a message in the SMS API's answer; 0 is success, and HTTP says 200 for all of them."""

SMS_RECEIPTS: Final[Codes] = {
    "1": (RECIPIENT, "unknown_error"),
    "2": (RECIPIENT, "handset_unreachable"),
    "3": (RECIPIENT, "unknown_number"),
    "4": (RECIPIENT, "barred_by_recipient"),
    "5": (RECIPIENT, "number_portability"),
    "6": (CONTENT, "filtered"),
    "7": (RECIPIENT, "handset_busy"),
    "8": (PROVIDER, "network_error"),
    "9": (RECIPIENT, "invalid_number"),
    "10": (CONTENT, "text_refused"),
    "11": (RECIPIENT, "unroutable"),
    "12": (RECIPIENT, "unreachable_number"),
    "13": (RECIPIENT, "age_restriction"),
    "14": (RECIPIENT, "blocked_by_carrier"),
    "15": (RECIPIENT, "prepaid_account_empty"),
    "39": (SENDER, "invalid_sender"),
    "50": (SENDER, "entity_not_registered"),
    "51": (SENDER, "sender_not_registered"),
    "52": (CONTENT, "template_not_registered"),
    "53": (RECIPIENT, "no_consent_on_record"),
    "99": (PROVIDER, "unknown_error"),
}
"""By err-code of a receipt of the SMS API; 0 is success."""

MESSAGES_ERRORS: Final[Codes] = {
    "1000": (THROTTLE, "too_fast"),
    "1010": (CONTENT, "request_refused"),
    "1020": (CONTENT, "request_refused"),
    "1030": (PROVIDER, "provider_failed"),
    "1040": (RECIPIENT, "invalid_number"),
    "1050": (RECIPIENT, "number_barred"),
    "1060": (CREDENTIAL, "account_suspended"),
    "1070": (CREDENTIAL, "balance_exhausted"),
    "1080": (CREDENTIAL, "account_not_enabled"),
    "1090": (CONTENT, "text_too_long"),
    "1100": (PROVIDER, "network_error"),
    "1110": (CREDENTIAL, "signature_refused"),
    "1120": (SENDER, "invalid_sender"),
    "1130": (CONTENT, "request_refused"),
    "1140": (CREDENTIAL, "access_refused"),
    "1150": (CONTENT, "request_refused"),
    "1160": (RECIPIENT, "number_not_verified"),
    "1170": (RECIPIENT, "invalid_number"),
    "1180": (RECIPIENT, "handset_unreachable"),
    "1190": (RECIPIENT, "unknown_number"),
    "1200": (RECIPIENT, "barred_by_recipient"),
    "1210": (RECIPIENT, "number_portability"),
    "1220": (CONTENT, "filtered"),
    "1230": (RECIPIENT, "handset_busy"),
    "1240": (PROVIDER, "network_error"),
    "1250": (RECIPIENT, "invalid_number"),
    "1260": (RECIPIENT, "unroutable"),
    "1270": (RECIPIENT, "unreachable_number"),
    "1280": (RECIPIENT, "age_restriction"),
    "1290": (RECIPIENT, "blocked_by_carrier"),
    "1300": (RECIPIENT, "prepaid_account_empty"),
    "1330": (RECIPIENT, "unknown_error"),
    "1360": (RECIPIENT, "not_sent_in_time"),
    "1420": (SENDER, "invalid_sender"),
}
"""By the number at the end of an error's `type` in the Messages API, in answers and in receipts."""

ERRORS: Final[Codes] = {**SMS_ERRORS, **MESSAGES_ERRORS}
"""Those of both interfaces: their numbers do not meet."""

BY_STATUS: Final[Mapping[int, tuple[ErrorClass, str]]] = {
    401: (CREDENTIAL, "credentials_refused"),
    402: (CREDENTIAL, "balance_exhausted"),
    403: (CREDENTIAL, "access_refused"),
    404: (CREDENTIAL, "address_not_found"),
    429: (THROTTLE, "too_fast"),
}
"""By HTTP status, where no code says more."""

SUPPRESSED: Final = frozenset({"7", "1050"})
"""Codes of numbers that must get no messages."""

STATES: Final[Mapping[str, MessageState]] = {
    "submitted": MessageState.SENT,
    "accepted": MessageState.SENT,
    "buffered": MessageState.SENT,
    "unknown": MessageState.SENT,
    "delivered": MessageState.DELIVERED,
    "read": MessageState.READ,
    "expired": MessageState.EXPIRED,
    "failed": MessageState.UNDELIVERABLE,
    "undeliverable": MessageState.UNDELIVERABLE,
    "rejected": MessageState.REJECTED,
}
"""By the status of a receipt of either interface."""
