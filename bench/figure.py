"""One measured figure, how it is written for people and for machines."""

import json
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with its unit; where it says something only beside another, that one and the ratio to it.

    `least` and `most` are the targets of the value, `least_ratio` and `most_ratio` those of the ratio.
    """

    name: str
    value: float
    unit: str
    beside: str = ""
    other: float | None = None
    least: float | None = None
    most: float | None = None
    least_ratio: float | None = None
    most_ratio: float | None = None

    @property
    def is_met(self) -> bool | None:
        """Whether every target is reached; None where there is none."""
        pairs = [
            (self.value, self.least, self.most),
            (self.ratio if self.ratio is not None else 0.0, self.least_ratio, self.most_ratio),
        ]
        if all(low is None and high is None for _, low, high in pairs):
            return None
        return all((low is None or found >= low) and (high is None or found <= high) for found, low, high in pairs)

    @property
    def target(self) -> str:
        """The targets in words."""
        said = [
            f"{word} {limit:,g}{unit}"
            for word, limit, unit in (
                ("at least", self.least, f" {self.unit}"),
                ("at most", self.most, f" {self.unit}"),
                ("at least", self.least_ratio, " of it"),
                ("at most", self.most_ratio, " of it"),
            )
            if limit is not None
        ]
        return ", ".join(said)

    @property
    def ratio(self) -> float | None:
        return None if not self.other else round(self.value / self.other, 3)

    def row(self) -> str:
        """Return the figure as a line of the table."""
        compared = f"{self.ratio:>7.2f} of {self.beside} ({self.other:,.0f})" if self.ratio and self.other else ""
        verdict = "" if self.is_met is None else f"{'met' if self.is_met else 'MISSED'}: {self.target}"
        return f"{self.name:<34}{self.value:>12,.1f} {self.unit:<14}{compared:<42}{verdict}".rstrip()


def as_json(figures: Sequence[Figure]) -> str:
    """Return all figures in one line of JSON, by name."""
    return json.dumps(
        {
            each.name: {
                "value": round(each.value, 1),
                "unit": each.unit,
                "ratio": each.ratio,
                "target": each.target,
                "is_met": each.is_met,
            }
            for each in figures
        }
    )
