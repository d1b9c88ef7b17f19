"""Carrying out what was approved, stage by stage: each is written down, may run twice, and resumes after a kill.

Stores are written to and tables are written anew between the transactions, never within them. Deletion goes
begun → stopped → listed → emptied → erased → scrubbed → done; a copy goes begun → done.
"""

from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import select, text, update

from ...domain.rights import Kind, State
from ...errors import PulseError
from ...storage import guard
from ...storage.models import Mail, SubjectRequest
from ...storage.stores import places
from .. import erased
from ..notices import board, mail
from ..work import SYSTEM, Opener, Work
from . import carried, certificate, copying, erasing, erasures, finding, handing, holding, intake, scrubbing, telling

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=15)
AGAIN = timedelta(seconds=20)
MAIL_WAITS = timedelta(hours=1)
"""How long the last mail to a person may take before their address is erased without it."""


def run_due(open_work: Opener, most: int = 5) -> int:
    """Carry out requests whose turn it is; return how many were ended."""
    ended = 0
    for _ in range(most):
        with open_work(SYSTEM) as work:
            request_id = _claim(work)
        if request_id is None:
            break
        ended += _carry(open_work, request_id)
    return ended


def _claim(work: Work) -> int | None:
    row = work.session.execute(
        text(
            "UPDATE pulse_subject_request SET lease_until = now() + :lease WHERE id = ("
            "SELECT id FROM pulse_subject_request WHERE state = 'approved' AND (lease_until IS NULL OR "
            "lease_until < now()) ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id"
        ),
        {"lease": LEASE},
    ).one_or_none()
    return row[0] if row is not None else None


def _carry(open_work: Opener, request_id: int) -> bool:
    """Do the stages of one request until it ends or has to wait; return whether it ended."""
    try:
        while True:
            with open_work(SYSTEM) as work:
                request = work.session.get_one(SubjectRequest, request_id)
                kind, stage, state = request.kind, request.stage, request.state
            if state != State.APPROVED:
                return state == State.DONE
            step = _STAGES[Kind(kind), stage]
            if not step(open_work, request_id):
                _rest(open_work, request_id, AGAIN)
                return False
    except (PulseError, OSError) as error:
        log.warning("request_not_carried_out", request=request_id, error=type(error).__name__)
        _rest(open_work, request_id, timedelta(minutes=5))
        with open_work(SYSTEM) as work:
            request = work.session.get_one(SubjectRequest, request_id)
            telling.notice(
                work, request, "stuck", f"{request!r} cannot be carried out yet", str(error)[:500], board.ALARM
            )
        return False


def _rest(open_work: Opener, request_id: int, wait: timedelta) -> None:
    with open_work(SYSTEM) as work:
        work.session.execute(
            text("UPDATE pulse_subject_request SET lease_until = now() + :wait WHERE id = :id AND state = 'approved'"),
            {"wait": wait, "id": request_id},
        )


def _home(open_work: Opener, request_id: int) -> int | None:
    with open_work(SYSTEM) as work:
        return work.session.get_one(SubjectRequest, request_id).organisation_id


class _Open:
    """A unit of work on one request with its person, across organisations where the request is the platform's."""

    def __init__(self, open_work: Opener, request_id: int) -> None:
        self._open, self._id = open_work, request_id

    def __enter__(self) -> tuple[Work, SubjectRequest, Any]:
        self._work = self._open(SYSTEM, _home(self._open, self._id))
        work = self._work.__enter__()
        self._scope = guard.platform_scope(work.session, "carry out a subject request")
        self._scope.__enter__()
        request = intake.find(work, self._id, lock=True)
        found = finding.find(work, [(request.scheme, request.address)], request.organisation_id)
        return work, request, found.subject

    def __exit__(self, *error: Any) -> bool | None:
        self._scope.__exit__(*error)
        return self._work.__exit__(*error)


def _copy(open_work: Opener, request_id: int) -> bool:
    """Make the copy and hand it over; somebody of whom more became known meanwhile is looked for again."""
    with _Open(open_work, request_id) as (_, _, known):
        pass
    archived = list(holding.rows(open_work, known))
    with _Open(open_work, request_id) as (work, request, subject):
        if subject != known:
            return False
        made = handing.seal(copying.pack(work, request, subject, archived))
    places.archive.put(made.name, made.content)
    with _Open(open_work, request_id) as (work, request, _):
        if request.state == State.APPROVED:
            package = handing.keep(work, request, made)
            request.facts = {**request.facts, "done": {each["table"]: each["rows"] for each in request.plan}}
            certificate.finish(work, request, package=dict(handing.facts(package)))
            if not handing.is_mailed(request):
                telling.progress(work, request, "Fetch your copy from the page of your request.")
    return True


def _stop(open_work: Opener, request_id: int) -> bool:
    """Stop everything that is on its way to the person, and note what the ledger will say."""
    with _Open(open_work, request_id) as (work, request, subject):
        erasing.stop(work, subject)
        homes = erasing.homes(work, subject) if request.organisation_id is not None else _everywhere(work, subject)
        erasure = request.facts.get("erasure") or erasures.fresh_id(work.clock())
        request.facts = {**request.facts, "erasure": erasure, "homes": homes}
        request.stage = "stopped"
    return True


def _everywhere(work: Work, subject: Any) -> list[int]:
    return [erased.EVERYWHERE, *erasing.homes(work, subject)]


def _list(open_work: Opener, request_id: int) -> bool:
    """Wait until nothing is on its way, then write the erasure into the ledger."""
    with _Open(open_work, request_id) as (work, request, subject):
        is_held, told = bool(holding.standing(work, subject)), request.facts.get("ledger", "")
    if is_held:
        return _give_back(open_work, request_id, told)
    with _Open(open_work, request_id) as (work, request, subject):
        erasing.release(work, subject)
        if erasing.is_moving(work, subject) or _has_mail(work, request):
            return False
        facts = request.facts
        entry = erasures.make(facts["erasure"], work.clock(), facts["homes"], subject.addresses)
    name = erasures.keep(entry)
    with _Open(open_work, request_id) as (_, request, _subject):
        request.facts = {**request.facts, "ledger": name}
        request.stage = "listed"
    return True


def _give_back(open_work: Opener, request_id: int, told: str) -> bool:
    """Let a request be planned anew: a legal hold was placed after it was approved.

    What the ledger may say of it already is taken back first: a restore would erase whom the hold keeps.
    """
    if told:
        places.ledger.delete(told)
    with _Open(open_work, request_id) as (work, request, _):
        request.facts = {name: each for name, each in request.facts.items() if name not in ("ledger", "erasure")}
        request.state, request.stage, request.lease_until = State.VERIFIED, "", None
        telling.notice(work, request, "held", f"{request!r} was not carried out",
                       "A legal hold stands over this person. Plan the request again.", board.WARNING)  # fmt: skip
    return True


def _has_mail(work: Work, request: SubjectRequest) -> bool:
    if not mail.is_sent_here():
        return False
    waiting = select(Mail.id).where(
        Mail.recipient == request.address, Mail.state == "waiting", Mail.created_at > work.clock() - MAIL_WAITS
    )
    return work.session.scalar(waiting.limit(1)) is not None


def _empty(open_work: Opener, request_id: int) -> bool:
    """Take the person out of all tables in one transaction, and keep who it is for the archives.

    A worker may have been killed since the ledger was told, and a hold placed: none can be while the rows go.
    """
    with _Open(open_work, request_id) as (work, request, subject):
        work.session.execute(text("LOCK TABLE pulse_hold IN SHARE MODE"))
        if holding.standing(work, subject):
            request.stage = "stopped"
            return True
        facts = dict(request.facts)
        erasing.close_others(work, subject, request.id)
        facts["packages"] = erasing.packages(work, subject)
        facts["done"] = erasing.tables(work, subject, facts["erasure"], facts["homes"])
        facts["touched"] = erasing.touched(work)
        facts["subject"] = carried.shut(request.id, subject)
        work.session.refresh(request)
        work.session.execute(
            update(SubjectRequest)
            .where(SubjectRequest.id == request.id)
            .values(facts=facts, stage="emptied", plan=request.plan)
        )
    return True


def _erase(open_work: Opener, request_id: int) -> bool:
    """Take the person out of archives: after the tables, for what was moved between them meanwhile is here by now."""
    with open_work(SYSTEM) as work:
        subject = carried.opened(request_id, work.session.get_one(SubjectRequest, request_id).facts["subject"])
    archived = holding.erase(open_work, subject)
    with open_work(SYSTEM, _home(open_work, request_id)) as work:
        request = intake.find(work, request_id, lock=True)
        facts = {name: each for name, each in request.facts.items() if name != "subject"}
        request.facts = facts | {"done": facts["done"] | ({"archives": archived} if archived else {})}
        request.stage = "erased"
    return True


def _scrub(open_work: Opener, request_id: int) -> bool:
    """Delete the person's copies and let go of freed pages, at a quiet hour where that is much."""
    with open_work(SYSTEM) as work:
        request = work.session.get_one(SubjectRequest, request_id)
        facts = dict(request.facts)
        may_begin = scrubbing.may_begin(work, facts["touched"], is_urgent=request.is_urgent)
    for name in facts.get("packages", ()):
        places.archive.delete(name)
    if not may_begin:
        return False
    done = scrubbing.scrub(open_work, facts["touched"])
    if any("written anew" in each for each in done.faults):
        return False
    with open_work(SYSTEM) as work:
        request = work.session.get_one(SubjectRequest, request_id)
        request.facts = {**facts, "scrubbed": {"tables": done.tables, "seconds": done.seconds, "faults": done.faults}}
        request.stage = "scrubbed"
    return True


def _end(open_work: Opener, request_id: int) -> bool:
    with open_work(SYSTEM, _home(open_work, request_id)) as work:
        request = intake.find(work, request_id, lock=True)
        facts = request.facts
        certificate.finish(work, request, erasure=facts["erasure"], ledger=facts["ledger"], scrubbed=facts["scrubbed"])
    return True


_STAGES = {
    (Kind.ACCESS, "begun"): _copy,
    (Kind.DELETION, "begun"): _stop,
    (Kind.DELETION, "stopped"): _list,
    (Kind.DELETION, "listed"): _empty,
    (Kind.DELETION, "emptied"): _erase,
    (Kind.DELETION, "erased"): _scrub,
    (Kind.DELETION, "scrubbed"): _end,
}
