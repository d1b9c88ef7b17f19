"""What comes round every minute: news that waits, payments nobody told of, refunds on their way, orders too old."""

from collections.abc import Callable
from functools import partial

import structlog

from connectpulse.core.api import Actor, Opener, Work, platform_scope

from . import events, inquiring, orders, refunds

log = structlog.get_logger(__name__)

_ACTOR = Actor("task", "Payments")


def go(open_work: Opener) -> bool:
    """Look after payments; return whether there is more. Each step is one transaction and may be repeated."""
    with open_work(_ACTOR) as work:
        waiting = events.due(work)
    for event_id in waiting:
        _alone(open_work, partial(events.apply, event_id=event_id))
    inquire(open_work)
    pay_back(open_work)
    with open_work(_ACTOR) as work, platform_scope(work.session, "end orders nobody paid"):
        ended = orders.expire(work)
    with open_work(_ACTOR) as work:
        orders.forget_abandoned(work)
    return ended == 200


def inquire(open_work: Opener) -> int:
    """Ask about payments whose time has come; return how many. No unit of work is open while gateways answer."""
    with open_work(_ACTOR) as work:
        claims = inquiring.claim(work)
    if not claims:
        return 0
    for claim, finding in zip(claims, inquiring.ask(claims), strict=True):
        _alone(open_work, partial(inquiring.write, claim=claim, finding=finding))
    return len(claims)


def pay_back(open_work: Opener) -> int:
    """Ask gateways for the refunds that two people agreed on; return how many were asked for."""
    with open_work(_ACTOR) as work:
        claims = refunds.claim(work)
    for claim in claims:
        try:
            fault = refunds.ask(claim)
        except refunds.LOST:
            continue  # it has a key, so that asking again pays back once
        _alone(open_work, partial(refunds.write, each=claim, fault=fault))
    return len(claims)


def _alone(open_work: Opener, verb: Callable[[Work], object]) -> None:
    """Do one thing in a transaction of its own; what fails is rolled back, comes again, and stops no other."""
    try:
        with open_work(_ACTOR) as work:
            verb(work)
    except Exception:
        log.exception("payment_step_failed")
