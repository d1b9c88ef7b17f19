"""What a mail server's refusal means: enhanced codes (RFC 3463 and its registry) and plain ones, as tables."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, NamedTuple

from connectpulse.core.api import ErrorClass, Outcome, Rejected, TryLater

from .reply import Reply
from .session import DATA, END, MAIL, Answer

R, C, S, L, T, P = (
    ErrorClass.RECIPIENT, ErrorClass.CONTENT, ErrorClass.SENDER, ErrorClass.CREDENTIAL, ErrorClass.THROTTLE,
    ErrorClass.PROVIDER,
)  # fmt: skip

ERRORS: Final[Mapping[str, tuple[ErrorClass, str]]] = {
    "5.1.0": (R, "address_refused"),
    "5.1.1": (R, "unknown_recipient"),
    "5.1.2": (R, "unknown_domain"),
    "5.1.3": (R, "invalid_recipient"),
    "5.1.6": (R, "recipient_moved"),
    "5.1.7": (S, "invalid_sender"),
    "5.1.8": (S, "sender_domain_unknown"),
    "5.1.10": (R, "domain_takes_no_mail"),
    "5.2.1": (R, "mailbox_disabled"),
    "5.2.2": (R, "mailbox_full"),
    "5.2.3": (C, "letter_too_large"),
    "5.3.4": (C, "letter_too_large"),
    "5.4.6": (R, "mail_loop"),
    "5.5.3": (P, "too_many_recipients"),
    "5.6.0": (C, "letter_malformed"),
    "5.7.0": (L, "login_required"),
    "5.7.1": (C, "refused_by_policy"),
    "5.7.3": (L, "login_required"),
    "5.7.8": (L, "login_refused"),
    "5.7.9": (S, "sender_not_authenticated"),
    "5.7.20": (S, "sender_not_authenticated"),
    "5.7.21": (S, "sender_not_authenticated"),
    "5.7.22": (S, "sender_not_authenticated"),
    "5.7.23": (S, "sender_not_authenticated"),
    "5.7.25": (S, "our_address_has_no_name"),
    "5.7.26": (S, "sender_not_authenticated"),
    "5.7.27": (S, "sender_domain_unknown"),
    "5.7.509": (S, "sender_not_authenticated"),
    "5.7.515": (S, "sender_not_authenticated"),
    "530": (L, "login_required"),
    "535": (L, "login_refused"),
    "538": (L, "login_required"),
    "552": (C, "letter_too_large"),
    "554": (C, "refused_by_policy"),
    "550": (R, "refused_for_recipient"),
    "551": (R, "recipient_moved"),
    "553": (R, "invalid_recipient"),
    "4.2.1": (R, "mailbox_busy"),
    "4.2.2": (R, "mailbox_full"),
    "4.3.1": (P, "server_full"),
    "4.3.2": (P, "server_busy"),
    "4.4.1": (R, "host_silent"),
    "4.4.5": (P, "server_busy"),
    "4.7.0": (R, "put_off"),
    "4.7.1": (R, "put_off"),
    "421": (P, "server_leaves"),
    "452": (P, "server_full"),
}
"""By enhanced code, or by the plain one where there is none; more of both are read by their class."""

HARD: Final = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
"""The address takes no mail, now and for ever."""
SOFT: Final = frozenset({"mailbox_full", "mailbox_busy", "refused_for_recipient", "undeliverable"})
"""Reasons of which several in a month say that nobody reads mail at an address."""

FIRST_WAIT: Final = timedelta(minutes=5)
LONGEST_WAIT: Final = timedelta(hours=4)


class Finding(NamedTuple):
    """Whose fault a refusal is, our reason and the code that says so."""

    error: ErrorClass
    reason: str
    code: str


def find(status: str, code: int) -> Finding:
    """Return what an enhanced code, or without one a plain code, means."""
    for word in (status, str(code)):
        if word in ERRORS:
            return Finding(*ERRORS[word], status or str(code))
    word = status or f"{code // 100}.0.0"
    if word.startswith("4.7."):
        return Finding(R, "put_off", word)
    if word.startswith("5.7."):
        return Finding(C, "refused_by_policy", word)
    if word.startswith("5.6."):
        return Finding(C, "letter_malformed", word)
    return Finding(R, "undeliverable" if word.startswith("5") else "put_off", status or str(code))


def outcome(answer: Answer, attempt: int) -> Outcome:
    """Return what a refusal at one step of handing a letter over means for it."""
    reply = answer.reply
    found = find(reply.status, reply.code)
    if reply.code < 500:
        return TryLater(_after(answer.step, found, attempt), _later_class(answer.step, found), found.reason, found.code)
    if answer.step == MAIL and found.error in (R, C) and found.reason != "letter_too_large":
        return Rejected("sender_refused", S, found.code)
    if answer.step in (DATA, END) and found.error is R and found.code not in HARD:
        return Rejected("refused_by_policy" if found.reason == "undeliverable" else found.reason, C, found.code)
    return Rejected(found.reason, found.error, found.code, suppress=found.code in HARD)


def _later_class(step: str, found: Finding) -> ErrorClass:
    """Before a recipient is named, it is the server that asks for patience."""
    if step == MAIL:
        return T if found.error is not P else P
    return found.error


def _after(step: str, found: Finding, attempt: int) -> timedelta:
    if step == MAIL or found.error is P:
        return timedelta(seconds=30)
    return min(FIRST_WAIT * (1 << 2 * min(attempt - 1, 8)), LONGEST_WAIT)


def rests(reply: Reply) -> bool:
    """Return whether a whole domain should be left alone for a while."""
    return reply.code == 421 or reply.status.startswith("4.7.")
