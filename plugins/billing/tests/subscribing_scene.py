"""What the tests of subscriptions share: a clock that is set, plans, and orders that are paid."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from connectpulse_billing.buying import orders
from connectpulse_billing.buying.order_models import Order
from connectpulse_billing.ledger import balances, expiry
from connectpulse_billing.subscriptions import lifecycle, plans, renewing
from connectpulse_billing.subscriptions.tables import Plan, Subscription
from sqlalchemy import select

from connectpulse.core.api import Actor, Work, platform_scope
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR

BUYER = Actor("user", "Bilal Buyer", 7)
STARTER: dict[str, Any] = {
    "name": "Starter", "currency": "PKR", "fee": "1000", "months": "1", "units": "500", "channels": [],
    "users": None, "api_per_minute": None, "trial_days": 0, "trial_units": "0", "is_offered": True,
}  # fmt: skip


@dataclasses.dataclass
class Wall:
    """A clock that stands still until it is set."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


@dataclasses.dataclass
class Scene:
    """An organisation and the time."""

    house: House
    wall: Wall
    organisation: int

    @contextmanager
    def here(self) -> Iterator[Work]:
        with self.house.work(BUYER, self.organisation) as work:
            yield work

    @contextmanager
    def everywhere(self) -> Iterator[Work]:
        with self.house.work(ADMINISTRATOR) as work, platform_scope(work.session, "test"):
            yield work

    def plan(self, **more: Any) -> int:
        with self.house.work(ADMINISTRATOR) as work:
            made: Plan = plans.save(work, None, STARTER | more)
            return made.id

    def run(self) -> None:
        """Let everything come round that is due."""
        renewing.go(self.house.work)
        with self.everywhere() as work:
            expiry.expire(work)

    def standing(self) -> tuple[Subscription, list[int]]:
        """Return the newest subscription, and the ids of orders that are not paid."""
        with self.here() as work:
            found = work.session.scalars(select(Subscription).order_by(Subscription.id.desc()).limit(1)).one()
            owed = list(work.session.scalars(select(Order.id).where(Order.state.in_(("placed", "awaiting")))))
            work.session.expunge_all()
            return found, owed

    def at(self, *moment: int) -> None:
        """Set the clock, and let everything come round."""
        self.wall.now = datetime(*moment, tzinfo=UTC)  # type: ignore[misc, arg-type]
        self.run()

    def passes(self, **time: float) -> None:
        """Let time pass, and everything come round."""
        self.wall.now += timedelta(**time)
        self.run()

    def subscribe(self, plan_id: int) -> None:
        with self.here() as work:
            lifecycle.subscribe(work, plan_id)

    def of(self) -> Subscription:
        """Return the newest subscription."""
        with self.here() as work:
            found = work.session.scalars(select(Subscription).order_by(Subscription.id.desc()).limit(1)).one()
            work.session.expunge_all()
            return found

    def orders(self) -> list[Order]:
        with self.here() as work:
            found = work.session.scalars(select(Order).order_by(Order.id)).all()
            work.session.expunge_all()
            return list(found)

    def unpaid(self) -> list[int]:
        return [each.id for each in self.orders() if each.state in ("placed", "awaiting")]

    def pay(self, order_id: int | None = None) -> Decimal:
        """Let the sum of an order come, or of the only one that is open."""
        chosen = order_id if order_id is not None else self.unpaid()[0]
        with self.everywhere() as work:
            order = work.session.get_one(Order, chosen)
            orders.mark_paid(work, chosen, gateway="bank", payment_reference=f"p-{chosen}", amount=order.total,
                             currency=order.currency)  # fmt: skip
            return order.net

    def available(self) -> Decimal:
        with self.here() as work:
            return balances.of(work, self.organisation).available


def begin(house: House, organisation: int, *moment: int) -> Scene:
    """Return a scene at a moment."""
    wall = Wall(datetime(*moment, tzinfo=UTC))  # type: ignore[misc, arg-type]
    return Scene(dataclasses.replace(house, clock=wall), wall, organisation)
