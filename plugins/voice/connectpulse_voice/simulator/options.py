"""How callees behave as a whole."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """Seconds are of the wall clock. `account` and `password` ask every caller for a digest; empty ask nobody."""

    rings: float = 0.2
    hello: float = 0.4
    """How long a person says hello."""
    greeting: float = 3.2
    """How long a machine speaks before its beep."""
    undeliverable: int = 0
    """How many percent of the numbers that would answer do not exist."""
    account: str = ""
    password: str = ""
    mute: bool = False
    """Nothing is ever answered, as if the line were cut."""
