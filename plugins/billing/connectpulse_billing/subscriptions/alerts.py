"""Telling organisations that their units run low: once per crossing, and again only after they were well above."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select, text

from connectpulse.core.api import Refused, Work, audit, notices, records

from .. import turns
from ..buying import money
from ..figures import spelt
from .charging import ROLES
from .tables import Alert

MARGIN = Decimal("1.1")
"""How far above the threshold units have to come before the next crossing is told of: a tenth."""
AT_ONCE = 500
"""How many organisations one transaction tells."""

# Days are looked up only for those who ask for them: the spending of a week is read from the entries of that week.
_CROSS = text(
    """
    WITH has AS (
        SELECT a.organisation_id, a.available + coalesce((
                   SELECT sum(d.available) FROM billing_delta d WHERE d.organisation_id = a.organisation_id), 0
               ) AS units,
               coalesce(s.is_low, false) AS is_low,
               greatest(
                   coalesce(s.units, 0),
                   coalesce((SELECT l.units FROM billing_lot l WHERE l.organisation_id = a.organisation_id
                             ORDER BY l.id DESC LIMIT 1), 0) * coalesce(s.percent, 20) / 100,
                   CASE WHEN s.days > 0 THEN coalesce((
                       SELECT sum(e.spent) FROM billing_entry e
                       WHERE e.organisation_id = a.organisation_id AND e.kind = 'settle'
                         AND e.created_at > :since), 0) * s.days / 7 ELSE 0 END) AS threshold
        FROM billing_account a LEFT JOIN billing_alert s ON s.organisation_id = a.organisation_id
        WHERE coalesce(s.is_on, true)),
    crossed AS (
        SELECT organisation_id, units, threshold, NOT is_low AS is_low FROM has
        WHERE (NOT is_low AND units < threshold) OR (is_low AND units >= threshold * :margin)
        ORDER BY organisation_id LIMIT :limit),
    kept AS (
        INSERT INTO billing_alert (organisation_id, is_low, told_at)
        SELECT organisation_id, is_low, CASE WHEN is_low THEN CAST(:now AS timestamptz) END FROM crossed
        ON CONFLICT (organisation_id) DO UPDATE
        SET is_low = excluded.is_low, told_at = coalesce(excluded.told_at, billing_alert.told_at)
        WHERE billing_alert.is_low <> excluded.is_low
        RETURNING organisation_id)
    SELECT c.organisation_id, c.units, c.threshold, c.is_low FROM crossed c JOIN kept USING (organisation_id)
    ORDER BY c.organisation_id
    """
)


def look(work: Work) -> bool:
    """Tell those whose units ran low, and forget of those that have enough again; return whether there may be more.

    Platform work; O(accounts) look-ups by index in one statement, and a notice for each crossing.
    """
    now = work.clock()
    facts = {"now": now, "since": now - timedelta(days=7), "margin": MARGIN, "limit": AT_ONCE}
    rows = work.session.execute(_CROSS, facts).all()
    for row in rows:
        if row.is_low:
            _tell(work, row)
        else:
            notices.end(work, _key(row.organisation_id))
    return len(rows) == AT_ONCE


def _tell(work: Work, row: Any) -> None:
    left = spelt(_rounded(row.units))
    notices.post(
        work, "billing.units_low", f"Units are running low: {left} are left",
        f"You asked to be told below {spelt(_rounded(row.threshold))}. Buy units before campaigns "
        "pause.", roles=ROLES, organisation_id=row.organisation_id, level="warning", link="/billing/buy/list/",
        key=_key(row.organisation_id), is_binding=True,
    )  # fmt: skip
    audit.record_named(work, "billing.units_low", row.organisation_id, "Alert", row.organisation_id, f"{left} units")


def _rounded(units: Decimal) -> Decimal:
    return units.quantize(Decimal("0.01"))


def _key(organisation_id: int) -> str:
    return f"billing.low/{organisation_id}"


def of(work: Work) -> Alert | None:
    """Return what the organisation set, None while the defaults hold."""
    return work.session.scalars(select(Alert).where(Alert.organisation_id == work.organisation_id)).one_or_none()


def save(work: Work, typed: Mapping[str, Any]) -> Alert:
    """Set when the organisation is told; raise Refused with the first fault."""
    figures = {
        "is_on": bool(typed.get("is_on")),
        "percent": int(money.number(typed.get("percent") or 0, "Percent", places=0, low=Decimal(0), high=Decimal(100))),
        "days": int(money.number(typed.get("days") or 0, "Days", places=0, low=Decimal(0), high=Decimal(90))),
        "units": money.number(typed.get("units") or 0, "Units", places=4, low=Decimal(0), high=money.MOST_UNITS),
    }
    if figures["is_on"] and not (figures["percent"] or figures["days"] or figures["units"]):
        raise Refused("Say below what you want to be told: percent, days or units. Or turn the alert off.")
    turns.wait(work, "alert")
    row = of(work)
    if row is None:
        return records.create(work, Alert(organisation_id=work.organisation_id, **figures), "billing.alert_changed")
    for name, value in figures.items():
        setattr(row, name, value)
    if not row.is_on and row.is_low:
        row.is_low = False
        notices.end(work, _key(work.organisation_id))
    return records.update(work, row, "billing.alert_changed")
