"""What a fresh organisation is given for a trial, and when nothing is given."""

import pytest

from connectpulse.core.services import furnishing
from connectpulse.core.services.work import Work
from connectpulse.core.storage import guard
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.testing.plugin import metering


def test_every_plugin_furnishes_in_the_transaction_that_makes_it(house: House) -> None:
    seen: list[tuple[int, int | None]] = []

    def make(work: Work) -> None:
        seen.append((work.organisation_id, guard.bound(work.session)))

    house.registry.demos.append(make)
    made = factories.organisation(house)
    assert seen == [(made, made)]


def test_without_the_hook_nothing_is_given(house: House) -> None:
    made = factories.organisation(house)
    with house.work(factories.ADMINISTRATOR) as work:
        furnishing.furnish(work, made)
        assert not work.session.new


def test_a_house_of_a_test_meters_nothing(house: House) -> None:
    assert not house.registry.ledger.is_metered
    assert metering() <= house.registry.muted


@pytest.mark.metered
def test_a_house_that_asks_for_it_has_the_ledger_that_is_installed(house: House) -> None:
    assert not metering() & house.registry.muted
    assert house.registry.ledger.is_metered == bool(metering())
