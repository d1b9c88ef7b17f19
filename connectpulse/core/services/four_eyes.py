"""Acts that need two people: one asks, another approves, and the act is done in the approval's transaction."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from ..domain.acts import Act, Prospect
from ..errors import NotFound, Refused
from ..storage.models import Decision
from . import audit
from .work import Work

OPEN_FOR = timedelta(days=14)


def ask(work: Work, act: str, subject_id: int, title: str, reason: str, **facts: Any) -> Decision:
    """Ask a second person to let `act` be done to a subject; raise Refused if that is asked already."""
    if work.actor.kind != "user" or work.actor.id is None:
        raise Refused("This needs two people: sign in to the panel to ask for it.")
    if not reason.strip():
        raise Refused("Say why: whoever decides reads it.")
    found = work.registry.act(act)
    if waiting(work, act, subject_id) is not None:
        raise Refused(f"{found.title}: this is waiting for a second person already.")
    decision = Decision(
        organisation_id=work.organisation, act=act, subject_id=subject_id, title=title[:300], reason=reason[:500],
        facts=audit.plain(facts), asked_by=work.actor.id, asked_by_name=work.actor.name[:200],
        expires_at=work.clock() + OPEN_FOR,
    )  # fmt: skip
    work.session.add(decision)
    work.session.flush()
    _record(work, "decision.asked", decision)
    return decision


def approve(work: Work, decision_id: int) -> Decision:
    """Let an act be done, and do it; raise Refused for one's own, and for one that is not open any more."""
    decision = _take(work, decision_id)
    if work.actor.kind != "user" or work.actor.id in (None, decision.asked_by):
        raise Refused("Whoever asks cannot approve: this needs a second person.")
    _decide(work, decision, "approved", "")
    _record(work, "decision.approved", decision)
    work.registry.act(decision.act).perform(work, decision.subject_id, decision.facts)
    return decision


def refuse(work: Work, decision_id: int, why: str) -> Decision:
    """Do not let an act be done; whoever asked may take it back this way, too."""
    decision = _take(work, decision_id)
    if not why.strip():
        raise Refused("Say why: whoever asked reads it.")
    _decide(work, decision, "refused", why)
    _record(work, "decision.refused", decision)
    _dismiss(work, work.registry.act(decision.act), decision.subject_id, why)
    return decision


def _dismiss(work: Work, act: Act, subject_id: int, why: str) -> None:
    if act.dismiss is not None:
        act.dismiss(work, subject_id, why)


def expire(work: Work) -> int:
    """End what nobody decided in time; return how many."""
    late = select(Decision).where(Decision.state == "open", Decision.expires_at < work.clock()).limit(100)
    found = work.session.scalars(late.with_for_update(skip_locked=True)).all()
    for decision in found:
        decision.state = "expired"
        _record(work, "decision.expired", decision)
        if decision.act in work.registry.acts:
            _dismiss(work, work.registry.act(decision.act), decision.subject_id, "Nobody decided in time.")
    return len(found)


def _take(work: Work, decision_id: int) -> Decision:
    """Return an open decision of this organisation, locked against a second click."""
    wanted = select(Decision).where(Decision.id == decision_id, Decision.organisation_id == work.organisation)
    if work.organisation is None:
        wanted = select(Decision).where(Decision.id == decision_id)
    decision = work.session.scalars(wanted.with_for_update()).one_or_none()
    if decision is None:
        raise NotFound("There is no such decision.")
    if decision.state != "open" or decision.expires_at < work.clock():
        raise Refused("This was decided already, or nobody decided in time.")
    return decision


def _decide(work: Work, decision: Decision, state: str, answer: str) -> None:
    decision.state, decision.answer = state, answer[:500]
    decision.decided_by, decision.decided_by_name = work.actor.id, work.actor.name[:200]
    decision.decided_at = work.clock()
    work.session.flush()


def waiting(work: Work, act: str, subject_id: int) -> Decision | None:
    """Return the open decision about one act on one subject, if there is one."""
    open_one = select(Decision).where(
        Decision.act == act, Decision.subject_id == subject_id, Decision.state == "open"
    )  # fmt: skip
    return work.session.scalars(open_one).one_or_none()


def all_waiting(work: Work, act: str, subject_ids: Collection[int]) -> dict[int, Decision]:
    """Return the open decisions about one act on some subjects, by subject."""
    if not subject_ids:
        return {}
    open_ones = select(Decision).where(
        Decision.act == act, Decision.subject_id.in_(subject_ids), Decision.state == "open"
    )  # fmt: skip
    return {each.subject_id: each for each in work.session.scalars(open_ones)}


def prospect(work: Work, decision: Decision) -> Prospect | None:
    """Return in words what approving a decision does, or did; None where its act is gone or does not say."""
    act = work.registry.acts.get(decision.act)
    if act is None or act.explain is None:
        return None
    try:
        return act.explain(work, decision.subject_id, decision.facts)
    except (NotFound, Refused) as fault:
        return Prospect((), obstacle=str(fault) if decision.state == "open" else "")


def _record(work: Work, verb: str, decision: Decision) -> None:
    audit.record_named(
        work, verb, decision.organisation_id, "Decision", decision.id, decision.title,
        act=decision.act, reason=decision.reason, answer=decision.answer,
    )  # fmt: skip
