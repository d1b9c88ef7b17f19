"""What support owes: two years after it is closed, a request is gone, with everything that was said in it."""

from datetime import timedelta

from ...domain.audit import AuditAction
from ...domain.personal import Personal
from ...domain.retention import RetentionRule, SubjectHandler, Then
from ...storage import models as m
from ..part import Part
from ..subjects import by_address, by_user, either, handler

KEPT = timedelta(days=730)

_SAID = {"name": Personal.NAME, "subject": Personal.ACTIVITY, "body": Personal.ACTIVITY}

_ACTIONS = (
    AuditAction("support.opened", "{actor} asked for support: {object}."),
    AuditAction("support.written", "{actor} wrote again about {object}."),
    AuditAction("support.answered", "{actor} answered {object}."),
    AuditAction("support.assigned", "{actor} gave {object} to somebody."),
    AuditAction("support.closed", "{actor} closed {object}."),
)


def rules() -> list[RetentionRule]:
    """Return how long requests are kept."""
    return [
        RetentionRule(m.SupportRequest, "closed_at", KEPT, Then.PURGE, "support",
                      ("user_id", "name", "email", "subject"), "state = 'closed'", kinds=_SAID),
        RetentionRule(m.SupportMessage, "request_id", KEPT, Then.PURGE, "support",
                      ("user_id", "author_name", "email", "body"), kinds=_SAID, parent=m.SupportRequest),
    ]  # fmt: skip


def handlers() -> list[SubjectHandler]:
    """Return who finds what a person asked: by their account, or by the address they wrote from."""
    request, message = m.SupportRequest, m.SupportMessage
    return [
        handler(request, either(by_address(request, None, "email"), by_user(request, "user_id")),
                ("user_id", "name", "email", "subject"), erase_row=True),
        handler(message, either(by_address(message, None, "email"), by_user(message, "user_id")),
                ("user_id", "author_name", "email", "body"), erase_row=True),
    ]  # fmt: skip


PART = Part(actions=_ACTIONS, rules=rules, handlers=handlers)
