"""What an organisation has: the totals, and what is not folded into them yet."""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import text

from connectpulse.core.api import Work

from .books import ZERO


@dataclass(frozen=True, slots=True)
class Balance:
    """Units of an organisation. `borne` is what the platform bears for it until it can be taken back."""

    available: Decimal = ZERO
    reserved: Decimal = ZERO
    spent: Decimal = ZERO
    expired: Decimal = ZERO
    borne: Decimal = ZERO


_OF = text(
    """
    SELECT sum(available), sum(reserved), sum(spent), sum(expired), -sum(borne) FROM (
        SELECT available, reserved, spent, expired, borne FROM billing_account WHERE organisation_id = :organisation
        UNION ALL
        SELECT available, reserved, spent, expired, borne FROM billing_delta WHERE organisation_id = :organisation
    ) each
    """
)


def of(work: Work, organisation_id: int) -> Balance:
    """Return the balance of an organisation; all zero where it never had units. Locks nothing."""
    row = work.session.execute(_OF, {"organisation": organisation_id}).one()
    return Balance() if row[0] is None else Balance(*row)
