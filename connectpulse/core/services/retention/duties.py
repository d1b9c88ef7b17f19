"""What retention owes itself: its verbs, how long its own records are kept, and the act that needs two people."""

from datetime import timedelta

from ...domain.acts import Act
from ...domain.audit import AuditAction
from ...domain.retention import RetentionRule, SubjectHandler, Then
from ...storage import models as m
from ..part import Part
from ..subjects import by_address, by_contact, by_user, either, handler
from . import closing, exports, holds, leftover, lifting

_ACCOUNTABILITY = timedelta(days=730)
_ARCHIVES = timedelta(days=1825)
_EXPORTS = timedelta(days=30)
_BACKUPS = timedelta(days=400)
"""A little longer than the oldest backup is kept."""

ACTIONS = (
    AuditAction("hold.placed", "{actor} placed the {object}."),
    AuditAction("hold.lifted", "{actor} lifted the {object}."),
    AuditAction("retention.chosen", "{actor} chose how long {object} is kept."),
    AuditAction("retention.started", "{actor} started a retention run."),
    AuditAction("retention.stopped", "Retention stopped, because the clock is in doubt."),
    AuditAction("retention.confirmed", "{actor} confirmed that the clock is right."),
    AuditAction("retention.reported", "{actor} downloaded the retention report."),
    AuditAction("archive.searched", "{actor} searched the archives."),
    AuditAction("archive.exported", "{actor} asked for the {object} of the archives."),
    AuditAction("archive.fetched", "{actor} fetched the {object} of the archives."),
    AuditAction("archive.expired", "The {object} of the archives was not fetched in time and was deleted."),
    AuditAction("organisation.closed", "{actor} closed the organisation {object}."),
    AuditAction("organisation.reopened", "{actor} opened the organisation {object} again."),
    AuditAction("organisation.erased", "The records of the organisation {object} were erased."),
)

ACTS = (
    Act(holds.LIFT, "Lift a legal hold", "Holds", holds.lift, path="/holds/show/{id}", explain=lifting.explain),
    Act(
        closing.CLOSE, "Close an organisation", "Organisations", closing.close, path="/organisations/show/{id}",
        explain=leftover.explain,
    ),
)  # fmt: skip


def rules() -> list[RetentionRule]:
    """Return the rules of retention's own tables."""
    return [
        RetentionRule(m.Hold, "lifted_at", _ACCOUNTABILITY, Then.PURGE, "accountability",
                      ("value", "contact_id", "user_id", "placed_by"),
                      statute="Why records were held is proved for two years."),
        RetentionRule(m.Archive, "last_at", _ARCHIVES, Then.PURGE, "archived logs",
                      least=timedelta(days=365), most=timedelta(days=3650)),
        RetentionRule(m.ArchiveExport, "created_at", _EXPORTS, Then.PURGE, "archived logs", ("address", "asked_by"),
                      "state NOT IN ('running', 'ready')"),
        RetentionRule(m.MergedFile, "merged_at", _BACKUPS, Then.PURGE, "so that a restored backup finds its archives"),
        RetentionRule(m.RetentionRun, "started_at", _ACCOUNTABILITY, Then.PURGE, "accountability"),
        RetentionRule(m.RuleChoice, "created_at", None, Then.PURGE, "operation"),
        RetentionRule(m.RetentionClock, "seen_at", None, Then.PURGE, "operation"),
    ]  # fmt: skip


def handlers() -> list[SubjectHandler]:
    """Return who finds a person in them: a hold stays whole, it is why the rest may not go."""
    found = either(by_address(m.Hold), by_contact(m.Hold), by_user(m.Hold, "user_id"), by_user(m.Hold, "placed_by"))
    asked = either(by_address(m.ArchiveExport, None, "address"), by_user(m.ArchiveExport, "asked_by"))
    return [
        handler(m.Hold, found, ("value", "contact_id", "user_id", "placed_by"), erase_row=False, is_kept=True),
        handler(m.ArchiveExport, asked, ("address", "asked_by"), erase_row=True, beside=("table_name", "created_at")),
    ]


PART = Part(actions=ACTIONS, rules=rules, handlers=handlers, acts=ACTS, jobs=(exports.KIND,))
