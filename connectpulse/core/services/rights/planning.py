"""What carrying a request out would do, table by table, before anybody agrees to it.

A plan holds counts and digests, never values; the page that shows it looks the samples up again. Two plans are
the same only if every row they speak of is the same, so what a second person approves is exactly what is done.
"""

import hmac
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from ...domain.retention import Subject, SubjectHandler
from ...domain.rights import ERASED, KEPT, Kind, State
from ...errors import Refused
from ...storage import guard
from ...storage.models import SubjectRequest
from ...storage.trust import canonical, trust
from .. import audit, four_eyes
from ..work import SYSTEM, Opener, Work
from . import certificate, correcting, finding, holding, intake, objecting, telling

SAMPLES = 3
ARCHIVES = "archives"
"""What a plan calls all archives together, among its tables."""


@dataclass(frozen=True, slots=True)
class Line:
    """One table of a plan: how many rows hold the person, what is done with them and why."""

    table: str
    title: str
    rows: int
    deed: str
    why: str
    digest: str
    samples: tuple[Mapping[str, Any], ...] = ()

    @property
    def facts(self) -> dict[str, Any]:
        """What is kept of it: nothing that tells who the person is."""
        return {"table": self.table, "title": self.title, "rows": self.rows, "deed": self.deed, "why": self.why}


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that would be done. `notes` are sentences the second person must read."""

    subject: Subject
    lines: tuple[Line, ...]
    notes: tuple[str, ...]
    digest: str


def scope(work: Work, request: SubjectRequest) -> AbstractContextManager[Any]:
    """Lift the guard for a request to the platform, on the record; an organisation's stays within it."""
    if request.organisation_id is not None:
        return nullcontext()
    return audit.crossing(work, f"subject request {request.id}")  # type: ignore[no-any-return]


def archived(open_work: Opener, request_id: int) -> int:
    """Return how many rows of a request's person lie in archives; the caller holds no session meanwhile.

    Cost: every archive of the organisation is read; for a request to the platform, every archive.
    """
    with open_work(SYSTEM) as work, guard.platform_scope(work.session, "look for a person in archives"):
        request = work.session.get(SubjectRequest, request_id)
        if request is None:
            return 0
        person = finding.find(work, [(request.scheme, request.address)], request.organisation_id).subject
    return holding.archived(open_work, person)


def build(work: Work, request: SubjectRequest, in_archives: int) -> Plan:
    """Return what would be done now, with what `archived` counted. Cost: one indexed search per table."""
    with scope(work, request):
        found = finding.find(work, [(request.scheme, request.address)], request.organisation_id)
        holds = holding.standing(work, found.subject)
        lines = (*_lines(work, request, found.subject, holds), *_archived(request, in_archives, holds))
    notes = [found.left_out] if found.left_out else []
    notes += [f"A legal hold keeps rows: {each}" for each in holds]
    notes += correcting.notes(request) if request.kind == Kind.CORRECTION else []
    said = {
        "kind": request.kind,
        "wanted": request.wanted,
        "lines": [[each.table, each.rows, each.deed, each.digest] for each in lines],
        "notes": notes,
        "subject": [list(map(list, found.subject.addresses)), list(found.subject.contact_ids), found.subject.user_id],
    }
    digest = hmac.new(trust.key("subject plans"), canonical(said), "sha256").hexdigest()
    return Plan(found.subject, lines, tuple(notes), digest)


def _lines(work: Work, request: SubjectRequest, subject: Subject, holds: list[str]) -> Iterator[Line]:
    kind, classes = Kind(request.kind), holding.kept(work, subject)
    for table, each in sorted(work.registry.subjects.items()):
        if table == SubjectRequest.__tablename__ and kind is not Kind.ACCESS:
            continue
        rows = [dict(row) for row in each.export(work, subject)]
        if not rows:
            continue
        deed, why = _deed(request, each, holds, classes)
        secret = trust.key("subject plans")
        lines = sorted(hmac.new(secret, canonical(audit.plain(row)), "sha256").hexdigest() for row in rows)
        digest = hmac.new(secret, "".join(lines).encode(), "sha256").hexdigest()
        yield Line(table, title(work, table), len(rows), deed, why, digest, tuple(rows[:SAMPLES]))


def _archived(request: SubjectRequest, count: int, holds: list[str]) -> Iterator[Line]:
    if count:
        deed = {Kind.ACCESS: "copied", Kind.DELETION: KEPT if holds else ERASED}.get(Kind(request.kind), "left")
        yield Line(ARCHIVES, "Archives", count, deed, "Rows whose time in the database is over.", str(count))


def title(work: Work, table: str) -> str:
    """Return what people call the records of a table, as on every other page."""
    rule = work.registry.rules.get(table)
    return rule.called if rule is not None else table.partition("_")[2].replace("_", " ").capitalize()


def _deed(
    request: SubjectRequest, each: SubjectHandler, holds: list[str], classes: Mapping[str, str]
) -> tuple[str, str]:
    kind = Kind(request.kind)
    if kind is Kind.ACCESS:
        return "copied", "It is in the copy the person gets."
    if kind is Kind.CORRECTION:
        changed = correcting.columns(request, each.model.__tablename__)
        return ("changed", ", ".join(changed)) if changed else ("left", "Nothing in it is to be corrected.")
    if kind is Kind.DELETION:
        if holds:
            return KEPT, "A legal hold stands: " + "; ".join(holds)
        if each.model.__tablename__ in classes:
            return KEPT, f"These records are held: {classes[each.model.__tablename__]}."
        return each.fate, each.why
    return objecting.deed(kind, each)


def plan(work: Work, request_id: int, in_archives: int, reason: str = "", *, is_urgent: bool = False) -> SubjectRequest:
    """Plan a verified request, or plan it again, and ask a second person; what one person may do is done at once.

    `in_archives` is what `archived` counted before this work was opened.
    """
    request = intake.find(work, request_id, lock=True)
    if request.state not in (State.VERIFIED, State.PLANNED):
        raise Refused("Only a verified request can be planned.")
    made = build(work, request, in_archives)
    _check(request, made)
    request.plan, request.digest = [each.facts for each in made.lines], made.digest
    request.is_urgent, request.planned_at, request.state = is_urgent, work.clock(), State.PLANNED
    intake.drop_decision(work, request, "It was planned again.")
    intake.record(work, "subject_request.planned", request, digest=made.digest, tables=len(made.lines))
    if not Kind(request.kind).needs_two:
        perform(work, request.id, {"digest": made.digest})
        return request
    title = f"Carry out {request.kind} request {request.id}"
    four_eyes.ask(work, intake.ACT, request.id, title, reason or "The person asked for it.", digest=made.digest)
    telling.notice(
        work, request, "waiting", f"Approve: {title}", "Another person planned it; look at the plan and decide."
    )
    return request


def _check(request: SubjectRequest, made: Plan) -> None:
    if request.kind == Kind.CORRECTION:
        correcting.check(request)
    if request.kind == Kind.DELETION and made.lines and all(each.deed == KEPT for each in made.lines):
        raise Refused("Everything about this person must be kept. Refuse the request and say why.")


def planned_archives(request: SubjectRequest) -> int:
    """Return how many rows in archives the plan of a request counted."""
    return sum(each["rows"] for each in request.plan if each["table"] == ARCHIVES)


def perform(work: Work, request_id: int, facts: Mapping[str, Any]) -> None:
    """Do what was approved, in the approval's transaction; what reaches beyond the database is done by workers.

    What lies in archives is taken as it was planned: rows come there from tables only, whose plan would differ.
    """
    request = intake.find(home(work, request_id), request_id, lock=True)
    if request.state != State.PLANNED:
        raise Refused("This request is not waiting for approval.")
    made = build(work, request, planned_archives(request))
    if made.digest != facts.get("digest") or made.digest != request.digest:
        raise Refused(
            "What is held about this person has changed since. Plan it again, then approve what is there now."
        )
    request.state = State.APPROVED
    intake.record(work, "subject_request.approved", request, digest=made.digest)
    kind = Kind(request.kind)
    with scope(work, request):
        if kind is Kind.CORRECTION:
            correcting.apply(work, request, made.subject)
        elif kind in (Kind.OBJECTION, Kind.RESTRICTION):
            objecting.apply(work, request, made.subject)
    telling.settled(work, request)
    request.stage = "begun"
    if kind not in (Kind.ACCESS, Kind.DELETION):
        certificate.finish(work, request)
        telling.progress(work, request)
    if kind is Kind.DELETION:
        telling.progress(work, request, "This is the last mail you get from us: your address is erased with the rest.")


def home(work: Work, request_id: int) -> Work:
    """Return the work a decision on a request is made in: the platform's, where the request is the platform's."""
    row = work.session.get(SubjectRequest, request_id)
    if row is not None and row.organisation_id != work.organisation:
        return Work(work.session, work.registry, work.clock, work.actor, row.organisation_id, work.wakes)
    return work


def dismiss(work: Work, request_id: int, why: str) -> None:
    """Let a request be planned anew after a second person said no."""
    request = intake.find(home(work, request_id), request_id, lock=True)
    if request.state == State.PLANNED:
        request.state, request.digest = State.VERIFIED, ""
        telling.settled(work, request)
        telling.notice(work, request, f"again-{work.clock():%Y%m%d%H%M%S}", f"Not approved: {request!r}", why)
