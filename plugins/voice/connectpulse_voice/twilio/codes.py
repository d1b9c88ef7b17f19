"""What Twilio's codes and states mean to us (https://www.twilio.com/docs/api/errors, Call resource)."""

from collections.abc import Mapping
from typing import Final

from connectpulse.core.api import ErrorClass, MessageState

from ..outcomes import BUSY, CONGESTION, DECLINED, FAILED, HUMAN, INVALID, MACHINE, NO_ANSWER, UNCLEAR

RECIPIENT, CONTENT, SENDER = ErrorClass.RECIPIENT, ErrorClass.CONTENT, ErrorClass.SENDER
CREDENTIAL, THROTTLE, PROVIDER = ErrorClass.CREDENTIAL, ErrorClass.THROTTLE, ErrorClass.PROVIDER

ERRORS: Final[Mapping[str, tuple[ErrorClass, str]]] = {
    "10001": (CREDENTIAL, "account_suspended"),
    "10002": (CREDENTIAL, "trial_account"),
    "10004": (THROTTLE, "too_many_calls"),
    "20003": (CREDENTIAL, "credentials_refused"),
    "20005": (CREDENTIAL, "account_suspended"),
    "20006": (CREDENTIAL, "access_refused"),
    "20008": (CREDENTIAL, "test_credentials"),
    "20404": (CREDENTIAL, "account_not_found"),
    "20429": (THROTTLE, "too_fast"),
    "20500": (PROVIDER, "provider_failed"),
    "20503": (PROVIDER, "provider_failed"),
    "21201": (RECIPIENT, INVALID),
    "21203": (CREDENTIAL, "not_allowed_to_call"),
    "21205": (CREDENTIAL, "callback_address_refused"),
    "21210": (SENDER, "caller_id_not_verified"),
    "21211": (RECIPIENT, INVALID),
    "21212": (SENDER, "invalid_caller_id"),
    "21213": (SENDER, "no_caller_id"),
    "21214": (RECIPIENT, "unreachable_number"),
    "21215": (RECIPIENT, "country_not_enabled"),
    "21216": (RECIPIENT, "not_allowed_to_call_number"),
    "21217": (RECIPIENT, INVALID),
    "21219": (RECIPIENT, "number_not_verified"),
    "21223": (RECIPIENT, INVALID),
    "21224": (RECIPIENT, INVALID),
    "21227": (RECIPIENT, "not_allowed_to_call_number"),
    "21264": (SENDER, "invalid_caller_id"),
    "21401": (SENDER, "invalid_caller_id"),
    "13223": (RECIPIENT, INVALID),
    "13224": (RECIPIENT, INVALID),
    "13225": (RECIPIENT, "not_allowed_to_call_number"),
    "13227": (RECIPIENT, "country_not_enabled"),
    "32011": (PROVIDER, CONGESTION),
}
"""By code: of an answer, and of a call that failed."""

BY_STATUS: Final[Mapping[int, tuple[ErrorClass, str]]] = {
    401: (CREDENTIAL, "credentials_refused"),
    403: (CREDENTIAL, "access_refused"),
    404: (CREDENTIAL, "account_not_found"),
    429: (THROTTLE, "too_fast"),
}
"""By HTTP status, where the code is one we do not know."""

STATES: Final[Mapping[str, MessageState]] = {
    "queued": MessageState.ACCEPTED,
    "initiated": MessageState.ACCEPTED,
    "ringing": MessageState.ACCEPTED,
    "in-progress": MessageState.SENT,
    "answered": MessageState.SENT,
    "completed": MessageState.DELIVERED,
    "busy": MessageState.UNDELIVERABLE,
    "no-answer": MessageState.UNDELIVERABLE,
    "failed": MessageState.FAILED,
    "canceled": MessageState.FAILED,
}
"""By CallStatus; how a call failed says more where it is known."""

ENDINGS: Final[Mapping[str, str]] = {
    "busy": BUSY,
    "no-answer": NO_ANSWER,
    "failed": FAILED,
    "canceled": FAILED,
}
"""By CallStatus: how a call that nobody answered ended."""

SIP: Final[Mapping[str, str]] = {
    "403": DECLINED,
    "404": INVALID,
    "408": NO_ANSWER,
    "410": INVALID,
    "480": NO_ANSWER,
    "484": INVALID,
    "486": BUSY,
    "487": NO_ANSWER,
    "500": CONGESTION,
    "503": CONGESTION,
    "600": BUSY,
    "603": DECLINED,
    "604": INVALID,
    "607": DECLINED,
}
"""By SipResponseCode: how a call that Twilio calls failed ended."""

ANSWERS: Final[Mapping[str, str]] = {"human": HUMAN, "unknown": UNCLEAR, "": UNCLEAR}
"""By AnsweredBy; everything else is a machine."""


def answer(answered_by: str) -> str:
    """Return who answered: `machine_start`, `machine_end_beep`, `fax` and the like are machines."""
    return ANSWERS.get(answered_by, MACHINE)
