"""What a bounce means that a vendor tells of: the recipient's server said why, in the codes of SMTP."""

import re
from typing import Final, NamedTuple

from connectpulse.core.api import ErrorClass, MessageState

from ..smtp import codes

_STATUS: Final = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_PASSING: Final = frozenset({"mailbox_full", "mailbox_busy", "put_off", "host_silent"})
_OURS: Final = (ErrorClass.CONTENT, ErrorClass.SENDER, ErrorClass.CREDENTIAL)


class Meaning(NamedTuple):
    """What an event means for a letter, and whether its recipient is to be suppressed."""

    state: MessageState
    code: str = ""
    reason: str = ""
    is_stopped: bool = False


def bounced(status: str, code: int = 0, *, is_hard: bool = False) -> Meaning:
    """Return what a letter's last refusal means, by its enhanced status, or without one by its plain code.

    `is_hard` says that the vendor gave the address up. A letter that was refused by policy, or for want of a good
    signature, says nothing against the address, whatever the vendor makes of it; neither does a full mailbox.
    """
    known = status if _STATUS.fullmatch(status) else ""
    found = codes.find(known, code if 400 <= code < 600 else 500)
    if found.error in _OURS:
        is_login = found.error is ErrorClass.CREDENTIAL  # a server's word for any policy, and not about us
        return Meaning(MessageState.REJECTED, found.code, "refused_by_policy" if is_login else found.reason)
    is_stopped = found.code in codes.HARD or (is_hard and found.reason not in _PASSING)
    return Meaning(MessageState.UNDELIVERABLE, found.code, found.reason, is_stopped)
