"""Lots whose time is over: what is left of them expires, once."""

from sqlalchemy import text

from connectpulse.core.api import Work, audit

from . import books
from .books import Posting

_DUE = text(
    "SELECT DISTINCT organisation_id FROM billing_lot WHERE remaining > 0 AND expires_at <= :now "
    "ORDER BY 1 LIMIT :limit"
)
_EXPIRE = text(
    """
    WITH late AS (
        SELECT id, remaining FROM billing_lot
        WHERE organisation_id = :organisation AND remaining > 0 AND expires_at <= :now FOR UPDATE),
    gone AS (
        UPDATE billing_lot l SET remaining = 0, gone = l.gone + late.remaining FROM late WHERE l.id = late.id
        RETURNING l.source, l.reference)
    SELECT (SELECT sum(remaining) FROM late), (SELECT count(*) FROM gone)
    """
)


def expire(work: Work, limit: int = 100) -> int:
    """Let what is left of lots expire whose time is over; return for how many organisations. Platform work."""
    due = work.session.scalars(_DUE, {"now": work.clock(), "limit": limit}).all()
    return sum(_expire(work, organisation_id) for organisation_id in due)


def _expire(work: Work, organisation_id: int) -> int:
    books.hold(work, organisation_id)
    facts = {"organisation": organisation_id, "now": work.clock()}
    units, lots = work.session.execute(_EXPIRE, facts).one()
    if not units:
        return 0
    books.write(work, [Posting(organisation_id=organisation_id, kind="expire", available=-units, expired=units)])
    audit.record_named(
        work,
        "billing.units_expired",
        organisation_id,
        "Entry",
        organisation_id,
        f"{units.normalize():f} units",
        lots=lots,
    )
    return 1
