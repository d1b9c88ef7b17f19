"""Whether the books agree with themselves: every total with the sum of its entries, and with its lots."""

from decimal import Decimal

from sqlalchemy import text

from connectpulse.core.api import Card, Health, HealthCheck, RestoreCheck, Work

from ..figures import spelt
from . import balances
from .tables import ACCOUNTS

_SUMS = ", ".join(f"sum({account}) AS {account}" for account in ACCOUNTS)
_DIFFER = " OR ".join(f"coalesce(t.{account}, 0) <> coalesce(e.{account}, 0)" for account in ACCOUNTS)
_NAMES = ", ".join(ACCOUNTS)

_TOTALS = text(
    f"""
    WITH t AS (
        SELECT organisation_id, {_SUMS} FROM (
            SELECT organisation_id, {_NAMES} FROM billing_account
            UNION ALL SELECT organisation_id, {_NAMES} FROM billing_delta) each GROUP BY 1),
    e AS (
        SELECT organisation_id, {_SUMS} FROM (
            SELECT organisation_id, {_NAMES} FROM billing_entry
            UNION ALL SELECT organisation_id, {_NAMES} FROM billing_opening) each GROUP BY 1)
    SELECT organisation_id, coalesce(t.available, 0), coalesce(e.available, 0)
    FROM t FULL JOIN e USING (organisation_id) WHERE {_DIFFER} ORDER BY 1
    """
)
_LOTS = text(
    """
    SELECT a.organisation_id, a.available, coalesce(l.remaining, 0)
    FROM billing_account a LEFT JOIN (
        SELECT organisation_id, sum(remaining) AS remaining FROM billing_lot GROUP BY 1) l USING (organisation_id)
    WHERE a.available <> coalesce(l.remaining, 0) ORDER BY 1
    """
)
_NEGATIVE = text("SELECT organisation_id, reserved, spent FROM billing_account WHERE available < 0 OR expired < 0")


def total_faults(work: Work) -> list[tuple[int, Decimal, Decimal]]:
    """Return (organisation, available by the totals, by the entries) where any total differs; O(entries)."""
    return [(row[0], row[1], row[2]) for row in work.session.execute(_TOTALS)]


def faults(work: Work) -> list[str]:
    """Return one sentence per total that does not agree; reads every entry: O(entries), for once a day."""
    found = [
        f"Organisation {row[0]}: the total says {row[1]:f} units are available, the entries {row[2]:f}."
        for row in total_faults(work)
    ]
    found += [
        f"Organisation {row[0]}: {row[1]:f} units are available, its lots hold {row[2]:f}."
        for row in work.session.execute(_LOTS)
    ]
    return found + [
        f"Organisation {row[0]}: a total is less than zero." for row in work.session.execute(_NEGATIVE)
    ]  # fmt: skip


def _health(work: Work) -> Health:
    wrong = [row[0] for row in work.session.execute(_LOTS)]
    if wrong:
        return Health(
            "billing_ledger", False, f"Lots and totals differ for organisations {wrong[:5]}. See Differences."
        )
    return Health("billing_ledger", True, "What is available agrees with the lots it came in.")


def _restored(work: Work) -> Health:
    found = faults(work)
    return Health("billing_ledger", not found, " ".join(found[:5]) or "Every total is the sum of its entries.")


def _balance(work: Work) -> str | None:
    if work.organisation is None:
        return None
    return spelt(balances.of(work, work.organisation).available)


HEALTH = HealthCheck("billing_ledger", _health)
RESTORED = RestoreCheck("billing_ledger", _restored)
CARD = Card("billing_balance", "Units available", _balance, "fa-coins")
