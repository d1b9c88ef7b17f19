"""What the API's door owes: its verbs, how long its tables are kept, and who finds a person in them."""

from datetime import timedelta

from ...domain.audit import AuditAction
from ...domain.retention import RetentionRule, SubjectHandler, Then
from ...storage import models as m
from ..part import Part
from ..subjects import by_address, handler
from .answers import KEPT_FOR

REQUEST_LOG = timedelta(days=7)
"""What the privacy policy promises."""

ACTIONS = (
    AuditAction("api_key.created", "{actor} made the API key {object}.", redact=("digest",)),
    AuditAction("api_key.updated", "{actor} changed the API key {object}.", redact=("digest",)),
    AuditAction("api_key.revoked", "{actor} revoked the API key {object}."),
    AuditAction("api_key.refused", "{actor} was refused."),
    AuditAction("audit.read_by_key", "{actor} read the action log over the API."),
)


def rules() -> list[RetentionRule]:
    return [
        RetentionRule(m.ApiKey, "created_at", None, Then.PURGE, "access control"),
        RetentionRule(m.ApiRequest, "id", REQUEST_LOG, Then.PURGE, "API request log", ("address", "agent")),
        RetentionRule(m.ApiAnswer, "created_at", KEPT_FOR, Then.PURGE, "to have the effect of a request only once"),
    ]


def handlers() -> list[SubjectHandler]:
    """A line is found by the network address it came from: that is all it knows of a person."""
    return [handler(m.ApiRequest, by_address(m.ApiRequest, None, "address"), ("address", "agent"), erase_row=True)]


PART = Part(ACTIONS, rules, handlers)
