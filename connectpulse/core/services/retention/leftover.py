"""What closing an organisation does, in words: what is erased after the grace, and what a statute wants kept."""

from collections.abc import Mapping
from typing import Any

from ...domain.acts import Effect, Prospect
from ...domain.retention import RetentionRule
from ...storage.models import Organisation
from .. import records
from ..work import Work
from . import closing, holds

_NAMED = 6
"""So many kinds of records are named one by one; the others are counted."""


def explain(work: Work, organisation_id: int, facts: Mapping[str, Any]) -> Prospect:
    """Return what approving the closing of an organisation does; looks at rules and holds, and changes nothing."""
    row = records.find(work, Organisation, organisation_id)
    gone = closing.erased_with_it(work)
    held = holds.covers(work, "", organisation_id)
    effects = [
        Effect(f"What {row.name} sends", "stopped", "At once: nothing leaves from the moment of the approval."),
        Effect(_named(gone), "kept" if held else "erased",
               f"{held!r} stands on the whole organisation: {held.reason}" if held else
               f"{closing.GRACE.days} days after the approval. Until then it can be opened again."),
        Effect("Accounts of people who belong to no other", "kept" if held else "erased",
               "They are emptied and switched off with the rest."),
        *(Effect(rule.called, "kept", f"By law: {rule.statute}") for rule in _by_statute(work)),
    ]  # fmt: skip
    notes = ("What is erased after the grace cannot be brought back.",)
    return Prospect(tuple(effects), notes)


def _by_statute(work: Work) -> list[RetentionRule]:
    mine = [
        rule for rule in work.registry.rules.values()
        if rule.statute and "organisation_id" in rule.model.__table__.columns
    ]  # fmt: skip
    return sorted(mine, key=lambda rule: rule.called)


def _named(rules: list[RetentionRule]) -> str:
    names = sorted({rule.called for rule in rules})
    listed = ", ".join(names[:_NAMED])
    more = len(names) - _NAMED
    return f"{listed} and {more} other kinds of records" if more > 0 else listed
