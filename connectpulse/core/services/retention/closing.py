"""Closing an organisation: suspended at once, opened again within the grace, erased after it.

What a statute wants kept stays until its own rule lets it go; the organisation's name is then a pseudonym.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ...errors import Refused
from ...storage.models import Decision, Organisation
from .. import audit, four_eyes, records
from ..work import Work

CLOSE = "organisation.close"
GRACE = timedelta(days=30)


def ask(work: Work, organisation_id: int, reason: str) -> Decision:
    """Ask a second person to close an organisation; raise Refused if it is closed already."""
    row = records.find(work, Organisation, organisation_id)
    if row.closes_at is not None:
        raise Refused("This organisation is closed already.")
    return four_eyes.ask(work, CLOSE, row.id, f"Close {row.name} and erase its records", reason)


def close(work: Work, organisation_id: int, facts: Mapping[str, Any]) -> None:
    """Close an organisation: nothing is sent from now on, and everything is erased when the grace is over."""
    row = records.find(work, Organisation, organisation_id, lock=True)
    if row.closes_at is not None:
        return
    row.closes_at, row.is_suspended = work.clock() + GRACE, True
    work.session.flush()
    audit.record_named(work, "organisation.closed", row.id, "Organisation", row.id, row.name, erased_from=row.closes_at)


def reopen(work: Work, organisation_id: int) -> None:
    """Open a closed organisation again while its grace lasts; it stays suspended until that is lifted, too."""
    row = records.find(work, Organisation, organisation_id, lock=True)
    if row.closes_at is None or row.closes_at <= work.clock() or row.closed_at is not None:
        raise Refused("This organisation is not closed, or its records are being erased already.")
    row.closes_at = None
    work.session.flush()
    audit.record_named(work, "organisation.reopened", row.id, "Organisation", row.id, row.name)
