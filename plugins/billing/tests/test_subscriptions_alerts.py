"""Being told that units run low: once per crossing, by what the organisation set."""

from decimal import Decimal
from typing import Any

import pytest
from connectpulse_billing.ledger import balances, grants
from connectpulse_billing.subscriptions import alerts
from sqlalchemy import text
from subscribing_scene import BUYER

from connectpulse.core.api import MessageState, Movement, Refused
from connectpulse.core.domain.contracts import Purpose, Tariff
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.testing.factories import ADMINISTRATOR

pytestmark = pytest.mark.metered
SAID: dict[str, Any] = {"is_on": "yes", "percent": "20", "days": "0", "units": "0"}


@pytest.fixture
def poor(house: House, organisation: int) -> int:
    """An organisation that got a thousand units last, and has nothing else."""
    with house.work(ADMINISTRATOR) as work:
        grants.withdraw(work, organisation, balances.of(work, organisation).available, "test", "all", "test")
        grants.grant(work, organisation, Decimal(1000), "order", "first")
    look(house)
    return organisation


def look(house: House) -> list[str]:
    """Let the duty come round twice; return the titles of all notices of low units."""
    for _ in range(2):
        with house.work(ADMINISTRATOR) as work:
            alerts.look(work)
    with house.work(ADMINISTRATOR) as work:
        found = text("SELECT title FROM pulse_notice WHERE kind = 'billing.units_low' ORDER BY id")
        return list(work.session.scalars(found))


def leave(house: House, organisation: int, units: int, reference: str) -> None:
    """Let so many units be left."""
    with house.work(ADMINISTRATOR) as work:
        excess = balances.of(work, organisation).available - units
        grants.withdraw(work, organisation, excess, "test", reference, "test")


def give(house: House, organisation: int, units: int, reference: str) -> None:
    with house.work(ADMINISTRATOR) as work:
        grants.grant(work, organisation, Decimal(units), "order", reference)


def spend(house: House, organisation: int, units: int) -> None:
    with house.work(BUYER, organisation) as work:
        tariff = Tariff(organisation, "sms", Purpose.PROMOTIONAL, "MEHR")
        work.registry.ledger.reserve(work, tariff, None, Decimal(units))
        moved = (MessageState.QUEUED, MessageState.DELIVERED, units, Decimal(units), units)
        work.registry.ledger.settle(work, [Movement(organisation, None, "sms", *moved)])


def test_it_is_told_once_per_crossing_and_again_only_well_above(house: House, poor: int) -> None:
    leave(house, poor, 200, "a")
    assert look(house) == []
    leave(house, poor, 199, "b")
    assert look(house) == ["Units are running low: 199 are left"]
    leave(house, poor, 150, "c")
    assert len(look(house)) == 1
    with house.work(BUYER, poor) as work:
        alerts.save(work, SAID | {"percent": "0", "units": "200"})
    give(house, poor, 60, "d")
    assert len(look(house)) == 1, "210 is above the threshold, but not well above"
    leave(house, poor, 190, "e")
    assert len(look(house)) == 1
    give(house, poor, 40, "f")
    look(house)
    leave(house, poor, 100, "g")
    assert look(house)[1:] == ["Units are running low: 100 are left"]


def test_it_goes_to_the_right_people_by_mail_as_well(house: House, poor: int) -> None:
    leave(house, poor, 10, "a")
    look(house)
    with house.work(ADMINISTRATOR) as work:
        row = work.session.execute(
            text("SELECT organisation_id, roles, is_binding, body FROM pulse_notice WHERE kind = 'billing.units_low'")
        ).one()
    assert row.organisation_id == poor
    assert row.roles == ["Organisation administrator", "Billing manager"]
    assert row.is_binding
    assert "below 200." in row.body


def test_days_are_counted_by_what_was_spent_in_a_week(house: House, poor: int) -> None:
    with house.work(BUYER, poor) as work:
        alerts.save(work, SAID | {"percent": "0", "days": "7"})
    spend(house, poor, 490)
    assert look(house) == []
    spend(house, poor, 20)
    assert look(house) == ["Units are running low: 490 are left"]


def test_who_turned_it_off_is_not_told(house: House, poor: int) -> None:
    with house.work(BUYER, poor) as work:
        alerts.save(work, SAID | {"is_on": ""})
    leave(house, poor, 1, "a")
    assert look(house) == []


def test_others_are_told_of_their_own(house: House, poor: int) -> None:
    other = factories.organisation(house)
    leave(house, poor, 1, "a")
    assert look(house) == ["Units are running low: 1 are left"]
    with house.work(BUYER, other) as work:
        assert alerts.of(work) is None


@pytest.mark.parametrize("wrong", [{"percent": "101"}, {"days": "-1"}, {"units": "x"}, {"percent": "0"}])
def test_wrong_figures_are_refused_and_change_nothing(house: House, poor: int, wrong: dict[str, str]) -> None:
    with house.work(BUYER, poor) as work, pytest.raises(Refused):
        alerts.save(work, SAID | wrong)
    with house.work(BUYER, poor) as work:
        assert alerts.of(work) is None
