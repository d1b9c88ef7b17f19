"""What the plan must know of legal holds and archives."""

from collections.abc import Iterable, Mapping
from typing import Any

from ...domain.retention import Subject
from ..work import Work


def standing(work: Work, subject: Subject) -> list[str]:
    """Return the legal holds that stand over a person, one sentence each."""
    return []


def archived(work: Work, subject: Subject) -> int:
    """Return how many rows of a person lie in archives."""
    return sum(1 for _ in rows(work, subject))


def rows(work: Work, subject: Subject) -> Iterable[Mapping[str, Any]]:
    """Return a person's rows in archives."""
    return ()


def erase(work: Work, subject: Subject) -> int:
    """Take a person out of every archive; return the number of rows."""
    return 0
