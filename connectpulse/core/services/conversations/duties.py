"""What conversations owe: they go with the message log, and with the person they are about."""

from datetime import timedelta

from ...domain.audit import AuditAction
from ...domain.personal import Personal
from ...domain.retention import RetentionRule, SubjectHandler, Then
from ...storage import models as m
from ..part import Part
from ..subjects import by_address, by_contact, either, handler

KEPT, LEAST, MOST = timedelta(days=90), timedelta(days=30), timedelta(days=365)

_ACTIONS = (
    AuditAction("thread.listed", "{actor} looked at the inbox."),
    AuditAction("thread.read", "{actor} read a conversation."),
    AuditAction("thread.begun", "{actor} began a conversation with a contact."),
    AuditAction("thread.seen", "{actor} marked a conversation as read."),
    AuditAction("thread.answered", "{actor} answered in a conversation."),
    AuditAction("thread.template_sent", "{actor} sent a template in a conversation."),
    AuditAction("thread.assigned", "{actor} gave a conversation to somebody, or to nobody."),
    AuditAction("thread.done", "{actor} marked a conversation as done."),
    AuditAction("thread.reopened", "{actor} took a conversation up again."),
    AuditAction("canned_answer.created", "{actor} kept the canned answer {object}."),
    AuditAction("canned_answer.updated", "{actor} changed the canned answer {object}."),
    AuditAction("canned_answer.deleted", "{actor} deleted the canned answer {object}."),
)


def rules() -> list[RetentionRule]:
    """Return how long conversations and canned answers are kept."""
    return [
        RetentionRule(m.Thread, "last_id", KEPT, Then.PURGE, "message log", ("address",), least=LEAST, most=MOST,
                      kinds={"address": Personal.MESSAGE_LOG}),
        RetentionRule(m.CannedAnswer, "created_at", None, Then.PURGE, "content of the organisation"),
    ]  # fmt: skip


def handlers() -> list[SubjectHandler]:
    """Return who finds the conversation with a person: by their address, or as the contact."""
    thread = m.Thread
    return [
        handler(thread, either(by_address(thread, "scheme", "address"), by_contact(thread)), ("address",),
                erase_row=True, beside=("scheme", "state", "created_at"))
    ]  # fmt: skip


PART = Part(actions=_ACTIONS, rules=rules, handlers=handlers)
