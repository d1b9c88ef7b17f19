"""What backups owe: their verbs, and how long what is known of them is kept."""

from datetime import timedelta

from ...domain.audit import AuditAction
from ...domain.retention import RetentionRule, Then
from ...storage import models as m
from ..part import Part

_ACCOUNTABILITY = timedelta(days=730)


def rules() -> list[RetentionRule]:
    return [
        RetentionRule(m.Backup, "created_at", _ACCOUNTABILITY, Then.PURGE, "accountability",
                      final_only="state IN ('failed', 'gone', 'damaged')"),
        RetentionRule(m.Drill, "id", _ACCOUNTABILITY, Then.PURGE, "accountability"),
    ]  # fmt: skip


ACTIONS = (
    AuditAction("backup.asked", "{actor} asked for the backup {object}."),
    AuditAction("backup.made", "The backup {object} was made."),
    AuditAction("backup.failed", "The backup {object} failed."),
    AuditAction("backup.lost", "The backup {object} was lost or damaged."),
    AuditAction("backup.rotated", "The backup {object} had served its time and was deleted."),
    AuditAction("backup.drilled", "A drill restored the backup {object}."),
    AuditAction("backup.restored", "{actor} restored the backup {object}."),
    AuditAction("backup.base_made", "The base {object} of the database's log was made."),
    AuditAction("backup.wal_broken", "The {object} has a gap."),
    AuditAction("evidence.exported", "{actor} took the evidence of the policy."),
)

PART = Part(actions=ACTIONS, rules=rules)
