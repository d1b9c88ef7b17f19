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
    AuditAction("consent.listed", "{actor} looked through consents."),
    AuditAction("suppression.listed", "{actor} looked through suppressed addresses."),
    AuditAction("message.read", "{actor} looked at a message."),
    AuditAction("message.listed", "{actor} looked through messages."),
    AuditAction("reply.read", "{actor} looked at a reply."),
    AuditAction("reply.listed", "{actor} looked through replies."),
    AuditAction("member.listed", "{actor} looked at members."),
    AuditAction("stray.listed", "{actor} looked through stray messages."),
    AuditAction("stray.read", "{actor} looked at a stray message."),
    AuditAction("account.listed", "{actor} looked through accounts."),
    AuditAction("account.read", "{actor} looked at an account."),
    AuditAction("sign_in.listed", "{actor} looked through sign-ins."),
    AuditAction("support.listed", "{actor} looked through requests for support."),
    AuditAction("support.read", "{actor} looked at a request for support."),
    AuditAction("subject_request.listed", "{actor} looked through requests about personal data."),
    AuditAction("subject_request.read", "{actor} looked at a request about personal data."),
    AuditAction("hold.listed", "{actor} looked through legal holds."),
    AuditAction("hold.read", "{actor} looked at a legal hold."),
    AuditAction("api_request.listed", "{actor} looked through requests to the API."),
    AuditAction("api_request.read", "{actor} looked at a request to the API."),
    AuditAction("agreement.read", "{actor} looked at agreements and whom they name."),
    AuditAction("import.faults_read", "{actor} looked at rows that an import left out."),
    AuditAction("audit.listed", "{actor} looked through the action log."),
    AuditAction("audit.read", "{actor} looked at an entry of the action log."),
    AuditAction("decision.listed", "{actor} looked through what needs a second person's word."),
    AuditAction("decision.read", "{actor} looked at what needs a second person's word."),
    AuditAction("audit.search_kept", "{actor} kept the search {object}."),
    AuditAction("audit.search_dropped", "{actor} dropped the search {object}."),
)


def rules() -> list[RetentionRule]:
    return [
        RetentionRule(m.AuditHead, "last_id", None, Then.PURGE, "accountability, for as long as the log lasts",
                      statute="A chain is proved for as long as the log lasts."),
        RetentionRule(m.AuditCheck, "started_at", None, Then.PURGE, "accountability, for as long as the log lasts",
                      statute="A chain is proved for as long as the log lasts."),
        RetentionRule(m.AuditDraft, "created_at", None, Then.PURGE, "accountability, until it lies in the ledger"),
        RetentionRule(m.AuditSearch, "created_at", None, Then.PURGE, "account, for as long as it lasts", ("user_id",)),
    ]  # fmt: skip


def handlers() -> list[SubjectHandler]:
    return [handler(m.AuditSearch, by_user(m.AuditSearch, "user_id"), ("user_id", "name"), erase_row=True)]


PART = Part(actions=ACTIONS, rules=rules, handlers=handlers, jobs=(checking.KIND,))
