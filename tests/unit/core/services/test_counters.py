"""Figures: the sum of their deltas, before and after squashing."""

from collections import Counter
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from connectpulse.core.services import counters
from connectpulse.core.services.work import Work

deltas = st.lists(
    st.tuples(st.integers(1, 2), st.sampled_from(["state:queued", "state:sent", "units"]), st.integers(-9, 9)),
    min_size=1, max_size=30,
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(given_deltas=deltas, is_squashed=st.booleans())
def test_a_figure_is_the_sum_of_its_changes(
    work: Work, given_deltas: list[tuple[int, str, int]], is_squashed: bool
) -> None:
    work.session.execute(text("DELETE FROM pulse_counter"))
    summed: dict[int, Counter[str]] = {1: Counter(), 2: Counter()}
    for campaign, name, amount in given_deltas:
        counters.add(work, {(work.organisation_id, campaign, name): amount})
        summed[campaign][name] += amount
    if is_squashed:
        counters.squash(work)
    read = counters.read(work, [1, 2, 3])
    assert {c: {n: a for n, a in read[c].items() if a} for c in (1, 2)} == {
        c: {n: a for n, a in summed[c].items() if a} for c in (1, 2)
    }
    assert read[3] == {}


def test_squashing_leaves_a_row_per_figure_and_the_same_sums(work: Work) -> None:
    for number in range(1, 121):
        units, parts = ((work.organisation_id, 1, name) for name in ("units", "parts"))
        counters.add(work, {units: Decimal("0.25"), parts: number})
    before = counters.read(work, [1])
    assert before == {1: {"units": Decimal(30), "parts": Decimal(7260)}}
    assert counters.squash(work) == 238
    assert counters.read(work, [1]) == before
    assert work.session.scalar(text("SELECT count(*) FROM pulse_counter")) == 2
    assert counters.squash(work) == 0


def test_what_belongs_to_no_campaign_is_counted_apart_and_nothing_is_no_change(work: Work) -> None:
    counters.add(work, {(work.organisation_id, 0, "units"): 1, (work.organisation_id, 1, "units"): 0})
    assert work.session.execute(text("SELECT campaign_id, amount FROM pulse_counter")).all() == [(0, 1)]
