"""What callees remember: which numbers were called, how often, and what they heard."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

_NO_SUCH_NUMBER: Final = 404


@dataclass(slots=True)
class Heard:
    """One call as its callee lives it. `loud` counts the packets with sound in them, `hung_up_by` is us or them."""

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
        """Return the figures: calls by how they ended, and what a trial of any channel is judged by."""
        answered = Counter(each.number for each in self.calls if each.status == 200)
        refused = {each.number for each in self.calls if each.status == _NO_SUCH_NUMBER} - set(answered)
        talking = sum(each.status == 200 and not each.hung_up_by for each in self.calls)
        return {
            "messages": len({each.number for each in self.calls}),
            "delivered": len(answered),
            "undeliverable": len(refused),
            "duplicates": sum(times > 1 for times in answered.values()),
            "incomplete": 0,
            "waiting": talking,
            "calls": len(self.calls),
            "unheard": sum(each.status == 200 and bool(each.hung_up_by) and not each.loud for each in self.calls),
            "statuses": dict(Counter(str(each.status) for each in self.calls)),
        }

    def reset(self) -> None:
        """Forget everything."""
        self.calls.clear()
