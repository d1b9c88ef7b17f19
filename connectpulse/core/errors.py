"""The ways Connect Pulse says no. Every message is written for the person who reads it."""

from collections.abc import Sequence
from decimal import Decimal


class PulseError(Exception):
    """Base of all errors the product raises on purpose; `str(error)` is fit to show a user."""


class Refused(PulseError):
    """The request is understood and not allowed as it stands; nothing was changed.

    `problems` holds one plain sentence per fault, so that a form can show all at once; `fields` the same by
    the name of the field at fault, where it is known.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems
        self.fields: dict[str, str] = {}


class OutOfUnits(Refused):
    """Fewer units are available than are to be set aside; `missing` more would do."""

    def __init__(self, missing: Decimal) -> None:
        super().__init__(
            f"{missing.normalize():f} more units are needed than are available. Buy units, then try again."
        )
        self.missing = missing


class NotFound(PulseError):
    """No such object for this organisation. Says nothing about other organisations."""


class Misconfigured(PulseError):
    """A setting or a connection cannot work as configured; an administrator has to act."""


class PluginRefused(PulseError):
    """A plugin was not loaded. `faults` lists everything wrong with it, one sentence each."""

    def __init__(self, plugin: str, faults: Sequence[str]) -> None:
        super().__init__(f"{plugin}: " + "; ".join(faults))
        self.plugin = plugin
        self.faults = tuple(faults)


class Wait(Refused):
    """Not now: try again in `seconds`. `status` is how HTTP says so: 429 for one's own doing, 503 for ours."""

    def __init__(self, problem: str, seconds: int, status: int = 429) -> None:
        super().__init__(problem)
        self.seconds = seconds
        self.status = status
