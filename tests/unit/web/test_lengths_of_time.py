"""Lengths of time, as pages say them."""

import pytest

from connectpulse.web.panel.dates import duration


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "no limit"),
        (3600, "60 minutes"),
        (86_400, "24 hours"),
        (9_000, "2.5 hours"),
        (259_200, "3 days"),
    ],
)
def test_a_length_of_time_in_words(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words
