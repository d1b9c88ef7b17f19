"""A batch on its way: submissions to parts, the SMSC's answers to outcomes, parts back to messages.

A long message is one submit_sm per part and has one reference per part. A part that was accepted is never
sent again. Parts that were put off while others of their message were accepted are repeated alone, for a
while; those refused in the end are reported as failed parts beside the accepted ones, so that the message
ends as failed and only accepted parts count as used. If the answer to any part is lost, so is the message's.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from connectpulse.core.api import (
    Accepted,
    ErrorClass,
    Outcome,
    Receipt,
    Rejected,
    Submission,
    TryLater,
    Unknown,
)

from .pdu import first_string
from .receipts import Base
from .session import UNANSWERED, Answer, Session
from .status import Status, outcome
from .submit import Composer, Unsendable

PART_ATTEMPTS: Final = 5
"""How often a part is repeated whose message has other parts accepted already."""

_NOT_SENT: Final = TryLater(timedelta(0), ErrorClass.PROVIDER, "session_ended")
_UNKNOWN: Final = Unknown()


@dataclass(slots=True)
class Sent:
    """What came of a batch: an outcome per submission, and the failed parts of half-accepted messages."""

    outcomes: list[Outcome]
    failed_parts: list[Receipt] = field(default_factory=list)


async def send(session: Session, composer: Composer, base: Base, batch: Sequence[Submission]) -> Sent:
    """Submit every part of every message as the session's window admits.

    `base` writes the SMSC's message ids as its receipts will carry them.
    """
    bodies: list[bytes] = []
    spans: list[range | Rejected] = []
    compose = composer.compose
    for submission in batch:
        try:
            parts = compose(submission)
        except Unsendable as refusal:
            spans.append(refusal.outcome)
        else:
            spans.append(range(len(bodies), len(bodies) + len(parts)))
            bodies += parts
    answers = [_outcome(answer, base) for answer in await session.submit(bodies)]
    if len(spans) == len(bodies) and Rejected not in map(type, spans):
        _notice_unbound(session, answers)
        return Sent(answers)
    await _repeat_parts(session, base, bodies, spans, answers)
    _notice_unbound(session, answers)
    sent = Sent([])
    for submission, span in zip(batch, spans, strict=True):
        if isinstance(span, Rejected):
            sent.outcomes.append(span)
        else:
            whole, failed = fold_parts(submission, [answers[index] for index in span])
            sent.outcomes.append(whole)
            sent.failed_parts += failed
    return sent


def fold_parts(submission: Submission, parts: list[Outcome]) -> tuple[Outcome, list[Receipt]]:
    """Return the outcome of a message from those of its parts, and receipts for parts that failed.

    A failed part beside accepted ones gets a reference of our own making, so that its receipt decides
    for the message as a network's would.
    """
    if len(parts) == 1:
        return parts[0], []
    if any(isinstance(part, Unknown) for part in parts):
        return _UNKNOWN, []
    accepted = [part for part in parts if isinstance(part, Accepted)]
    if not accepted:
        refused = [part for part in parts if isinstance(part, Rejected)]
        return (refused or parts)[0], []
    references = [reference for part in accepted for reference in part.references]
    failed = [
        _failed_part(submission, number, part)
        for number, part in enumerate(parts, start=1)
        if isinstance(part, Rejected | TryLater)
    ]
    references += [receipt.reference for receipt in failed]
    return Accepted(tuple(references), len(accepted) if failed else None), failed


def _failed_part(submission: Submission, number: int, part: Rejected | TryLater) -> Receipt:
    return Receipt(
        f"{submission.token}/{number}",
        part.error.state,
        part.code,
        part.reason,
        address=submission.address,
    )


def _outcome(answer: Answer, base: Base) -> Outcome:
    status, body = answer
    if status == Status.ESME_ROK:
        reference = base(first_string(body).decode("latin-1"))
        return Accepted((reference,) if reference else ())
    if status > 0:
        return outcome(status)
    return _UNKNOWN if answer == UNANSWERED else _NOT_SENT


async def _repeat_parts(
    session: Session, base: Base, bodies: list[bytes], spans: list[range | Rejected], answers: list[Outcome]
) -> None:
    """Send the parts again that were put off while others of their message were accepted."""
    for _ in range(PART_ATTEMPTS):
        pauses = _put_off(spans, answers)
        if not pauses or session.lost.done():
            return
        await asyncio.sleep(max(pauses.values()).total_seconds())
        repeated = await session.submit([bodies[index] for index in pauses])
        for index, answer in zip(pauses, repeated, strict=True):
            answers[index] = _outcome(answer, base)


def _put_off(spans: list[range | Rejected], answers: list[Outcome]) -> dict[int, timedelta]:
    """Return which parts of half-accepted messages wait, and how long each should."""
    pauses = {}
    for span in spans:
        if isinstance(span, Rejected) or not any(isinstance(answers[index], Accepted) for index in span):
            continue
        for index in span:
            answer = answers[index]
            if isinstance(answer, TryLater):
                pauses[index] = answer.after
    return pauses


def _notice_unbound(session: Session, answers: list[Outcome]) -> None:
    """End a session that the SMSC no longer holds as bound, so that it is opened anew."""
    if outcome(Status.ESME_RINVBNDSTS) in answers:
        session.end("The SMSC says that this session is not bound.")
