"""What SIP answers mean: whose fault, and which word of ours."""

from collections.abc import Mapping
from typing import Final

from connectpulse.core.api import ErrorClass

from ..outcomes import BUSY, CONGESTION, DECLINED, FAILED, INVALID, NO_ANSWER, UNANSWERED

_ENDINGS: Final[Mapping[str, tuple[int, ...]]] = {
    BUSY: (486, 600),
    NO_ANSWER: (408, 480, 487),
    DECLINED: (403, 603, 607, 608),
    INVALID: (404, 410, 414, 416, 484, 485, 604),
    CONGESTION: (500, 502, 503, 504, 580),
    FAILED: (400, 405, 406, 413, 415, 420, 481, 482, 483, 488, 491, 501, 505, 513, 606),
}

ENDINGS: Final = {str(status): ending for ending, statuses in _ENDINGS.items() for status in statuses}
"""By SIP status (RFC 3261, section 21): how the call ended."""

CREDENTIAL: Final = {"401": "password_refused", "402": "payment_required", "407": "password_refused"}
"""Statuses by which a trunk says that it does not serve us at all."""

ERRORS: Final[Mapping[str, tuple[ErrorClass, str]]] = {
    status: (UNANSWERED[ending], ending) for status, ending in ENDINGS.items()
} | {status: (ErrorClass.CREDENTIAL, reason) for status, reason in CREDENTIAL.items()}


def ending(status: str) -> str:
    """Return how a call ended that was refused with `status`; an unknown one means what its hundred means."""
    return ENDINGS.get(status) or {"6": DECLINED}.get(status[:1], FAILED)
