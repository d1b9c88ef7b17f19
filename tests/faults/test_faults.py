"""The short version of `make faults`: a campaign whose workers are killed and whose database crashes."""

import pytest

from .trial import Plan, run


@pytest.mark.slow
def test_nothing_is_lost_or_sent_twice() -> None:
    verdict = run(Plan(recipients=2_000, kills=4, restarts=1, seed=2, window=20, sessions=6))
    assert verdict.faults == []
    assert (verdict.kills, verdict.restarts) == (4, 1)
    assert verdict.states.get("delivered", 0) + len(verdict.unknown) == 2_000
