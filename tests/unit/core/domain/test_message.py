"""The fold of a message's reports: the same end in every order, however often each is told."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectpulse.core.domain.message import (
    FINAL_STATES,
    HANDED_OVER_STATES,
    OPEN_STATES,
    STATES,
    MessageState,
    fold,
    fold_parts,
)
from connectpulse.core.domain.outcome import ErrorClass

S = MessageState
states = st.sampled_from(S)


@given(states, st.lists(states), st.randoms(use_true_random=False))
def test_the_order_of_reports_does_not_matter(current: S, reports: list[S], chance: random.Random) -> None:
    shuffled = reports * 2
    chance.shuffle(shuffled)
    assert fold(current, shuffled) == fold(current, reports)


@given(states, st.lists(states), st.lists(states))
def test_reports_may_come_in_batches(current: S, early: list[S], late: list[S]) -> None:
    assert fold(fold(current, early), late) == fold(current, early + late)


@given(states, st.lists(states))
def test_a_message_never_goes_back(current: S, reports: list[S]) -> None:
    assert fold(current, reports) >= current


@pytest.mark.parametrize("failure", [S.EXPIRED, S.FAILED, S.UNDELIVERABLE, S.REJECTED])
def test_a_delivery_overrides_a_failure_and_nothing_but_a_read_overrides_it(failure: S) -> None:
    assert fold(failure, [S.DELIVERED]) is fold(S.DELIVERED, [failure]) is S.DELIVERED
    assert fold(S.DELIVERED, [S.READ, failure]) is S.READ


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        ([S.DELIVERED, S.DELIVERED], S.DELIVERED),
        ([S.DELIVERED, S.ACCEPTED], S.ACCEPTED),
        ([S.SENT, S.ACCEPTED], S.ACCEPTED),
        ([S.DELIVERED, S.UNDELIVERABLE], S.UNDELIVERABLE),
        ([S.EXPIRED, S.REJECTED, S.ACCEPTED], S.REJECTED),
        ([S.READ, S.DELIVERED], S.DELIVERED),
    ],
)
def test_a_message_is_delivered_when_all_its_parts_are(parts: list[S], whole: S) -> None:
    assert fold_parts(parts) is whole


@given(st.lists(st.sampled_from(HANDED_OVER_STATES), min_size=1), st.randoms(use_true_random=False))
def test_the_order_of_parts_does_not_matter(parts: list[S], chance: random.Random) -> None:
    shuffled = list(parts)
    chance.shuffle(shuffled)
    assert fold_parts(shuffled) == fold_parts(parts)


def test_every_state_is_open_or_final_and_has_a_sentence() -> None:
    assert set(FINAL_STATES) | set(OPEN_STATES) == set(S)
    assert not set(FINAL_STATES) & set(OPEN_STATES)
    assert all(state.sentence.endswith(".") for state in S)
    assert all(STATES[number] is S(number) for number in map(int, S))


def test_a_refusal_for_good_is_final_and_only_the_providers_own_fault_is_tried_elsewhere() -> None:
    assert all(error.state.is_final and error.state < S.DELIVERED for error in ErrorClass)
    tried = {error for error in ErrorClass if error.is_retried_elsewhere}
    assert tried == {ErrorClass.PROVIDER, ErrorClass.CREDENTIAL, ErrorClass.THROTTLE}
