"""Asking gateways about payments nobody told us of: claimed in one transaction, asked outside of any, written down."""

import asyncio
from dataclasses import dataclass

import structlog
from sqlalchemy import select

from connectpulse.core.api import AnswerLost, EgressSession, NotFound, Refused, Unreachable, Work

from . import gates, payments
from .gateways import base
from .gateways.base import Asked, Finding, Gateway
from .order_models import Attempt, Order
from .reach import everywhere
from .states import OPEN

log = structlog.get_logger(__name__)

AT_ONCE = 10
_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Claim:
    """An attempt that is about to be inquired about."""

    attempt_id: int
    asked: Asked
    gateway: Gateway


def claim(work: Work, limit: int = AT_ONCE) -> list[Claim]:
    """Take payments whose time to be asked about has come, and say when they come again; the oldest first."""
    with everywhere(work, "inquire about payments"):
        due = select(Attempt).where(Attempt.inquire_at <= work.clock(), Attempt.state == "open")
        rows = work.session.scalars(
            due.order_by(Attempt.inquire_at).limit(limit).with_for_update(skip_locked=True, of=Attempt)
        ).all()
        claims = []
        for each in rows:
            each.inquiries += 1
            each.inquire_at = payments.next_inquiry(work.clock(), each.inquiries)
            try:
                gateway = gates.build(work, each.gateway, must_be_open=False)
            except NotFound:
                continue
            if work.clock() - each.created_at > gateway.patience and _is_over(work, each):
                each.state, each.answer, each.inquire_at = "failed", "nothing came in time", None
            asked = Asked(reference=each.reference, foreign_reference=each.foreign_reference, amount=each.amount,
                          currency=each.currency, begun_at=each.created_at, now=work.clock())  # fmt: skip
            claims.append(Claim(each.id, asked, gateway))
        work.session.flush()
        return claims


def _is_over(work: Work, attempt: Attempt) -> bool:
    state = work.session.scalar(select(Order.state).where(Order.id == attempt.order_id))
    return state not in OPEN


def ask(claims: list[Claim]) -> list[Finding | None]:
    """Ask the gateways, at the same time; None where no answer came. Holds no database session."""

    async def one(http: EgressSession, each: Claim) -> Finding | None:
        try:
            return await asyncio.wait_for(each.gateway.inquire(http, each.asked), _SECONDS)
        except (AnswerLost, Unreachable, Refused, TimeoutError, KeyError, ValueError, TypeError) as fault:
            log.warning("inquiry_failed", gateway=each.gateway.name, error=type(fault).__name__)
            return None

    async def everyone() -> list[Finding | None]:
        async with EgressSession(connections=AT_ONCE, timeout=_SECONDS - 5) as http:
            return list(await asyncio.gather(*(one(http, each) for each in claims)))

    return asyncio.run(everyone())


def write(work: Work, claim: Claim, finding: Finding | None) -> None:
    """Write down what an inquiry found; units are granted for what was paid."""
    if finding is None or finding.state == base.PENDING:
        return
    if finding.state == base.FAILED:
        payments.fail(work, claim.attempt_id, finding.answer or "not paid")
        return
    payments.settle(work, claim.attempt_id, finding.payment_reference, finding.amount, finding.currency)
