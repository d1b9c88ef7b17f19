"""Cells of files: what a spreadsheet would run is made inert, and numbers stay numbers."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectpulse.core.domain import cells

RUNS = "=+-@\t\r\n＝＋－＠"


@pytest.mark.parametrize("cell", [f"{sign}cmd|' /C calc'!A0" for sign in RUNS])
def test_nothing_runs(cell: str) -> None:
    assert cells.inert(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["+923001234567", "-12.5", "+92 300 1234567", "1,200.00", "Eid offer", "", "a=b"])
def test_numbers_and_words_stay(cell: str) -> None:
    assert cells.inert(cell) == cell


def test_nothing_is_empty() -> None:
    assert cells.inert(None) == ""


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=4), max_size=5))
def test_lines_are_read_again_as_they_were(rows: list[list[str]]) -> None:
    read = list(csv.reader(io.StringIO("".join(cells.lines(rows)), newline="")))
    assert read == [[cells.inert(cell) for cell in row] for row in rows]
    assert not [cell for row in read for cell in row if cell.startswith("=")]
