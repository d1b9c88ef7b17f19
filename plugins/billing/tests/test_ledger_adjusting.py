"""Units given and taken by hand: by two people, with a reason, once."""

from decimal import Decimal

import pytest
from connectpulse_billing.ledger import adjusting, balances, checking

from connectpulse.core.api import Refused, four_eyes
from connectpulse.core.services.work import Actor
from connectpulse.house import House
from connectpulse.testing import factories

pytestmark = pytest.mark.metered
AMINA, BILAL = Actor("user", "Amina", 1), Actor("user", "Bilal", 2)


def test_units_are_given_and_taken_by_two_people(house: House) -> None:
    with house.work(AMINA) as work:
        organisation = factories.organisation(house)
        before = balances.of(work, organisation).available
    for units in (Decimal("7.5"), Decimal(-3)):
        with house.work(AMINA) as work:
            decision = adjusting.ask(work, organisation, units, "The provider lost a batch.")
            assert balances.of(work, organisation).available == before
            told = adjusting.ACT.explain(work, organisation, {"units": str(units)})  # type: ignore[misc]
            assert told.effects[0].deed == ("given: 7.5" if units > 0 else "taken: 3")
            with pytest.raises(Refused, match="second person"):
                four_eyes.approve(work, decision)
        with house.work(BILAL) as work:
            four_eyes.approve(work, decision)
            before += units
            assert balances.of(work, organisation).available == before
            assert checking.faults(work) == []


def test_nothing_is_asked_without_a_number_and_a_reason(house: House, organisation: int) -> None:
    with house.work(AMINA) as work:
        for units, reason in ((Decimal(0), "why"), (Decimal("0.00001"), "why"), (Decimal(1), " ")):
            with pytest.raises(Refused):
                adjusting.ask(work, organisation, units, reason)
