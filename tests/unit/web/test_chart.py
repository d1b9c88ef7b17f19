"""Charts: drawn to scale, said in words, and safe whatever a label says."""

import re
from decimal import Decimal

import pytest

from connectpulse.web import chart

DAYS = [("1 Nov", Decimal("10.50")), ("2 Nov", 21), ("3 Nov", -5), ("4 Nov", 0)]


def test_columns_are_drawn_to_scale() -> None:
    heights = [float(each) for each in re.findall(r'height="([\d.]+)"><title>', chart.columns("Units", DAYS))]
    assert heights == [70.0, 140.0, 0.0, 0.0]


def test_bars_are_drawn_to_scale_and_say_their_values() -> None:
    drawn = chart.bars("By channel", DAYS, "units")
    assert re.findall(r'width="([\d.]+)"', drawn) == ["50.00", "100.00", "0.00", "0.00"]
    assert "10.5 units" in drawn


@pytest.mark.parametrize("draw", [chart.bars, chart.columns])
def test_labels_are_text_and_nothing_is_inline(draw: object) -> None:
    drawn = draw("<b>", [("<script>", 1)])  # type: ignore[operator]
    assert "<script>" not in drawn
    assert "<b>" not in drawn
    assert "style=" not in drawn
    assert "&lt;script&gt;" in drawn


@pytest.mark.parametrize("points", [[], [("only", 0)]])
def test_nothing_to_draw_is_drawn_as_nothing(points: chart.Points) -> None:
    assert "<figure" in chart.bars("None", points)
    assert "<figure" in chart.columns("None", points)
