"""The door gateways knock at: `/hooks/billing/pay/<gateway>`, and `…/back` for payers who come back by a form."""

from connectpulse.core.api import Answer, Door, Knock, NotFound, Work, submit_job

from . import events, gates, payments
from .gateways import base

APPLY = "billing.apply_event"


def knock(work: Work, came: Knock) -> Answer:
    """Store what a gateway tells, and have it acted upon; or lead a payer back to the order.

    Nothing is granted here. Raises Forged (answered 400) for what the gateway did not prove to have sent.
    """
    name, _, rest = came.rest.partition("/")
    gateway = gates.build(work, name, must_be_open=False)
    if rest == "back" or rest.startswith("back/"):
        return _back(work, gateway, came, rest.removeprefix("back").strip("/"))
    if rest:
        raise NotFound("There is no such door.")
    for told in gateway.read(came, work.clock()):
        if told.kind == base.HINT:
            payments.look_soon(work, gateway.name, told.reference)
            continue
        stored = events.store(work, gateway.name, told)
        if stored is not None:
            submit_job(work, APPLY, stored)
    return Answer(200, "ok")


def _back(work: Work, gateway: base.Gateway, came: Knock, reference: str) -> Answer:
    """Lead a payer on: to the order's page, which says how it stands. Coming back proves nothing."""
    attempt = payments.look_soon(work, gateway.name, reference or gateway.back(came))
    if attempt is None:
        raise NotFound("There is no such payment.")
    step = gateway.resume(came)
    if step is not None and attempt.state == "open":
        attempt.step = {**attempt.step, "url": step.url, "fields": dict(step.fields), "is_second": True}
        work.session.flush()
    return Answer(location=f"/billing/orders/show/{attempt.order_id}?back=1")


def apply(work: Work, event_id: int) -> bool:
    """Act upon what was stored; what must wait is taken up again by the duty that comes round."""
    events.apply(work, event_id)
    return False


DOOR = Door("pay", knock, methods=("GET", "POST"), largest=256 * 1024)
