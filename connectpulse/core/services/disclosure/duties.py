"""What the disclosure register owes: agreements stay as long as somebody may ask on what ground data was given away."""

from ...domain.audit import AuditAction
from ...domain.personal import Personal
from ...domain.retention import RetentionRule, SubjectHandler, Then
from ...storage import models as m
from ..part import Part
from ..subjects import by_address, handler

_ACTIONS = (
    AuditAction("agreement.recorded", "{actor} recorded the agreement {object}.", redact=("contact", "email")),
    AuditAction("agreement.changed", "{actor} corrected the agreement {object}.", redact=("contact", "email")),
)


def rules() -> list[RetentionRule]:
    """Return how long agreements are kept."""
    return [
        RetentionRule(m.Agreement, "created_at", None, Then.PURGE, "on what ground data was disclosed",
                      ("contact", "email"), kinds={"contact": Personal.NAME}),
    ]  # fmt: skip


def handlers() -> list[SubjectHandler]:
    """Return who finds a provider's contact person."""
    return [
        handler(m.Agreement, by_address(m.Agreement, None, "email"), ("contact", "email"), erase_row=False,
                rectifiable=("contact", "email")),
    ]  # fmt: skip


PART = Part(actions=_ACTIONS, rules=rules, handlers=handlers)
