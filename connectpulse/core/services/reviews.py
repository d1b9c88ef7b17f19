"""What providers say about templates: submitted to each connection that would carry them, heard, and asked again.

A review is a row per version and connection, with the time it is due. The job of a version takes one that is due,
asks its provider while no session is open, and writes down the word. A version is approved once one connection has
approved it; messages go over those that did (`plans`).
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import or_, select, text

from ..domain.jobs import Job
from ..domain.provider import (
    Approval,
    Capability,
    ConnectionLost,
    Provider,
    TemplateSubmission,
    TemplateWord,
)
from ..errors import Refused
from ..registry import Registry
from ..storage import guard
from ..storage.models import Campaign, Connection, Fallback, Template, TemplateReview, TemplateVersion
from ..wire.http import AnswerLost, Unreachable
from . import audit, campaigns, connections, jobs, records, templates
from .disclosure import agreements
from .work import SYSTEM, Opener, Work, entered

WAITING = "waiting"
"""A review that was not submitted yet; the other states are those of `Approval`."""
RETRY = timedelta(minutes=10)
ASK_AGAIN = {Approval.PENDING: timedelta(hours=1), Approval.APPROVED: timedelta(hours=12)}
"""How long after a word a provider is asked again, in case its webhook was lost; half a day where none is named."""
_SECONDS = 25.0
_PLATFORM = "review of templates"


@dataclass(frozen=True, slots=True)
class _Question:
    """One review whose time has come: a version to submit, or a reference to ask about."""

    connection_id: int
    provider: type[Provider]
    settings: Mapping[str, Any]
    submission: TemplateSubmission | None
    reference: str


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What a page shows of a review: the connection by name, the state, the reason and what it is billed as."""

    connection: str
    review: TemplateReview


def deciding(registry: Registry) -> list[str]:
    """Return the names of the providers that decide about templates."""
    return [name for name, cls in registry.providers.items() if Capability.TEMPLATES in cls.capabilities]


def of(work: Work, version_ids: Sequence[int]) -> dict[int, list[Reviewed]]:
    """Return the reviews of versions by version, with the names of their connections."""
    statement = (
        select(TemplateReview, Connection.name)
        .join(Connection, Connection.id == TemplateReview.connection_id)
        .where(TemplateReview.version_id.in_(version_ids))
        .order_by(TemplateReview.connection_id)
    )
    found: dict[int, list[Reviewed]] = {}
    for review, name in work.session.execute(statement):
        found.setdefault(review.version_id, []).append(Reviewed(name, review))
    return found


def submit_again(work: Work, template_id: int) -> None:
    """Let providers look at a template's newest version again where they refused it or were not reached."""
    template = records.find(work, Template, template_id, lock=True)
    version = templates.current(work, template.id)
    if version.approval == "not_needed":
        raise Refused("This template needs no approval.")
    rows = work.session.scalars(select(TemplateReview).where(TemplateReview.version_id == version.id)).all()
    if rows and all(row.state in (Approval.PENDING, Approval.APPROVED) for row in rows):
        raise Refused("The provider has this template already, and has not refused it.")
    for row in rows:
        if row.state not in (Approval.PENDING, Approval.APPROVED):
            row.state, row.due_at = WAITING, work.clock()
    work.session.flush()
    audit.record(work, "template.submitted_again", template, version=version.number)
    jobs.submit(work, templates.REVIEW, version.id)


# --- due


_MISSING = """
    FROM pulse_template_version v
    JOIN pulse_template t ON t.id = v.template_id AND NOT t.is_archived
    JOIN pulse_connection c ON c.channel = t.channel AND c.is_active AND c.provider = ANY(:providers)
    WHERE v.approval <> 'not_needed' AND v.approval_reference = ''
      AND NOT EXISTS (SELECT 1 FROM pulse_template_version w WHERE w.template_id = t.id AND w.number > v.number)
      AND (c.organisation_id IS NULL OR c.organisation_id = v.organisation_id)
      AND EXISTS (SELECT 1 FROM pulse_route r WHERE r.connection_id = c.id AND r.is_active
                  AND (r.organisation_id IS NULL OR r.organisation_id = v.organisation_id))
      AND NOT EXISTS (SELECT 1 FROM pulse_template_review s WHERE s.version_id = v.id AND s.connection_id = c.id)
"""
_WAKE = text(
    f"""
    SELECT v.id, v.organisation_id {_MISSING}
    UNION
    SELECT s.version_id, s.organisation_id FROM pulse_template_review s
    JOIN pulse_connection c ON c.id = s.connection_id AND c.is_active AND c.provider = ANY(:providers)
    WHERE s.due_at <= :now
    ORDER BY 1 LIMIT 200
    """
)
_MAKE = text(
    f"""
    INSERT INTO pulse_template_review (version_id, connection_id, organisation_id, due_at)
    SELECT v.id, c.id, v.organisation_id, :now {_MISSING} AND v.id = :version
    ON CONFLICT DO NOTHING
    """
)


def wake(work: Work) -> int:
    """Wake the job of every version that a provider is to be asked about; return how many. Platform work."""
    providers = deciding(work.registry)
    rows = work.session.execute(_WAKE, {"providers": providers, "now": work.clock()}).all() if providers else []
    for version_id, organisation_id in rows:
        jobs.submit_for(work, templates.REVIEW, version_id, organisation_id)
    return len(rows)


# --- the job


def carry_out(open_work: Opener, version_id: int) -> bool:
    """Ask one provider about a version; return whether another may be due."""
    with _opened(open_work) as work:
        question = _next(work, version_id)
    if question is None:
        return False
    answer = asyncio.run(_ask(question))
    with _opened(open_work) as work:
        _record(work, version_id, question, answer)
    return True


def _give_up(work: Work, version_id: int, reason: str) -> None:
    """Let what could not be asked be asked at its next time, and say why it was not."""
    with guard.platform_scope(work.session, _PLATFORM):
        for row in work.session.scalars(
            select(TemplateReview).where(TemplateReview.version_id == version_id, TemplateReview.state == WAITING)
        ):
            row.reason = reason[:300]


KIND = Job(templates.REVIEW, give_up=_give_up, call=carry_out)


@contextmanager
def _opened(open_work: Opener) -> Iterator[Work]:
    with open_work(SYSTEM) as work, guard.platform_scope(work.session, _PLATFORM):
        yield work


def _next(work: Work, version_id: int) -> _Question | None:
    """Return what to ask next about a version; asked again after a while if this process does not come back."""
    providers, now = deciding(work.registry), work.clock()
    work.session.execute(_MAKE, {"providers": providers, "now": now, "version": version_id})
    statement = (
        select(TemplateReview, Connection)
        .join(Connection, Connection.id == TemplateReview.connection_id)
        .where(TemplateReview.version_id == version_id, TemplateReview.due_at <= now)
        .where(Connection.is_active, Connection.provider.in_(providers))
        .order_by(TemplateReview.due_at)
        .with_for_update(of=TemplateReview, skip_locked=True)
    )
    for review, connection in work.session.execute(statement).all():
        review.due_at = now + RETRY
        if agreements.objection(work, connection) is None:
            return _question(work, review, connection)
    return None


def _question(work: Work, review: TemplateReview, connection: Connection) -> _Question | None:
    provider = work.registry.provider(connection.provider)
    settings = connections.values(connection)
    if review.state != WAITING:
        return _Question(connection.id, provider, settings, None, review.reference)
    with entered(work, review.organisation_id):
        version = work.session.get_one(TemplateVersion, review.version_id)
        channel = work.registry.channel(version.template.channel)
        try:
            shared = channel.share(work, "", version.content)
        except Refused as refusal:
            _apply(work, review, TemplateWord("", Approval.REJECTED, str(refusal)))
            return None
        submission = TemplateSubmission(version.template.name, version.content, shared, review.reference)
    return _Question(connection.id, provider, settings, submission, review.reference)


async def _ask(question: _Question) -> TemplateWord | str:
    """Return the provider's word, or why there is none."""

    async def ignore(events: Any) -> None:
        """Nothing is taken in here."""

    provider = question.provider(question.settings, ignore, window=1)
    try:
        async with asyncio.timeout(_SECONDS):
            if question.submission is not None:
                return await provider.submit_template(question.submission)
            words = await provider.ask_templates([question.reference])
            return next((each for each in words if each.reference == question.reference), "")
    except TimeoutError:
        return f"There was no answer within {_SECONDS:.0f} seconds."
    except (Refused, ConnectionLost, Unreachable, AnswerLost) as error:
        return str(error)
    finally:
        await provider.close()


def _record(work: Work, version_id: int, question: _Question, answer: TemplateWord | str) -> None:
    review = work.session.get(TemplateReview, (version_id, question.connection_id), with_for_update=True)
    if review is None:
        return
    if isinstance(answer, str):
        review.reason = answer[:300] or review.reason
        if question.submission is None:
            review.due_at = work.clock() + ASK_AGAIN[Approval.APPROVED]
        return
    if question.submission is not None:
        version = work.session.get_one(TemplateVersion, version_id)
        with entered(work, review.organisation_id):
            audit.record(work, "template.submitted", version, connection=question.connection_id)
    elif answer.state in (None, review.state) and (answer.category or review.category) == review.category:
        review.due_at = work.clock() + _again(review.state)
        return
    _apply(work, review, answer)


# --- words


def hear(work: Work, connection_id: int, words: Sequence[TemplateWord]) -> None:
    """Act on what a connection's provider says about templates. Platform work; unknown references are ignored."""
    connection = work.session.get(Connection, connection_id)
    for word in words if connection is not None else ():
        if not word.reference:
            continue
        statement = select(TemplateReview).where(
            TemplateReview.connection_id == connection_id, TemplateReview.reference == word.reference[:120]
        )
        for review in work.session.scalars(statement.with_for_update()).all():
            _apply(work, review, word)
        for version in _submitted_elsewhere(work, connection, word):
            _take(work, version, word.state or version.approval, word)


def _submitted_elsewhere(work: Work, connection: Connection | None, word: TemplateWord) -> Sequence[TemplateVersion]:
    """Return the versions that a plugin submitted by itself (`templates.record_approval`) under this reference."""
    assert connection is not None
    statement = (
        select(TemplateVersion)
        .join(TemplateVersion.template)
        .where(TemplateVersion.approval_reference == word.reference[:120], Template.channel == connection.channel)
        .with_for_update(of=TemplateVersion)
    )
    if connection.organisation_id is not None:
        statement = statement.where(TemplateVersion.organisation_id == connection.organisation_id)
    return work.session.scalars(statement).unique().all()


def _apply(work: Work, review: TemplateReview, word: TemplateWord) -> None:
    """Write a word on a review, and what follows from it on its version."""
    before = review.state
    if word.state is not None or (word.reason and review.state == Approval.APPROVED):
        review.reason = word.reason[:300]
    review.state = word.state or review.state
    review.reference = word.reference[:120] or review.reference
    review.category = word.category[:40] or review.category
    review.told_at = work.clock()
    review.due_at = review.told_at + _again(review.state)
    work.session.flush()
    version = work.session.get_one(TemplateVersion, review.version_id)
    state, reason = _sum(work, version.id)
    _take(work, version, state, TemplateWord("", Approval(state), reason, word.category))
    if before == Approval.APPROVED and review.state != before:
        _pause(work, version, f"A provider took its approval of {version.template.name} back. {review.reason}")


def _again(state: str) -> timedelta:
    return ASK_AGAIN.get(Approval(state), ASK_AGAIN[Approval.APPROVED]) if state != WAITING else RETRY


def _sum(work: Work, version_id: int) -> tuple[str, str]:
    """Return what all reviews of a version come to, and the newest reason for it."""
    rows = work.session.scalars(
        select(TemplateReview)
        .where(TemplateReview.version_id == version_id)
        .order_by(TemplateReview.told_at.desc().nulls_last())
    ).all()
    for state in (Approval.APPROVED, Approval.PENDING, WAITING):
        if same := [row for row in rows if row.state == state]:
            return (Approval.PENDING if state == WAITING else state), same[0].reason
    return Approval.REJECTED, rows[0].reason if rows else ""


def _take(work: Work, version: TemplateVersion, state: str, word: TemplateWord) -> None:
    """Write what is known of a version now, and pause what is sent with it where that must be looked at."""
    with entered(work, version.organisation_id):
        before, billed = version.approval, version.category
        reason = version.approval_reason
        if state != before or word.state is not None or (word.reason and state == Approval.APPROVED):
            reason = word.reason
        templates.record_approval(work, version.id, state, reason=reason, category=word.category)
    if before == Approval.APPROVED and state != before:
        _pause(work, version, f"{version.template.name} is not approved any more. {version.approval_reason}")
    elif billed and version.category != billed:
        _pause(work, version, f"{version.template.name} is billed as {version.category} from now on, no longer as "
               f"{billed}. Resume the campaign if that price is right.")  # fmt: skip


def _pause(work: Work, version: TemplateVersion, reason: str) -> None:
    with entered(work, version.organisation_id):
        further = select(Fallback.campaign_id).where(Fallback.template_version_id == version.id)
        ids = work.session.scalars(
            select(Campaign.id).where(or_(Campaign.template_version_id == version.id, Campaign.id.in_(further)))
        ).all()
        campaigns.pause_for(work, ids, reason[:300])
