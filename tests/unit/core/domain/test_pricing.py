"""What a message costs once its provider says what it bills."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from connectpulse.core.domain.pricing import Price, due
from connectpulse.core.services.receipts import DUE
from connectpulse.house import House

THREE = Decimal(3)


@pytest.mark.parametrize(
    ("price", "quantity", "billed", "units"),
    [
        (Price(THREE), 3, None, "3"),  # it does not say: as measured
        (Price(THREE), 3, 2, "2"),  # per part
        (Price(THREE), 3, 4, "4"),
        (Price(THREE, 0), 3, 4, "3"),  # per message: parts do not matter
        (Price(THREE, 60), 180, 61, "2"),  # per started minute: 61 seconds are two
        (Price(THREE, 60), 180, 60, "1"),
        (Price(THREE, 60), 180, 0, "0"),  # nobody answered
        (Price(THREE, 6), 18, 7, "2"),
        (Price(THREE), 0, 2, "6"),
        (Price(Decimal("0.1")), 3, 1, "0.0333"),
    ],
)
def test_what_is_due_follows_started_steps(price: Price, quantity: int, billed: int | None, units: str) -> None:
    assert due(price, quantity, billed) == Decimal(units)


@given(st.decimals(0, 10_000, places=4), st.sampled_from([0, 1, 6, 60]), st.integers(0, 4_000), st.integers(0, 4_000))
def test_what_was_measured_costs_what_was_said(units: Decimal, step: int, quantity: int, billed: int) -> None:
    price = Price(units, step)
    assert due(price, quantity, None) == units
    if quantity:
        assert due(price, quantity, quantity) == units
    more = due(price, quantity, billed + 1)
    assert more >= due(price, quantity, billed)


def test_the_database_reckons_alike(house: House) -> None:
    cases = [
        (units, step, quantity, billed)
        for units in ("0", "0.3333", "7.5", "120")
        for step in (0, 1, 6, 60)
        for quantity in (0, 1, 7, 60, 61)
        for billed in (None, 0, 1, 6, 59, 61, 600)
    ]
    with house.engine.connect() as connection:
        for units, step, quantity, billed in cases:
            facts = {"units": Decimal(units), "step": step, "quantity": quantity, "billed": billed}
            found = connection.scalar(
                text(
                    f"SELECT {DUE} FROM (SELECT CAST(:units AS numeric) AS units, CAST(:step AS integer) AS step, "
                    "CAST(:quantity AS integer) AS quantity, CAST(:billed AS integer) AS billed) m"
                ),
                facts,
            )
            assert found == due(Price(Decimal(units), step), quantity, billed), facts
