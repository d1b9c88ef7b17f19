"""The ledger of a site without billing: every part is one unit, nothing runs out, nothing is charged."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from ..domain.contracts import Ledger, Measure, Movement, Pricer, Tariff
from ..domain.pricing import Price
from .work import Work


class UnmeteredLedger(Ledger):
    """Counts units and refuses nothing. A billing plugin's ledger takes its place."""

    name = "unmetered"
    is_metered = False

    def pricer(self, work: Work, tariff: Tariff) -> Pricer:
        def price(address: str, measure: Measure) -> Price:
            return Price(Decimal(measure.quantity))

        return price

    def balance(self, work: Work, organisation_id: int) -> Decimal | None:
        return None

    def reserve(
        self, work: Work, tariff: Tariff, campaign_id: int | None, units: Decimal, *, day: date | None = None
    ) -> None:
        """Nothing is set aside: there is no account to set it aside from."""

    def settle(self, work: Work, movements: Sequence[Movement]) -> None:
        """Nothing is charged; the campaign's own counters keep what was sent."""
