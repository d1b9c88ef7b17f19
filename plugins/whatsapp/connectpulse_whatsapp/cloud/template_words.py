"""What Meta tells about templates: approved, refused, paused, and what it bills them as."""

from collections.abc import Mapping
from typing import Any, Final

from connectpulse.core.api import Approval, TemplateWord

from .reading import part

APPROVALS: Final[Mapping[str, Approval]] = {
    "APPROVED": Approval.APPROVED,
    "REINSTATED": Approval.APPROVED,
    "UNARCHIVED": Approval.APPROVED,
    "FLAGGED": Approval.APPROVED,
    "PENDING": Approval.PENDING,
    "IN_APPEAL": Approval.REJECTED,
    "REJECTED": Approval.REJECTED,
    "PAUSED": Approval.REJECTED,
    "DISABLED": Approval.REJECTED,
    "LOCKED": Approval.REJECTED,
    "LIMIT_EXCEEDED": Approval.REJECTED,
    "ARCHIVED": Approval.REJECTED,
    "PENDING_DELETION": Approval.REJECTED,
    "DELETED": Approval.REJECTED,
}
"""By the `event` of a webhook and the `status` of a template."""

_SENTENCES: Final[Mapping[str, str]] = {
    "FLAGGED": "WhatsApp warns: people complain about it, and it may be paused.",
    "PAUSED": "WhatsApp has paused it because people complain about it.",
    "DISABLED": "WhatsApp has disabled it.",
    "LOCKED": "WhatsApp has locked it.",
    "LIMIT_EXCEEDED": "The account has as many templates as WhatsApp allows.",
    "IN_APPEAL": "WhatsApp is looking at it again.",
    "ARCHIVED": "WhatsApp has archived it because it was not used; it is deleted after 28 days.",
    "PENDING_DELETION": "It is being deleted at WhatsApp.",
    "DELETED": "It was deleted at WhatsApp.",
}

_QUALITIES: Final[Mapping[str, str]] = {
    "GREEN": "WhatsApp rates its quality high.",
    "YELLOW": "WhatsApp rates its quality medium.",
    "RED": "WhatsApp rates its quality low: people complain about it, and it may be paused.",
}


def status(value: Mapping[str, Any]) -> list[TemplateWord]:
    """Return the word of a message_template_status_update."""
    event = str(value.get("event") or "").upper()
    reference, approval = reference_of(value), APPROVALS.get(event)
    if not reference or approval is None:
        return []
    return [TemplateWord(reference, approval, _reason(event, value), _category(value.get("message_template_category")))]


def word(template: Mapping[str, Any]) -> TemplateWord | None:
    """Return the word in a template as the API lists it, or answers a submission; None where it holds none."""
    status, reference = str(template.get("status") or "").upper(), str(template.get("id") or "")
    approval = APPROVALS.get(status)
    if approval is None or not reference:
        return None
    reason = _reason(status, {"reason": template.get("rejected_reason")})
    return TemplateWord(reference, approval, reason, _category(template.get("category")))


def category(value: Mapping[str, Any]) -> list[TemplateWord]:
    """Return the word of a template_category_update; one that only foretells (`correct_category`) changes nothing."""
    reference, new = reference_of(value), _category(value.get("new_category"))
    is_now = "correct_category" not in value
    return [TemplateWord(reference, None, category=new)] if reference and new and is_now else []


def quality(value: Mapping[str, Any]) -> list[TemplateWord]:
    """Return the word of a message_template_quality_update: it stands beside an approval, and takes none away."""
    reference, sentence = reference_of(value), _QUALITIES.get(str(value.get("new_quality_score") or "").upper())
    return [TemplateWord(reference, None, sentence)] if reference and sentence else []


def reference_of(value: Mapping[str, Any]) -> str:
    """Return Meta's id of the template a change is about."""
    return str(value.get("message_template_id") or "")


def _reason(event: str, value: Mapping[str, Any]) -> str:
    given = str(value.get("reason") or "")
    details = (
        _SENTENCES.get(event, ""),
        "" if given in ("", "NONE") else given.replace("_", " ").capitalize() + ".",
        str(part(value, "rejection_info").get("reason") or ""),
        str(part(value, "other_info").get("description") or ""),
    )
    return " ".join(detail for detail in details if detail)[:300]


def _category(given: Any) -> str:
    return str(given or "").lower()
