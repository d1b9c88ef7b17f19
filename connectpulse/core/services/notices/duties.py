"""What telling people owes: how long mail and notices are kept, and whose they are."""

from datetime import timedelta

from ...domain.retention import RetentionRule, SubjectHandler, Then
from ...storage import models as m
from ..part import Part
from ..subjects import by_address, by_user, handler

_MAIL = timedelta(days=30)
_NOTICES = timedelta(days=180)


def rules() -> list[RetentionRule]:
    return [
        RetentionRule(m.Mail, "id", _MAIL, Then.PURGE, "service messages", ("recipient", "subject", "content"),
                      "state <> 'waiting'"),
        RetentionRule(m.Notice, "id", _NOTICES, Then.PURGE, "service messages", ("user_id",)),
        RetentionRule(m.NoticeRead, "read_at", _NOTICES, Then.PURGE, "service messages", ("user_id",)),
    ]  # fmt: skip


def handlers() -> list[SubjectHandler]:
    return [
        handler(m.Mail, by_address(m.Mail, None, "recipient"), ("recipient", "subject"), erase_row=True,
                hidden=("content",)),
        handler(m.Notice, by_user(m.Notice, "user_id"), ("user_id",), erase_row=True),
        handler(m.NoticeRead, by_user(m.NoticeRead, "user_id"), ("user_id",), erase_row=True),
    ]  # fmt: skip


PART = Part(actions=(), rules=rules, handlers=handlers)
