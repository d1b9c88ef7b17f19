"""How far a unit of work reaches: an organisation's own, or, for machinery and operators, every organisation's."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select

from connectpulse.core.api import NotFound, Work, platform_scope

from .order_models import Order


@contextmanager
def everywhere(work: Work, reason: str) -> Iterator[None]:
    """Lift the guard for the block if `work` is bound to no organisation; else leave it to its own."""
    if work.organisation is not None:
        yield
        return
    with platform_scope(work.session, reason):
        yield


def locked(work: Work, order_id: int) -> Order:
    """Return an order, locked until the transaction ends; raise NotFound if this work may not see it."""
    statement = select(Order).where(Order.id == order_id).with_for_update(of=Order)
    found = work.session.scalars(statement.execution_options(populate_existing=True)).one_or_none()
    if found is None:
        raise NotFound("There is no such order.")
    return found
