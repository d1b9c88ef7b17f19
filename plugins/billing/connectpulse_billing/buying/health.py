"""What somebody should look at: payments that do not fit, and news that leads nowhere."""

from sqlalchemy import func, select

from connectpulse.core.api import Health, HealthCheck, Work, platform_scope

from .models import PaymentEvent
from .order_models import Attempt


def check(work: Work) -> Health:
    """Say how many payments need a person: of another sum, twice for one order, or of no order of ours."""
    with platform_scope(work.session, "look at payments that do not fit"):
        odd = work.session.scalar(
            select(func.count()).select_from(Attempt).where(Attempt.state.in_(("differs", "surplus")))
        )
    stray = work.session.scalar(select(func.count()).select_from(PaymentEvent).where(PaymentEvent.state == "stray"))
    if not odd and not stray:
        return Health("payments", True, "Every payment fits its order.")
    said = [f"{odd} payments do not fit their orders: pay back what came too much."] if odd else []
    said += [f"{stray} messages of gateways name no payment of ours."] if stray else []
    return Health("payments", False, " ".join(said))


CHECK = HealthCheck("payments", check)
