"""What people may ask about their data, how far a request is, and until when it must be answered."""

import calendar
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from ..errors import Refused


class Kind(StrEnum):
    """What somebody asks for."""

    ACCESS = "access"
    CORRECTION = "correction"
    DELETION = "deletion"
    OBJECTION = "objection"
    RESTRICTION = "restriction"

    @property
    def label(self) -> str:
        """What somebody asks for, in the words of the form."""
        return _LABELS[self]

    @property
    def needs_two(self) -> bool:
        """Whether a second person approves. What only stops messages is done by one, and at once."""
        return self not in (Kind.OBJECTION, Kind.RESTRICTION)


_LABELS: Final = {
    Kind.ACCESS: "Get a copy of my data",
    Kind.CORRECTION: "Correct my data",
    Kind.DELETION: "Delete my data",
    Kind.OBJECTION: "Stop using my data for messages",
    Kind.RESTRICTION: "Keep my data, but do not use it",
}


class State(StrEnum):
    """How far a request is: received, verified, planned, approved, done; or refused or withdrawn."""

    RECEIVED = "received"
    VERIFIED = "verified"
    PLANNED = "planned"
    APPROVED = "approved"
    DONE = "done"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"

    @property
    def is_open(self) -> bool:
        return self not in _ENDS

    @property
    def sentence(self) -> str:
        """The state in words for the person who asked."""
        return _SENTENCES[self]


_ENDS: Final = frozenset({State.DONE, State.REFUSED, State.WITHDRAWN})
_SENTENCES: Final = {
    State.RECEIVED: "We have your request. Confirm it with the code we sent to your address.",
    State.VERIFIED: "You have confirmed your request. We are looking for your data.",
    State.PLANNED: "We have found what we hold about you. A second person checks what will be done.",
    State.APPROVED: "Your request is approved and is being carried out.",
    State.DONE: "Your request is done.",
    State.REFUSED: "We could not do what you asked for.",
    State.WITHDRAWN: "This request was withdrawn.",
}

ERASED, ANONYMISED, KEPT = "erased", "anonymised", "kept"
"""What becomes of a person's rows in one table when they ask to be erased."""

MOST_EXTENSION: Final = 2
REMIND_ON: Final = (21, 28)
"""Days after a request came in on which whoever answers it is reminded."""

OLDEST: Final = timedelta(days=365)
"""How long ago a request that is entered by hand may have come in."""


def months_later(day: datetime, months: int) -> datetime:
    """Return the same day so many calendar months later, or the last of that month where it has no such day."""
    number = day.year * 12 + day.month - 1 + months
    year, month = number // 12, number % 12 + 1
    return day.replace(year=year, month=month, day=min(day.day, calendar.monthrange(year, month)[1]))


def due(received_at: datetime, extension: int = 0) -> datetime:
    """Return when a request must be answered: one calendar month on, with up to two more for a good reason."""
    if not 0 <= extension <= MOST_EXTENSION:
        raise Refused("A request may be extended by one or two months.")
    return months_later(received_at, 1 + extension)


def check_received(received_at: datetime, now: datetime) -> None:
    """Raise Refused for a date on which no request can have come in."""
    if received_at > now + timedelta(minutes=5):
        raise Refused("Received on: this day has not come yet.")
    if received_at < now - OLDEST:
        raise Refused("Received on: this is more than a year ago; the time to answer it is long over.")


def read_day(typed: str) -> date:
    """Return a date written like 2026-01-31; raise Refused if the calendar has no such day."""
    try:
        return date.fromisoformat(typed.strip())
    except ValueError:
        raise Refused(f"{typed.strip()[:20]!r} is no day of the calendar; write it like 2026-01-31.") from None


def reminder(received_at: datetime, due_at: datetime, now: datetime) -> str:
    """Return which reminder a request is due for: day-21, day-28 or overdue; empty for none."""
    if now >= due_at:
        return "overdue"
    passed = [day for day in REMIND_ON if now - received_at >= timedelta(days=day)]
    return f"day-{passed[-1]}" if passed else ""
