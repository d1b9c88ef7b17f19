"""What SES's refusals and events mean to us."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from connectpulse.core.api import ErrorClass, MessageState

RECIPIENT, CONTENT, SENDER = ErrorClass.RECIPIENT, ErrorClass.CONTENT, ErrorClass.SENDER
CREDENTIAL, THROTTLE = ErrorClass.CREDENTIAL, ErrorClass.THROTTLE

ERRORS: Final[Mapping[str, tuple[ErrorClass, str]]] = {
    "AccessDeniedException": (CREDENTIAL, "access_refused"),
    "AccountSuspendedException": (CREDENTIAL, "account_suspended"),
    "BadRequestException": (CONTENT, "request_refused"),
    "DailyQuota": (THROTTLE, "daily_limit_reached"),
    "ExpiredTokenException": (CREDENTIAL, "credentials_refused"),
    "IncompleteSignatureException": (CREDENTIAL, "credentials_refused"),
    "InvalidClientTokenId": (CREDENTIAL, "credentials_refused"),
    "InvalidSignatureException": (CREDENTIAL, "credentials_refused"),
    "LimitExceededException": (THROTTLE, "daily_limit_reached"),
    "MailFromDomainNotVerifiedException": (SENDER, "sender_not_verified"),
    "MessageRejected": (CONTENT, "refused_by_policy"),
    "MissingAuthenticationTokenException": (CREDENTIAL, "credentials_refused"),
    "NotFoundException": (CREDENTIAL, "configuration_set_not_found"),
    "RecipientNotVerified": (RECIPIENT, "recipient_not_verified"),
    "SenderNotVerified": (SENDER, "sender_not_verified"),
    "SendingPausedException": (CREDENTIAL, "sending_paused"),
    "SignatureDoesNotMatch": (CREDENTIAL, "credentials_refused"),
    "ThrottlingException": (THROTTLE, "too_fast"),
    "TooManyRequestsException": (THROTTLE, "too_fast"),
    "UnrecognizedClientException": (CREDENTIAL, "credentials_refused"),
}
"""By the type of an error. DailyQuota, RecipientNotVerified and SenderNotVerified are told by its words."""

BY_STATUS: Final[Mapping[int, tuple[ErrorClass, str]]] = {
    401: (CREDENTIAL, "credentials_refused"),
    403: (CREDENTIAL, "access_refused"),
    404: (CREDENTIAL, "address_not_found"),
    413: (CONTENT, "letter_too_large"),
    429: (THROTTLE, "too_fast"),
}
"""By HTTP status, where the type is one we do not know."""

DAILY: Final = timedelta(hours=1)
"""How long to wait once a day's letters are used up: the quota counts the last 24 hours."""

STATES: Final[Mapping[str, MessageState]] = {
    "Send": MessageState.ACCEPTED,
    "DeliveryDelay": MessageState.ACCEPTED,
    "Delivery": MessageState.DELIVERED,
    "Bounce": MessageState.UNDELIVERABLE,
    "Complaint": MessageState.DELIVERED,
    "Subscription": MessageState.DELIVERED,
    "Reject": MessageState.REJECTED,
    "Rendering Failure": MessageState.FAILED,
}
"""By event. Opens and clicks tell nothing that is asked here."""

BOUNCES: Final[Mapping[str, tuple[MessageState, str, bool]]] = {
    "Permanent": (MessageState.UNDELIVERABLE, "unknown_recipient", True),
    "Permanent UnsubscribedRecipient": (MessageState.UNDELIVERABLE, "opted_out", True),
    "Transient": (MessageState.UNDELIVERABLE, "undeliverable", False),
    "Transient MailboxFull": (MessageState.UNDELIVERABLE, "mailbox_full", False),
    "Transient MessageTooLarge": (MessageState.REJECTED, "letter_too_large", False),
    "Transient ContentRejected": (MessageState.REJECTED, "refused_by_policy", False),
    "Transient AttachmentRejected": (MessageState.REJECTED, "refused_by_policy", False),
    "Undetermined": (MessageState.UNDELIVERABLE, "undeliverable", False),
}
"""By type and subtype of a bounce, or by its type: state, reason, whether to suppress."""
