"""A number in a file is found however it is written, and somebody else's is not taken for it."""

import pytest

from connectpulse.core.domain.retention import Subject
from connectpulse.core.services.rights import mentions

ZARA = Subject(1, (("phone", "+923001234567"), ("email", "Zara@example.org")))


@pytest.mark.parametrize(
    "line",
    ["Zara,+923001234567", "0300 1234567;x", "Zara\t0092-300-1234567", "(0300) 123-4567", "3001234567",
     "+92 (0)300 1234567", "zara@EXAMPLE.org,Lahore", "a,923001234567,b"],
)  # fmt: skip
def test_it_is_found_however_it_is_written(line: str) -> None:
    assert mentions.holds(line, mentions.patterns(ZARA))


@pytest.mark.parametrize(
    "line", ["+13001234567", "+1 300 123 4567", "30012345678", "13001234567", "+923001234568", "zara@example.com", ""]
)
def test_somebody_elses_is_not_taken_for_it(line: str) -> None:
    assert not mentions.holds(line, mentions.patterns(ZARA))


def test_only_the_persons_own_lines_are_shown() -> None:
    text = "name,phone\nZara,0300 1234567\nOmar,0321 7654321\n"
    assert list(mentions.lines(text, mentions.patterns(ZARA))) == ["Zara,0300 1234567"]
