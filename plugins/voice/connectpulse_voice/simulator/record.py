"""What callees remember: which numbers were called, how often, and what they heard."""

from collections import Counter
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Heard:
    """One call as its callee lived it. `loud` counts the packets with sound in them, `hung_up_by` is us or them."""

    number: str
    caller: str
    status: int = 0
    packets: int = 0
    loud: int = 0
    hung_up_by: str = ""


class Record:
    """The calls since the beginning, or since `reset`."""

    def __init__(self) -> None:
        self.calls: list[Heard] = []

    def begin(self, number: str, caller: str) -> Heard:
        """Note that a number is called."""
        heard = Heard(number, caller)
        self.calls.append(heard)
        return heard

    def find(self, number: str) -> list[Heard]:
        """Return the calls to a number, in order."""
        return [each for each in self.calls if each.number == number]

    def summary(self) -> dict[str, Any]:
        """Return the figures: calls, numbers, those answered more than once, and calls by status."""
        answered = Counter(each.number for each in self.calls if each.status == 200)
        return {
            "calls": len(self.calls),
            "distinct": len({each.number for each in self.calls}),
            "answered": sum(answered.values()),
            "answered_twice": sum(times > 1 for times in answered.values()),
            "statuses": dict(Counter(str(each.status) for each in self.calls)),
            "talking": sum(each.status == 200 and not each.hung_up_by for each in self.calls),
        }

    def reset(self) -> None:
        """Forget everything."""
        self.calls.clear()
