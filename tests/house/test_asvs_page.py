"""The map of the ASVS is whole and true: every requirement once, and everything it points to exists."""

import re
from collections import Counter
from typing import NamedTuple

import pytest

from connectpulse.core.services.evidence.bundle import is_of
from tests.house import code
from tests.house.test_controls import proofs_of

PAGE = code.ROOT / "docs" / "asvs.md"
VERDICTS = {"yes", "in part", "operator", "no", "n/a"}
# Section of ASVS 5.0.0 and how many of its first requirements are of level 1 or 2; all others are of level 3.
SECTIONS = {
    "1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2, "2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1, "3.2": 2, "3.3": 4,
    "3.4": 6, "3.5": 5, "3.7": 2, "4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4, "5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3,
    "6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4, "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5,
    "7.5": 2, "7.6": 2, "8.1": 2, "8.2": 3, "8.3": 1, "8.4": 1, "9.1": 3, "9.2": 4, "10.1": 2, "10.2": 2, "10.3": 4,
    "10.4": 11, "10.5": 5, "10.6": 2, "10.7": 3, "11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4, "11.5": 1, "11.6": 1,
    "12.1": 3, "12.2": 2, "12.3": 4, "13.1": 1, "13.2": 5, "13.3": 2, "13.4": 5, "14.1": 2, "14.2": 4, "14.3": 3,
    "15.1": 3, "15.2": 3, "15.3": 7, "16.1": 1, "16.2": 5, "16.3": 4, "16.4": 3, "16.5": 3, "17.1": 1, "17.2": 4,
    "17.3": 2,
}  # fmt: skip
REQUIREMENTS = [f"{section}.{number}" for section, many in SECTIONS.items() for number in range(1, many + 1)]


class Row(NamedTuple):
    """One line of the map."""

    requirements: str
    holds: str
    how: str
    where: str
    shown: str

    @property
    def numbers(self) -> list[str]:
        return self.requirements.split(", ")


def _rows() -> list[Row]:
    cells = ([cell.strip() for cell in line.split("|")[1:-1]] for line in PAGE.read_text().splitlines())
    return [Row(*row) for row in cells if len(row) == 5 and row[0][:1].isdigit()]


ROWS = _rows()
each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.requirements)


def test_every_requirement_of_level_two_is_there_once() -> None:
    told = [number for row in ROWS for number in row.numbers]
    assert len(REQUIREMENTS) == 253
    assert told == REQUIREMENTS or sorted(told) == sorted(REQUIREMENTS), set(told) ^ set(REQUIREMENTS)


def test_the_figures_are_those_of_the_tables() -> None:
    counted = Counter({row.holds: 0 for row in ROWS})
    for row in ROWS:
        counted[row.holds] += len(row.numbers)
    written = re.findall(r"^\| ([a-z/ ]+) \| (\d+) \|", PAGE.read_text(), re.M)
    assert {name: int(figure) for name, figure in written} == dict(counted)


@each_row
def test_a_line_says_what_it_owes(row: Row) -> None:
    assert row.holds in VERDICTS
    assert row.how.endswith(".")
    assert bool(row.shown) or row.holds not in {"yes", "operator"}
    assert ("Missing: " in row.how) == (row.holds == "in part")


@each_row
def test_what_a_line_points_to_exists(row: Row) -> None:
    for path in re.findall(r"`([^`]+)`", row.where):
        assert (code.ROOT / path).exists(), path
    for name in re.findall(r"`([^`]+)`", row.shown):
        assert [each for each in proofs_of(name.partition("::")[0]) if is_of(each, name)], name
