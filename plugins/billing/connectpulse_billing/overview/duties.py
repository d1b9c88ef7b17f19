"""What this area owes: an end for every row, and rounds that keep the facts."""

from collections.abc import Sequence
from datetime import timedelta

from connectpulse.core.api import Duty, RetentionRule, Then, View

from ..area import Area
from . import facts
from .tables import Destination, Spending

KEPT = timedelta(days=800)
"""Two years and a bit, so that a month can be held against the same one of the year before."""


def _views() -> Sequence[View]:
    from .pages import VIEWS

    return VIEWS


AREA = Area(
    rules=[
        RetentionRule(Spending, "created_at", KEPT, Then.PURGE, "figures"),
        RetentionRule(Destination, "created_at", KEPT, Then.PURGE, "figures"),
    ],
    duties=[
        Duty("billing.spending", "Summing up what was spent", timedelta(minutes=5), step=facts.fold_days),
        Duty("billing.places", "Summing up where it went", timedelta(hours=1), step=facts.fold_places),
    ],
    views=_views,
)
