"""What the organisations of demonstrations, benchmarks and tests begin with: units, and prices to spend them at."""

from decimal import Decimal

from sqlalchemy import select

from connectpulse.core.api import Work

from ..rates import cards
from ..rates.models import Rate, RateCard, RateVersion
from . import grants

UNITS = Decimal(10_000_000)


def furnish(work: Work) -> None:
    """Give the organisation more units than a trial can spend, and prices where there are none at all."""
    _price(work)
    grants.grant(work, work.organisation_id, UNITS, "trial", "demonstration", reason="Units to try the house out.")


def _price(work: Work) -> None:
    is_priced = work.session.scalars(select(RateCard.id).limit(1)).first() is not None
    if is_priced or not work.registry.channels:
        return
    version = RateVersion(card_id=cards.create(work, "Trial prices").id, number=1)
    work.session.add(version)
    work.session.flush()
    work.session.add_all(
        Rate(version_id=version.id, channel=channel, prefix="", per="part", units=Decimal(1))
        for channel in work.registry.channels
    )
    work.session.flush()
    cards.publish(work, version.id)
