"""What watching for inflated traffic owes: its verb, and how long what is usual is remembered."""

from datetime import timedelta

from ...domain.audit import AuditAction
from ...domain.retention import RetentionRule, Then
from ...storage import models as m
from ..part import Part

_REMEMBERED = timedelta(days=35)


def rules() -> list[RetentionRule]:
    return [RetentionRule(m.RangePeak, "seen_at", _REMEMBERED, Then.PURGE, "what traffic is usual")]


_ACTIONS = (
    AuditAction("traffic.inflated", "Far more messages than usual went to numbers beginning with {object}."),
    AuditAction("traffic.stopped", "Messages to numbers beginning with {object} were stopped at the limit."),
)

PART = Part(actions=_ACTIONS, rules=rules)
