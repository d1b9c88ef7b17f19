"""The life of a campaign: every step is allowed or refused in words."""

from itertools import product

import pytest

from connectpulse.core.domain.campaign import STEPS, CampaignState, check_step, states_before
from connectpulse.core.errors import Refused

S = CampaignState


@pytest.mark.parametrize(("current", "target"), list(product(S, S)))
def test_a_step_is_allowed_exactly_if_it_is_written(current: S, target: S) -> None:
    if target in STEPS[current]:
        check_step(current, target)
        assert current.value in states_before(target)
    else:
        with pytest.raises(Refused, match="it cannot become"):
            check_step(current, target)
        assert current.value not in states_before(target)


def test_every_state_has_its_steps_and_can_be_reached() -> None:
    assert set(STEPS) == set(S)
    assert set().union(*STEPS.values()) == set(S)


def test_what_is_over_stays_over() -> None:
    assert {state for state in S if not STEPS[state]} == {state for state in S if state.is_over}


def test_every_campaign_that_is_not_over_can_be_cancelled() -> None:
    assert all(S.CANCELLED in STEPS[state] for state in S if not state.is_over)


def test_only_what_was_never_launched_is_edited() -> None:
    assert {state for state in S if state.is_editable} == {S.DRAFT, S.MISSED}


def test_nothing_skips_approval_or_comes_back_from_running() -> None:
    assert S.DRAFT not in STEPS[S.RUNNING] | STEPS[S.PAUSED]
    assert STEPS[S.PAUSED] & {S.SCHEDULED, S.AWAITING_APPROVAL, S.MISSED} == set()
