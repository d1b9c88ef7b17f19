"""What the chains of the action log owe: their verbs, how long they are kept, and whose searches are whose."""

from ...domain.audit import AuditAction
from ...domain.chain import ERASED_VERB
from ...domain.retention import RetentionRule, SubjectHandler, Then
from ...storage import models as m
from ..part import Part
from ..subjects import by_user, handler
from . import checking

ACTIONS = (
    AuditAction(ERASED_VERB, "{actor} forgot a person in the action log."),
    AuditAction("audit.checkpointed", "{actor} signed a checkpoint of the action log."),
    AuditAction("audit.broken", "{actor} found that the action log does not hold."),
    AuditAction("audit.check_asked", "{actor} let the action log be verified."),
    AuditAction("audit.verified", "{actor} verified the action log."),
    AuditAction("audit.exported", "{actor} exported the action log."),
    AuditAction("access.denied", "{actor} was denied a page."),
    AuditAction("act.refused", "{actor} asked for something that was refused."),
    AuditAction("callback.forged", "{actor} sent what should look like a provider's callback."),
    AuditAction("contact.read", "{actor} looked at a contact."),
    AuditAction("contact.listed", "{actor} looked through contacts."),
    AuditAction("suppression.listed", "{actor} looked through suppressed addresses."),
    AuditAction("message.read", "{actor} looked at a message."),
    AuditAction("message.listed", "{actor} looked through messages."),
    AuditAction("reply.read", "{actor} looked at a reply."),
    AuditAction("reply.listed", "{actor} looked through replies."),
    AuditAction("member.listed", "{actor} looked at members."),
    AuditAction("import.faults_read", "{actor} looked at rows that an import left out."),
    AuditAction("audit.search_kept", "{actor} kept the search {object}."),
    AuditAction("audit.search_dropped", "{actor} dropped the search {object}."),
)


def rules() -> list[RetentionRule]:
    return [
        RetentionRule(m.AuditHead, "last_id", None, Then.PURGE, "accountability, for as long as the log lasts"),
        RetentionRule(m.AuditCheck, "started_at", None, Then.PURGE, "accountability, for as long as the log lasts"),
        RetentionRule(m.AuditSearch, "created_at", None, Then.PURGE, "account, for as long as it lasts", ("user_id",)),
    ]


def handlers() -> list[SubjectHandler]:
    return [handler(m.AuditSearch, by_user(m.AuditSearch, "user_id"), ("user_id", "name"), erase_row=True)]


PART = Part(actions=ACTIONS, rules=rules, handlers=handlers, jobs={checking.JOB: checking.KIND})
