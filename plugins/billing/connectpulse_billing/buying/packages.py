"""Packages of units: what is offered, in which order it is shown, and for which money."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import or_, select

from connectpulse.core.api import NotFound, Refused, Work, records

from . import money
from .models import Package

MOST_SHOWN = 100


def offered(work: Work) -> Sequence[Package]:
    """Return what can be bought today, in the order it is to be shown; at most a hundred."""
    today = work.clock().date()
    statement = (
        select(Package)
        .where(
            Package.is_offered,
            or_(Package.valid_from.is_(None), Package.valid_from <= today),
            or_(Package.valid_until.is_(None), Package.valid_until >= today),
        )
        .order_by(Package.currency, Package.place, Package.units, Package.id)
        .limit(MOST_SHOWN)
    )
    return work.session.scalars(statement).all()


def pick(work: Work, package_id: int) -> Package:
    """Return a package that can be bought today; raise NotFound otherwise."""
    for each in offered(work):
        if each.id == package_id:
            return each
    raise NotFound("This package is not offered any more.")


def save(work: Work, package: Package | None, values: dict[str, Any]) -> Package:
    """Make a package or change one; raise Refused with what is wrong. What was sold stays as it was sold."""
    first, last = values["valid_from"], values["valid_until"]
    if first is not None and last is not None and last < first:
        raise Refused("The last day lies before the first.")
    row = package or Package()
    row.name = " ".join(str(values["name"]).split())
    row.units = money.number(values["units"], "Units", places=4, low=money.UNIT, high=money.MOST_UNITS)
    row.price = money.number(values["price"], "Price", places=2, low=Decimal("0.01"), high=money.MOST)
    row.currency = money.currency(values["currency"])
    row.place, row.is_offered = values["place"], values["is_offered"]
    row.valid_from, row.valid_until, row.expires_days = first, last, values["expires_days"]
    if package is None:
        return records.create(work, row, "billing.package_added")
    return records.update(work, row, "billing.package_changed")


def remove(work: Work, package: Package) -> None:
    """Delete a package; orders of it stay as they are."""
    records.delete(work, package, "billing.package_deleted")
