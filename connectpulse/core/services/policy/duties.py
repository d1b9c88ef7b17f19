"""What the policy owes: how long its records are kept, whose they are, and what is written down."""

from ...domain.audit import AuditAction
from ...domain.retention import RetentionRule, SubjectHandler, Then
from ...storage import models as m
from ..part import Part
from ..subjects import by_user, handler

_ACTIONS = (
    AuditAction("operator.updated", "{actor} changed the facts of the operator."),
    AuditAction("policy.drafted", "{actor} worked on the {object}."),
    AuditAction("policy.discarded", "{actor} threw the {object} away."),
    AuditAction("policy.published", "{actor} published the privacy policy, {object}."),
    AuditAction("policy.reminded", "Those who had not accepted the privacy policy, {object}, were reminded of it."),
    AuditAction("policy.accepted", "{actor} accepted the privacy policy {object}."),
)


def rules() -> list[RetentionRule]:
    """Return how long versions and acceptances are kept."""
    return [
        RetentionRule(m.Operator, "created_at", None, Then.PURGE, "who runs the platform"),
        RetentionRule(m.PolicyVersion, "created_at", None, Then.PURGE, "what was promised, and when"),
        RetentionRule(m.PolicyReminder, "created_at", None, Then.PURGE, "how far a reminder is"),
        RetentionRule(m.Acceptance, "accepted_at", None, Then.PURGE, "proof of acceptance",
                      ("user_id", "network_address")),
    ]  # fmt: skip


def handlers() -> list[SubjectHandler]:
    """Return who finds what a person accepted."""
    shown = ("user_id", "digest", "method", "network_address", "accepted_at")
    return [handler(m.Acceptance, by_user(m.Acceptance, "user_id"), shown, erase_row=True)]


PART = Part(actions=_ACTIONS, rules=rules, handlers=handlers)
