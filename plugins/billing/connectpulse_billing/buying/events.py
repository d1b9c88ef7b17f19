"""What gateways tell: verified, stored, and only then acted upon, in another transaction.

A kill between the two loses nothing: what is stored and not done is found again. Whatever order news comes in,
the end is the same: what cannot be done yet waits.
"""

import hashlib
import json
from datetime import timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from connectpulse.core.api import Refused, Work

from . import payments, reversals
from .gateways import base
from .gateways.base import Told
from .models import PaymentEvent
from .order_models import Attempt
from .reach import everywhere

log = structlog.get_logger(__name__)

PATIENCE = timedelta(days=3)
"""How long news waits for what it is about."""


def store(work: Work, gateway: str, told: Told) -> int | None:
    """Store a verified piece of news; return its id, None if it was stored before.

    Raises Refused for news of a known id that says something else.
    """
    if "\x00" in told.id + told.reference + told.payment_reference + told.item:
        raise Refused("This message holds characters that cannot be stored.")
    facts = {
        "gateway": gateway, "event_id": told.id[:200], "kind": told.kind, "reference": told.reference[:100],
        "payment_reference": told.payment_reference[:200], "item": told.item[:200], "amount": told.amount,
        "currency": told.currency[:3], "occurred_at": told.occurred_at, "digest": _digest(told), "due_at": work.clock(),
    }  # fmt: skip
    fresh = insert(PaymentEvent).values(facts).on_conflict_do_nothing().returning(PaymentEvent.id)
    stored = work.session.execute(fresh).scalar_one_or_none()
    if stored is None:
        known = select(PaymentEvent.digest).where(
            PaymentEvent.gateway == gateway, PaymentEvent.event_id == told.id[:200]
        )
        if work.session.scalar(known) != facts["digest"]:
            raise Refused("This event was told before, and otherwise.")
    return stored


def _digest(told: Told) -> bytes:
    """Return the digest of what was told. Not of its bytes: deliveries of one event differ in counters."""
    said = [told.kind, told.reference, told.payment_reference, told.item, str(told.amount), told.currency]
    return hashlib.sha256(json.dumps(said).encode()).digest()


def apply(work: Work, event_id: int) -> bool:
    """Act upon a stored event, once; return whether that is done. What has to wait is tried again later."""
    with everywhere(work, "act upon what a gateway told"):
        wanted = select(PaymentEvent).where(PaymentEvent.id == event_id, PaymentEvent.state == "waiting")
        event = work.session.scalars(wanted.with_for_update()).one_or_none()
        if event is None:
            return True
        attempt = payments.find(work, event.gateway, event.reference, event.payment_reference)
        if attempt is None:
            return _wait(work, event, "No payment of ours has this reference.")
        try:
            with work.session.begin_nested():  # what must wait leaves nothing half done
                answer = _act(work, event, attempt)
        except Refused as refusal:
            return _wait(work, event, str(refusal))
        event.state, event.answer = "done", answer
        work.session.flush()
        if event.kind == base.PAID:
            _hurry(work, event.gateway, attempt.payment_reference)
        return True


def _act(work: Work, event: PaymentEvent, attempt: Attempt) -> str:
    """Do what an event says; return in a word what came of it. Raises Refused for what must wait."""
    amount, currency = event.amount or attempt.amount, event.currency or attempt.currency
    source = "refund" if event.kind in (base.REFUNDED, base.REFUND_FAILED) else "dispute"
    match event.kind:
        case base.PAID:
            is_granted = payments.settle(work, attempt.id, event.payment_reference, event.amount, event.currency)
            return "granted" if is_granted else "granted nothing"
        case base.FAILED:
            payments.fail(work, attempt.id, "The gateway says that it came to nothing.")
        case base.HINT:
            payments.look_soon(work, event.gateway, attempt.reference)
        case base.REFUND_FAILED | base.DISPUTE_WON:
            reversals.mark_won(work, attempt.order_id, source=source, reference=event.item)
        case base.REFUNDED | base.DISPUTED | base.DISPUTE_LOST:
            if attempt.state != "paid":
                raise Refused("The payment itself is not known yet.")
            reversals.mark_reversed(
                work, attempt.order_id, source=source, reference=event.item, amount=amount, currency=currency,
                reason=f"{source} at {event.gateway}", is_final=event.kind != base.DISPUTED,
            )  # fmt: skip
    return "noted"


def _wait(work: Work, event: PaymentEvent, why: str) -> bool:
    event.tries += 1
    event.answer = why[:300]
    event.due_at = work.clock() + min(timedelta(minutes=2 ** min(event.tries, 9)), timedelta(hours=6))
    is_over = work.clock() - event.created_at > PATIENCE
    if is_over:
        event.state = "stray"
        log.error("payment_event_stray", gateway=event.gateway, event=event.id)
    work.session.flush()
    return is_over


def _hurry(work: Work, gateway: str, payment_reference: str) -> None:
    """Let what waits for this payment be tried at once; what somebody is acting upon already needs no hurry."""
    waiting = select(PaymentEvent).where(
        PaymentEvent.gateway == gateway, PaymentEvent.payment_reference == payment_reference,
        PaymentEvent.state == "waiting",
    )  # fmt: skip
    for each in work.session.scalars(waiting.limit(50).with_for_update(skip_locked=True)):
        each.due_at = work.clock()
    work.session.flush()


def due(work: Work, limit: int = 100) -> list[int]:
    """Return stored events that wait to be acted upon."""
    wanted = select(PaymentEvent.id).where(PaymentEvent.state == "waiting", PaymentEvent.due_at <= work.clock())
    return list(work.session.scalars(wanted.order_by(PaymentEvent.due_at).limit(limit)))
