"""The periods a policy's text states: which records a sentence speaks of, and how long it says they are kept."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

DAY = timedelta(days=1)

_NUMBERS: Mapping[str, int] = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "twelve": 12, "fourteen": 14, "eighteen": 18, "twenty-four": 24, "thirty": 30,
    "sixty": 60, "ninety": 90,
}  # fmt: skip
_UNITS: Mapping[str, timedelta] = {
    "hour": timedelta(hours=1), "day": DAY, "week": 7 * DAY, "month": 30 * DAY, "year": 365 * DAY,
}  # fmt: skip
_PERIOD = re.compile(
    rf"(?P<least>\b(?:at least|no less than|not less than|a minimum of)\s+)?"
    rf"(?P<most>\b(?:at most|up to|no longer than|no more than|not more than|within|a maximum of)\s+)?"
    rf"\b(?P<number>\d{{1,5}}|{'|'.join(_NUMBERS)})\b(?:\s*\(\d{{1,5}}\))?[\s-]+(?P<unit>{'|'.join(_UNITS)})s?\b",
    re.I,
)
_KEEPING = re.compile(
    r"\b(?:retain|keep|kept|store|archive|archiving|delete|deletion|deleting|erase|erasing|remove|hold|held)", re.I
)
_BREAKS = re.compile(r"(?<=[.;!?])\s+|\n+")


@dataclass(frozen=True, slots=True)
class Stated:
    """What a sentence says of records: kept for exactly, at least or at most a time."""

    sentence: str
    keep: timedelta
    bound: Literal["exactly", "at least", "at most"]

    def fits(self, kept: timedelta) -> bool:
        """Return whether records kept for `kept` are kept as the sentence says."""
        if self.bound == "exactly":
            return kept == self.keep
        return kept >= self.keep if self.bound == "at least" else kept <= self.keep


def stated(text: str, names: Mapping[str, tuple[str, ...]]) -> list[tuple[str, Stated]]:
    """Return what a text says about the keeping of records, as (key, statement) in the order of the text.

    `names` says by which words each key's records are named, like `{"pulse_campaign": ("campaign log",)}`. Words may
    stand apart, as in "SMS and campaign logs". Of several periods in a sentence, records are kept for the first
    that follows their name, or else the last before it.
    """
    return [
        (key, found)
        for sentence in (part.strip().removeprefix("- ") for part in _BREAKS.split(text))
        if _KEEPING.search(sentence)
        for key, words in names.items()
        for found in _of(sentence, words)[:1]
    ]


def _of(sentence: str, names: tuple[str, ...]) -> list[Stated]:
    periods = list(_PERIOD.finditer(sentence))
    places = [place for place in (_place(sentence, name) for name in names) if place is not None] if periods else []
    if not places:
        return []
    at = min(places)
    after = [match for match in periods if match.start() > at]
    return [_read(sentence, after[0] if after else periods[-1])]


def _place(sentence: str, name: str) -> int | None:
    """Return where a name's first word stands whose other words follow within a few, None if nowhere."""
    pattern = r"(?:\W+(?:\w+\W+){0,3}?)".join(rf"{re.escape(word)}(?:s|es)?" for word in name.split())
    match = re.search(rf"\b{pattern}\b", sentence, re.I)
    return match.start() if match else None


def _read(sentence: str, match: re.Match[str]) -> Stated:
    number = match["number"].lower()
    count = int(number) if number.isdigit() else _NUMBERS[number]
    keep = count * _UNITS[match["unit"].lower()]
    return Stated(sentence, keep, "at least" if match["least"] else "at most" if match["most"] else "exactly")
