"""Whatever happens in whatever order: entries sum to zero, nothing is negative, totals are the sums of entries."""

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from connectpulse.house import House
from tests.faults.booking import begin

pytestmark = pytest.mark.metered


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=strategies.integers(0, 1 << 32))
def test_the_books_agree_after_random_operations(house: House, seed: int) -> None:
    trial = begin(house, 2, seed)
    trial.run(250)
    assert trial.faults() == [], f"seed {seed}"
    assert trial.done["settle"] > 50
