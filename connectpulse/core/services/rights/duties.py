"""What subject rights owe: verbs, how long requests are kept, who finds a person in them, and the act of two people."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import update

from ...domain.acts import Act
from ...domain.audit import AuditAction
from ...domain.retention import RetentionRule, Subject, SubjectHandler, Then
from ...storage import models as m
from ..part import Part
from ..subjects import by_address, handler
from ..work import Work
from . import foretelling, intake, planning

PROOF = timedelta(days=1095)
"""How long it stays provable that a request was answered."""
FETCHED = timedelta(days=30)

ACTIONS = (
    AuditAction("subject_request.received", "{actor} handed in the {object}."),
    AuditAction("subject_request.code_sent", "A code was sent for the {object}."),
    AuditAction("subject_request.code_refused", "A code for the {object} was not accepted."),
    AuditAction("subject_request.verified", "{actor} verified the {object}."),
    AuditAction("subject_request.planned", "{actor} planned the {object}."),
    AuditAction("subject_request.approved", "{actor} approved the {object}."),
    AuditAction("subject_request.refused", "{actor} refused the {object}."),
    AuditAction("subject_request.withdrawn", "{actor} withdrew the {object}."),
    AuditAction("subject_request.extended", "{actor} extended the {object}."),
    AuditAction("subject_request.correction_noted", "{actor} wrote down what the {object} is to correct."),
    AuditAction("subject_request.looked_at", "{actor} looked at what the {object} is about."),
    AuditAction("subject_request.done", "{actor} carried out the {object}."),
    AuditAction("subject_request.link_made", "{actor} made a new link for the {object}."),
    AuditAction("subject_request.copied_again", "{actor} asked for another copy for the {object}."),
    AuditAction("subject_request.fetched", "{actor} fetched the copy of {object}."),
    AuditAction("subject_request.copy_expired", "The copy of {object} was not fetched in time and was deleted."),
    AuditAction("subject_request.link_refused", "{actor} tried a link that does not work: {object}."),
    AuditAction("subject_request.met_again", "{actor} brought back people who were erased; they were suppressed."),
    AuditAction("subject_request.replayed", "{actor} did the erasure {object} again on a restored database."),
)
_PERSONAL = ("address", "name", "message", "wanted", "proof")


def rules() -> list[RetentionRule]:
    return [
        RetentionRule(m.SubjectRequest, "created_at", PROOF, Then.PURGE, "requests about personal data", _PERSONAL,
                      "state IN ('done', 'refused', 'withdrawn')"),
        RetentionRule(m.SubjectPackage, "created_at", FETCHED, Then.PURGE, "requests about personal data", (),
                      "state <> 'ready'"),
        RetentionRule(m.ErasedPerson, "created_at", None, Then.PURGE,
                      "to recognise people who were erased, by keyed hashes"),
    ]  # fmt: skip


def handlers() -> list[SubjectHandler]:
    return [_requests()]


def _requests() -> SubjectHandler:
    base = handler(
        m.SubjectRequest, by_address(m.SubjectRequest, None, "address"), _PERSONAL, erase_row=False,
        beside=("kind", "received_at"),
        why="That a request was made and answered must be provable; who made it need not.",
    )  # fmt: skip

    def erase(work: Work, subject: Subject) -> int:
        if not subject.addresses:
            return 0
        theirs = by_address(m.SubjectRequest, None, "address")(subject)
        statement = update(m.SubjectRequest).where(theirs)
        if subject.organisation_id is not None:
            statement = statement.where(m.SubjectRequest.organisation_id == subject.organisation_id)
        blank: dict[str, Any] = {"address": "(erased)", "name": "", "message": "", "wanted": {}, "proof": "(erased)"}
        done: Any = work.session.execute(statement.values(blank), execution_options={"synchronize_session": False})
        return int(done.rowcount)

    return replace(base, erase=erase)


def _perform(work: Work, request_id: int, facts: Mapping[str, Any]) -> None:
    planning.perform(work, request_id, facts)


ACT = Act(
    intake.ACT, "Carry out a subject request", "Requests", _perform, planning.dismiss, "/requests/show/{id}",
    foretelling.explain,
)  # fmt: skip

PART = Part(actions=ACTIONS, rules=rules, handlers=handlers, acts=(ACT,))
