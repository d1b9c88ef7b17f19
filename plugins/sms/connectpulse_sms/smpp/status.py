"""What the command_status of a submit_sm_resp means for a message (SMPP 3.4 section 5.1.3)."""

from collections.abc import Mapping
from datetime import timedelta
from enum import IntEnum
from typing import Final

from connectpulse.core.api import ErrorClass, Outcome, Rejected, TryLater


class Status(IntEnum):
    """The values of command_status, under the names of the specification."""

    ESME_ROK = 0x00
    ESME_RINVMSGLEN = 0x01
    ESME_RINVCMDLEN = 0x02
    ESME_RINVCMDID = 0x03
    ESME_RINVBNDSTS = 0x04
    ESME_RALYBND = 0x05
    ESME_RINVPRTFLG = 0x06
    ESME_RINVREGDLVFLG = 0x07
    ESME_RSYSERR = 0x08
    ESME_RINVSRCADR = 0x0A
    ESME_RINVDSTADR = 0x0B
    ESME_RINVMSGID = 0x0C
    ESME_RBINDFAIL = 0x0D
    ESME_RINVPASWD = 0x0E
    ESME_RINVSYSID = 0x0F
    ESME_RMSGQFUL = 0x14
    ESME_RINVSERTYP = 0x15
    ESME_RINVESMCLASS = 0x43
    ESME_RSUBMITFAIL = 0x45
    ESME_RINVSRCTON = 0x48
    ESME_RINVSRCNPI = 0x49
    ESME_RINVDSTTON = 0x50
    ESME_RINVDSTNPI = 0x51
    ESME_RINVSYSTYP = 0x53
    ESME_RINVREPFLAG = 0x54
    ESME_RTHROTTLED = 0x58
    ESME_RINVSCHED = 0x61
    ESME_RINVEXPIRY = 0x62
    ESME_RINVDFTMSGID = 0x63
    ESME_RX_T_APPN = 0x64
    ESME_RX_P_APPN = 0x65
    ESME_RX_R_APPN = 0x66
    ESME_RINVOPTPARSTREAM = 0xC0
    ESME_ROPTPARNOTALLWD = 0xC1
    ESME_RINVPARLEN = 0xC2
    ESME_RMISSINGOPTPARAM = 0xC3
    ESME_RINVOPTPARAMVAL = 0xC4
    ESME_RDELIVERYFAILURE = 0xFE
    ESME_RUNKNOWNERR = 0xFF


REFUSED_BINDS: Final = frozenset(
    {Status.ESME_RBINDFAIL, Status.ESME_RINVPASWD, Status.ESME_RINVSYSID, Status.ESME_RALYBND}
)
"""Answers to a bind that only a person can change: account, password, too many sessions."""

_RECIPIENT, _CONTENT, _SENDER = ErrorClass.RECIPIENT, ErrorClass.CONTENT, ErrorClass.SENDER
_PROVIDER, _CREDENTIAL, _THROTTLE = ErrorClass.PROVIDER, ErrorClass.CREDENTIAL, ErrorClass.THROTTLE

ERRORS: Final[Mapping[int, tuple[ErrorClass, str]]] = {
    Status.ESME_RINVMSGLEN: (_PROVIDER, "malformed_submission"),
    Status.ESME_RINVCMDLEN: (_PROVIDER, "malformed_submission"),
    Status.ESME_RINVCMDID: (_PROVIDER, "command_not_supported"),
    Status.ESME_RINVBNDSTS: (_PROVIDER, "session_not_bound"),
    Status.ESME_RINVPRTFLG: (_PROVIDER, "malformed_submission"),
    Status.ESME_RINVREGDLVFLG: (_PROVIDER, "receipts_not_allowed"),
    Status.ESME_RSYSERR: (_PROVIDER, "system_error"),
    Status.ESME_RINVSRCADR: (_SENDER, "sender_not_allowed"),
    Status.ESME_RINVDSTADR: (_RECIPIENT, "invalid_recipient"),
    Status.ESME_RINVMSGID: (_PROVIDER, "malformed_submission"),
    Status.ESME_RBINDFAIL: (_CREDENTIAL, "bind_refused"),
    Status.ESME_RINVPASWD: (_CREDENTIAL, "wrong_password"),
    Status.ESME_RINVSYSID: (_CREDENTIAL, "unknown_system_id"),
    Status.ESME_RALYBND: (_CREDENTIAL, "already_bound"),
    Status.ESME_RMSGQFUL: (_THROTTLE, "queue_full"),
    Status.ESME_RINVSERTYP: (_PROVIDER, "service_type_not_allowed"),
    Status.ESME_RINVESMCLASS: (_PROVIDER, "malformed_submission"),
    Status.ESME_RSUBMITFAIL: (_PROVIDER, "submit_failed"),
    Status.ESME_RINVSRCTON: (_SENDER, "sender_not_allowed"),
    Status.ESME_RINVSRCNPI: (_SENDER, "sender_not_allowed"),
    Status.ESME_RINVDSTTON: (_RECIPIENT, "invalid_recipient"),
    Status.ESME_RINVDSTNPI: (_RECIPIENT, "invalid_recipient"),
    Status.ESME_RINVSYSTYP: (_CREDENTIAL, "system_type_not_allowed"),
    Status.ESME_RINVREPFLAG: (_PROVIDER, "malformed_submission"),
    Status.ESME_RTHROTTLED: (_THROTTLE, "throttled"),
    Status.ESME_RINVSCHED: (_PROVIDER, "malformed_submission"),
    Status.ESME_RINVEXPIRY: (_PROVIDER, "validity_not_allowed"),
    Status.ESME_RINVDFTMSGID: (_PROVIDER, "malformed_submission"),
    Status.ESME_RX_T_APPN: (_PROVIDER, "temporary_error"),
    Status.ESME_RX_P_APPN: (_CONTENT, "refused_by_provider"),
    Status.ESME_RX_R_APPN: (_CONTENT, "refused_by_provider"),
    Status.ESME_RINVOPTPARSTREAM: (_PROVIDER, "malformed_submission"),
    Status.ESME_ROPTPARNOTALLWD: (_PROVIDER, "malformed_submission"),
    Status.ESME_RINVPARLEN: (_PROVIDER, "malformed_submission"),
    Status.ESME_RMISSINGOPTPARAM: (_PROVIDER, "malformed_submission"),
    Status.ESME_RINVOPTPARAMVAL: (_PROVIDER, "malformed_submission"),
    Status.ESME_RDELIVERYFAILURE: (_RECIPIENT, "delivery_failed"),
    Status.ESME_RUNKNOWNERR: (_PROVIDER, "unknown_error"),
}

_PAUSES: Final[Mapping[int, float]] = {
    Status.ESME_RINVBNDSTS: 0,
    Status.ESME_RTHROTTLED: 1,
    Status.ESME_RMSGQFUL: 5,
    Status.ESME_RSYSERR: 10,
    Status.ESME_RX_T_APPN: 10,
    Status.ESME_RSUBMITFAIL: 30,
}
"""Seconds to wait before another attempt; a status that is not here is final."""


def code(status: int) -> str:
    """Return a command_status as it is stored beside a message, like 0x58."""
    return f"0x{status:02X}"


def _outcome(status: int) -> Outcome:
    fallback = (_PROVIDER, "vendor_error" if 0x400 <= status <= 0x4FF else "unrecognised_error")
    error, reason = ERRORS.get(status, fallback)
    if status in _PAUSES:
        return TryLater(timedelta(seconds=_PAUSES[status]), error, reason, code(status))
    return Rejected(reason, error, code(status))


_OUTCOMES: Final = {status: _outcome(status) for status in ERRORS}


def outcome(status: int) -> Outcome:
    """Return what a refusing status means: Rejected for good, or TryLater.

    A status of the vendor's own range (0x400 to 0x4FF), or of none, is a refusal by the provider: it
    counts against the connection, since nobody can say that the message was at fault.
    """
    return _OUTCOMES.get(status) or _outcome(status)


def name(status: int) -> str:
    """Return the specification's name of a status, or its number."""
    return Status(status).name if status in Status.__members__.values() else code(status)
