"""What the organisations of demonstrations, benchmarks and tests begin with."""

from decimal import Decimal

from connectpulse.core.api import Work

from . import grants

UNITS = Decimal(10_000_000)


def furnish(work: Work) -> None:
    """Give the organisation more units than a trial can spend."""
    grants.grant(work, work.organisation_id, UNITS, "trial", "demonstration", reason="Units to try the house out.")
