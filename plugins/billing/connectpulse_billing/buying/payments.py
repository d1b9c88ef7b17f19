"""Attempts to pay an order: stored before a gateway hears of them, settled by what it proves, never twice."""

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import select

from connectpulse.core.api import AnswerLost, EgressSession, NotFound, Refused, Unreachable, Work, audit, records

from . import gates, orders
from .gateways.base import Gateway, Purchase, Step
from .order_models import Attempt, Order
from .reach import everywhere, locked
from .states import OPEN, OrderState

_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_SECONDS = 25
_LOOK_EVERY = 0.2
FIRST_INQUIRY = timedelta(minutes=5)

Opening = Callable[[], AbstractContextManager[Work]]


@dataclass(frozen=True, slots=True)
class Site:
    """Where this site is on the network: the address of an order's page, and of the gateways' door."""

    public_url: str

    def back(self, order_id: int) -> str:
        """Return where a payer comes back to."""
        return f"{self.public_url.rstrip('/')}/billing/orders/show/{order_id}?back=1"

    def hook(self, gateway: str) -> str:
        """Return the beginning of a gateway's webhook addresses."""
        return f"{self.public_url.rstrip('/')}/hooks/billing/pay/{gateway}"


def pay(opening: Opening, order_id: int, name: str, site: Site) -> int:
    """Begin to pay an order through a gateway; return the attempt's id. Asks the gateway between two works.

    Raises Refused with what the payer reads. Asking again before anything came of it begins nothing anew: who
    comes while another asks waits for what that one is told.
    """
    with opening() as work:
        attempt = start(work, order_id, name)
        attempt_id, has_begun, now = attempt.id, bool(attempt.step), work.clock()
        is_asked = attempt.asking_until is not None and attempt.asking_until > now
        order = locked(work, order_id)
        purchase = _purchase(work, attempt, order, site)
        gateway = gates.build(work, name)
        if not has_begun and not is_asked:
            attempt.asking_until = now + timedelta(seconds=_SECONDS + 5)
    if has_begun:
        return attempt_id
    if is_asked:
        return _await(opening, attempt_id, gateway.title)
    try:
        step = _ask(gateway, purchase)
    except Refused:
        with opening() as work:
            records.find(work, Attempt, attempt_id, lock=True).asking_until = None
        raise
    with opening() as work:
        begun(work, attempt_id, step)
    return attempt_id


def _await(opening: Opening, attempt_id: int, title: str) -> int:
    """Return the attempt once another has begun it, raise Refused if that came to nothing; waits with no work open."""
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        with opening() as work:
            attempt = records.find(work, Attempt, attempt_id)
            has_begun, is_asked = bool(attempt.step), attempt.asking_until is not None
        if has_begun:
            return attempt_id
        if not is_asked:
            break
        time.sleep(_LOOK_EVERY)
    raise _unanswered(title)


def start(work: Work, order_id: int, name: str) -> Attempt:
    """Store that an order is to be paid through a gateway, and have that looked after."""
    order, gateway = locked(work, order_id), gates.build(work, name)
    if OrderState(order.state) not in OPEN:
        raise Refused("This order is not waiting for a payment.")
    if order.currency not in gateway.currencies:
        raise Refused(f"{gateway.title} does not take {order.currency}. Choose another way to pay.")
    known = select(Attempt).where(Attempt.order_id == order.id, Attempt.gateway == name, Attempt.state == "open")
    attempt = work.session.scalars(known.order_by(Attempt.id.desc()).limit(1)).one_or_none()
    if attempt is not None and attempt.created_at > work.clock() - timedelta(hours=20):
        return attempt
    attempt = Attempt(
        organisation_id=order.organisation_id, order_id=order.id, gateway=name, reference=_reference(),
        amount=order.total, currency=order.currency, step={},
        inquire_at=work.clock() + FIRST_INQUIRY if gateway.can_inquire else None,
    )  # fmt: skip
    work.session.add(attempt)
    work.session.flush()
    orders.wait_longer(work, order, gateway.patience)
    audit.record(work, "billing.payment_begun", order, gateway=name)
    return attempt


def begun(work: Work, attempt_id: int, step: Step) -> None:
    """Store how the payer goes on."""
    attempt = records.find(work, Attempt, attempt_id, lock=True)
    attempt.foreign_reference = step.foreign_reference[:200]
    attempt.step = {"url": step.url, "fields": dict(step.fields), "lines": [list(each) for each in step.lines],
                    "wants_proof": step.wants_proof}  # fmt: skip
    attempt.asking_until = None
    work.session.flush()


def _purchase(work: Work, attempt: Attempt, order: Order, site: Site) -> Purchase:
    return Purchase(
        reference=attempt.reference, amount=attempt.amount, currency=attempt.currency,
        title=order.lines[0].title if len(order.lines) == 1 else str(order), back_url=site.back(order.id),
        hook_url=site.hook(attempt.gateway), begun_at=attempt.created_at, now=work.clock(), until=order.expires_at,
    )  # fmt: skip


def _ask(gateway: Gateway, purchase: Purchase) -> Step:
    async def asking() -> Step:
        async with EgressSession(connections=2, timeout=_SECONDS - 5) as http:
            return await gateway.begin(http, purchase)

    try:
        return asyncio.run(asyncio.wait_for(asking(), _SECONDS))
    except (AnswerLost, Unreachable, TimeoutError):
        raise _unanswered(gateway.title) from None


def _unanswered(title: str) -> Refused:
    return Refused(f"{title} did not answer. Nothing was paid: try again in a minute, or choose another way to pay.")


def settle(work: Work, attempt_id: int, payment_reference: str, amount: Decimal | None, currency: str) -> bool:
    """Take note that a gateway proved a payment; return True once, when the order's units are granted for it.

    `amount` None means that the gateway fixed the sum when the payment was begun.
    """
    with everywhere(work, "settle a payment"):
        attempt = _locked(work, attempt_id)
        if attempt.state not in ("open", "failed"):
            return False
        attempt.payment_reference, attempt.inquire_at = payment_reference[:200], None
        is_granted = orders.mark_paid(
            work, attempt.order_id, gateway=attempt.gateway, payment_reference=payment_reference[:200],
            amount=attempt.amount if amount is None else amount, currency=currency or attempt.currency,
        )  # fmt: skip
        is_open = OrderState(locked(work, attempt.order_id).state) in OPEN
        attempt.state = "paid" if is_granted else "differs" if is_open else "surplus"
        work.session.flush()
        return is_granted


def fail(work: Work, attempt_id: int, why: str) -> None:
    """Take note that a payment came to nothing; the order may be paid in another way."""
    with everywhere(work, "note a failed payment"):
        attempt = _locked(work, attempt_id)
        if attempt.state == "open":
            attempt.state, attempt.answer, attempt.inquire_at = "failed", why[:300], None
            work.session.flush()


def look_soon(work: Work, name: str, reference: str) -> Attempt | None:
    """Let a payment be inquired about now, because somebody says that something happened to it."""
    with everywhere(work, "find a payment"):
        attempt = find(work, name, reference)
        if attempt is not None and attempt.state == "open" and attempt.inquire_at is not None:
            attempt.inquire_at = min(attempt.inquire_at, work.clock())
            work.session.flush()
        return attempt


def find(work: Work, name: str, reference: str = "", payment_reference: str = "") -> Attempt | None:
    """Return the attempt a gateway speaks of, by our reference or else by its own."""
    if "\x00" in reference + payment_reference:  # the database takes none
        return None
    ours = select(Attempt).where(Attempt.gateway == name)
    if reference:
        return work.session.scalars(ours.where(Attempt.reference == reference)).one_or_none()
    if payment_reference:
        theirs = ours.where(Attempt.payment_reference == payment_reference).order_by(Attempt.id).limit(1)
        return work.session.scalars(theirs).one_or_none()
    return None


def current(work: Work, order: Order) -> Attempt | None:
    """Return the attempt that an open order's payer is in."""
    wanted = select(Attempt).where(Attempt.order_id == order.id, Attempt.state == "open")
    return work.session.scalars(wanted.order_by(Attempt.id.desc()).limit(1)).one_or_none()


def misfits(work: Work, order: Order) -> Sequence[Attempt]:
    """Return the attempts by which money came that does not fit the order, the oldest first."""
    wanted = select(Attempt).where(Attempt.order_id == order.id, Attempt.state.in_(("differs", "surplus")))
    return work.session.scalars(wanted.order_by(Attempt.id).limit(20)).all()


def _locked(work: Work, attempt_id: int) -> Attempt:
    """Return an attempt with its order locked first: every way to settle takes the rows in this order."""
    order_id = work.session.scalar(select(Attempt.order_id).where(Attempt.id == attempt_id))
    if order_id is None:
        raise NotFound("There is no such payment.")
    locked(work, order_id)
    return records.find(work, Attempt, attempt_id, lock=True)


def _reference() -> str:
    """Return a reference nobody guesses: a letter first, at most 20 characters, as every gateway takes it."""
    return "T" + "".join(secrets.choice(_LETTERS) for _ in range(17))


def next_inquiry(now: datetime, inquiries: int) -> datetime:
    """Return when to inquire again: after 2, 4, 8 … minutes, at most six hours."""
    return now + min(timedelta(minutes=2 ** min(inquiries + 1, 9)), timedelta(hours=6))
