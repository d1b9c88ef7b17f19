"""The short version of `make faults`: a campaign whose workers are killed and whose database crashes, with billing."""

import pytest

from .trial import Plan, run


@pytest.mark.slow
def test_nothing_is_lost_sent_twice_or_charged_twice() -> None:
    verdict = run(Plan(recipients=2_000, kills=4, restarts=1, seed=2, window=20, sessions=6, is_metered=True))
    assert verdict.faults == []
    assert (verdict.charged_twice, verdict.unsettled) == (0, 0)
    assert (verdict.kills, verdict.restarts) == (4, 1)
    assert verdict.states.get("delivered", 0) + len(verdict.unknown) == 2_000
