"""What telling people owes: how long mail and notices are kept, and whose they are."""

from datetime import timedelta

from ...domain.audit import AuditAction
from ...domain.personal import Personal
from ...domain.retention import RetentionRule, SubjectHandler, Then
from ...storage import models as m
from ..part import Part
from ..subjects import by_address, by_user, handler

_MAIL = timedelta(days=30)
_NOTICES = timedelta(days=180)


def rules() -> list[RetentionRule]:
    return [
        RetentionRule(m.Mail, "id", _MAIL, Then.PURGE, "service messages", ("recipient", "subject", "content"),
                      "state <> 'waiting'", kinds={"recipient": Personal.EMAIL, "subject": Personal.ACTIVITY,
                                                   "content": Personal.ACTIVITY}),
        RetentionRule(m.Notice, "id", _NOTICES, Then.PURGE, "service messages", ("user_id",)),
        RetentionRule(m.NoticeRead, "read_at", _NOTICES, Then.PURGE, "service messages", ("user_id",)),
        RetentionRule(m.NoticeChoice, "created_at", None, Then.PURGE, "what is wanted by mail", ("user_id",)),
    ]  # fmt: skip


def handlers() -> list[SubjectHandler]:
    return [
        handler(m.Mail, by_address(m.Mail, None, "recipient"), ("recipient", "subject"), erase_row=True,
                hidden=("content",)),
        handler(m.Notice, by_user(m.Notice, "user_id"), ("user_id",), erase_row=True),
        handler(m.NoticeRead, by_user(m.NoticeRead, "user_id"), ("user_id",), erase_row=True),
        handler(m.NoticeChoice, by_user(m.NoticeChoice, "user_id"),
                ("user_id", "alarms", "updates", "news", "reminders"), erase_row=True),
    ]  # fmt: skip


_ACTIONS = (
    AuditAction("notice.announced", "{actor} announced something to everybody."),
    AuditAction("notice.left", "{object} ended mail by the link in it."),
    AuditAction("notice.chosen", "{actor} chose what to get by mail."),
)

PART = Part(actions=_ACTIONS, rules=rules, handlers=handlers)
