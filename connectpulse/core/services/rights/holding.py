"""What legal holds keep of a person, and what of them lies in archives."""

from collections.abc import Iterable, Mapping
from typing import Any

from ...domain.retention import Subject
from ..retention import archives, holds
from ..work import Opener, Work


def standing(work: Work, subject: Subject) -> list[str]:
    """Return the legal holds on a person or on everything around them, one sentence each."""
    return [f"{each!r}: {each.reason}" for each in holds.standing(work, subject)]


def kept(work: Work, subject: Subject) -> dict[str, str]:
    """Return the tables whose records are held as a kind, and which hold it is."""
    if subject.organisation_id is None:
        classes = [each for each in holds.all_standing(work) if each.kind == holds.CLASS]
        return {each.table_name: repr(each) for each in classes}
    found = {table: holds.covers(work, table, subject.organisation_id) for table in work.registry.subjects}
    return {table: repr(each) for table, each in found.items() if each is not None}


def archived(open_work: Opener, subject: Subject) -> int:
    """Return how many rows of a person lie in archives; no session is open meanwhile."""
    return sum(1 for _ in archives.find(open_work, subject))


def rows(open_work: Opener, subject: Subject) -> Iterable[Mapping[str, Any]]:
    """Return a person's rows in archives; no session is open while they are read."""
    return archives.export(open_work, subject)


def erase(open_work: Opener, subject: Subject, faults: list[str] | None = None) -> int:
    """Take a person out of every archive that is not held; return the number of rows.

    With `faults`, archives that cannot be read are told there and do not keep the others from being done.
    """
    return archives.erase(open_work, subject, faults)
