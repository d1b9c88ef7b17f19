"""A measured figure says whether its target is met."""

import json

from bench.figure import Figure, as_json


def test_a_figure_is_held_against_its_targets() -> None:
    assert Figure("plain", 5, "ms").is_met is None
    assert Figure("page", 99, "ms", most=100).is_met
    assert not Figure("page", 101, "ms", most=100).is_met
    assert Figure("rate", 15_000, "messages/s", least=15_000).is_met
    assert Figure("cost", 60, "µs", "at 5000", 50, most_ratio=1.2).is_met
    assert not Figure("cost", 61, "µs", "at 5000", 50, most_ratio=1.2).is_met
    assert not Figure("rate", 20_000, "messages/s", "the floor", 50_000, least=15_000, least_ratio=0.5).is_met


def test_the_table_and_the_line_for_machines_tell_it() -> None:
    missed = Figure("page", 101, "ms", most=100)
    assert missed.row().endswith("MISSED: at most 100 ms")
    assert json.loads(as_json([missed]))["page"]["is_met"] is False
    assert Figure("plain", 5, "ms").row().endswith("ms")
