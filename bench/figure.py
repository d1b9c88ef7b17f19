"""One measured figure, how it is written for people and for machines."""

import json
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with its unit; where it says something only beside another, that one and the ratio to it."""

    name: str
    value: float
    unit: str
    beside: str = ""
    other: float | None = None

    @property
    def ratio(self) -> float | None:
        return None if not self.other else round(self.value / self.other, 3)

    def row(self) -> str:
        """Return the figure as a line of the table."""
        compared = f"{self.ratio:>7.2f} of {self.beside} ({self.other:,.0f})" if self.ratio and self.other else ""
        return f"{self.name:<34}{self.value:>12,.1f} {self.unit:<14}{compared}"


def as_json(figures: Sequence[Figure]) -> str:
    """Return all figures in one line of JSON, by name."""
    return json.dumps(
        {each.name: {"value": round(each.value, 1), "unit": each.unit, "ratio": each.ratio} for each in figures}
    )
