"""Taxes as rows: which rates hold on a day, for the legal entity that sells."""

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import or_, select

from connectpulse.core.api import Refused, Work, records

from . import money
from .models import Tax
from .money import Rate


def rates(work: Work, legal_entity_id: int | None, currency: str, day: date) -> list[Rate]:
    """Return the taxes on a sale of `day`, by name; of several rates of one name the latest begun holds.

    A rate of the legal entity itself goes before one for all.
    """
    statement = (
        select(Tax)
        .where(
            Tax.valid_from <= day,
            or_(Tax.valid_until.is_(None), Tax.valid_until >= day),
            or_(Tax.legal_entity_id.is_(None), Tax.legal_entity_id == legal_entity_id),
            Tax.currency.in_(("", currency)),
        )
        .order_by(Tax.legal_entity_id.is_(None).desc(), Tax.valid_from, Tax.id)
    )
    latest = {each.name: Rate(each.name, each.percent) for each in work.session.scalars(statement)}
    return [latest[name] for name in sorted(latest) if latest[name].percent]


def save(work: Work, tax: Tax | None, values: dict[str, Any]) -> Tax:
    """Make a tax or change one; raise Refused with what is wrong. Orders keep the rate they were placed at."""
    name = " ".join(str(values["name"]).split())
    first: date = values["valid_from"]
    last: date | None = values["valid_until"]
    if last is not None and last < first:
        raise Refused("The last day lies before the first.")
    code = str(values["currency"] or "").strip()
    row = tax or Tax()
    row.name, row.valid_from, row.valid_until = name, first, last
    row.percent = money.number(values["percent"], "Percent", places=4, low=Decimal(0), high=Decimal(100))
    row.currency = money.currency(code) if code else ""
    row.legal_entity_id = values["legal_entity_id"]
    if tax is None:
        return records.create(work, row, "billing.tax_added")
    return records.update(work, row, "billing.tax_changed")


def remove(work: Work, tax: Tax) -> None:
    """Delete a tax; what was ordered keeps it."""
    records.delete(work, tax, "billing.tax_deleted")
