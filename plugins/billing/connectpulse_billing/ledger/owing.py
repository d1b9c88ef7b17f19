"""Units that are owed: taken back by a refund or a dispute when they were spent already; settled, waived, or won.

Each is an entry whose `owed` is more than none. What settles one is an entry of source `owed` that takes away from
it, its reference the id of the first and a word of its own: with units that leave the balance, or with none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import text

from connectpulse.core.api import Act, NotFound, Refused, Work, audit, four_eyes

from ..figures import spelt
from . import books
from .books import ZERO

SOURCE = "owed"
WAIVE = "billing.waive"
MOST = 200
"""How many of an organisation's open items a page shows."""


@dataclass(frozen=True, slots=True)
class Item:
    """Units owed for one reversal: how many at first, how many are left, and how many units were given for them."""

    entry_id: int
    created_at: datetime
    reason: str
    owed: Decimal
    left: Decimal
    given: Decimal
    parts: int


_SETTLED = """
    SELECT CAST(split_part(reference, '/', 1) AS bigint) AS item, sum(owed) AS owed, -sum(available) AS given,
           count(*) AS parts
    FROM billing_entry WHERE organisation_id = :organisation AND owed < 0 AND source = 'owed' GROUP BY 1
"""
_ITEMS = f"""
    SELECT e.id, e.created_at, coalesce(nullif(e.reason, ''), e.source || ' ' || e.reference), e.owed,
           e.owed + coalesce(s.owed, 0), coalesce(s.given, 0), coalesce(s.parts, 0)
    FROM billing_entry e LEFT JOIN ({_SETTLED}) s ON s.item = e.id
    WHERE e.organisation_id = :organisation AND e.owed > 0 {{which}}
    ORDER BY e.id LIMIT :limit
"""
_OPEN = text(_ITEMS.format(which="AND e.owed + coalesce(s.owed, 0) > 0"))
_ONE = text(_ITEMS.format(which="AND e.source = :source AND e.reference = :reference"))
TOTAL = text(
    f"""
    SELECT coalesce(sum(e.owed + coalesce(s.owed, 0)), 0)
    FROM billing_entry e LEFT JOIN ({_SETTLED}) s ON s.item = e.id
    WHERE e.organisation_id = :organisation AND e.owed > 0
    """
)
OWING = """
    organisation_id IN (
        SELECT e.organisation_id FROM billing_entry e WHERE e.owed > 0 AND e.owed > (
            SELECT coalesce(-sum(s.owed), 0) FROM billing_entry s
            WHERE s.organisation_id = e.organisation_id AND s.kind = 'reverse' AND s.source = 'owed'
              AND s.reference LIKE e.id || '/%'))
"""
"""Which accounts owe units."""
_LESS = text(
    """
    INSERT INTO billing_entry (organisation_id, kind, available, issued, source, reference, reason, owed)
    VALUES (:organisation, 'reverse', -:units, :units, 'owed', :reference, :reason, -:owed)
    ON CONFLICT (organisation_id, kind, source, reference) WHERE source <> '' DO NOTHING RETURNING id
    """
)


def items(work: Work, organisation_id: int) -> list[Item]:
    """Return what an organisation still owes, the oldest first. Locks nothing."""
    return [Item(*row) for row in work.session.execute(_OPEN, {"organisation": organisation_id, "limit": MOST})]


def total(work: Work, organisation_id: int) -> Decimal:
    """Return how many units an organisation owes."""
    found: Decimal = work.session.execute(TOTAL, {"organisation": organisation_id}).scalar_one()
    return found


def settle(work: Work) -> Decimal:
    """Settle what the organisation owes with units it has, the oldest first, as far as they go; return how many.

    They leave the lots that expire first. Raises Refused where nothing is owed and where no units are there.
    """
    organisation_id = work.organisation
    if organisation_id is None:
        raise NotFound("Choose an organisation first.")
    available = books.hold(work, organisation_id).available
    open_items = items(work, organisation_id)
    if not open_items:
        raise Refused("Nothing is owed.")
    if available <= 0:
        raise Refused("There are no units to settle it with. Buy units first.")
    given = ZERO
    for each in open_items:
        units = min(each.left, available - given)
        if units > 0:
            _less(work, organisation_id, each, units=units, owed=units, reason=f"Settled: {each.reason}")
            given += units
    books.drop_from_lots(work, organisation_id, given)
    books.move(work, organisation_id, available=-given, issued=given)
    audit.record_named(work, "billing.owed_settled", organisation_id, "Account", organisation_id, f"{given:f} units")
    return given


def ask_to_waive(work: Work, organisation_id: int, entry_id: int, why: str) -> None:
    """Ask a second person to let an organisation keep what it owes for one reversal."""
    item = _find(work, organisation_id, entry_id)
    title = f"Waive {spelt(item.left)} owed units, organisation {organisation_id}"
    four_eyes.ask(work, WAIVE, entry_id, title, why, organisation=organisation_id, why=why)


def _waive(work: Work, entry_id: int, facts: Mapping[str, Any]) -> None:
    organisation_id = int(facts["organisation"])
    books.hold(work, organisation_id)
    item = _find(work, organisation_id, entry_id)
    _less(work, organisation_id, item, units=ZERO, owed=item.left, reason=f"Waived: {facts['why']}")
    audit.record_named(
        work, "billing.owed_waived", organisation_id, "Entry", entry_id, f"{item.left:f} units", reason=facts["why"]
    )


def won(work: Work, organisation_id: int, source: str, reference: str) -> Decimal:
    """Take note that a reversal does not hold any more; return the units that were given to settle it, to give back.

    What is still owed for it is owed no more.
    """
    books.hold(work, organisation_id)
    facts = {"organisation": organisation_id, "source": source, "reference": reference, "limit": 1}
    found = [Item(*row) for row in work.session.execute(_ONE, facts)]
    if not found:
        return ZERO
    if found[0].left > 0:
        _less(work, organisation_id, found[0], units=ZERO, owed=found[0].left, reason=f"Won: {found[0].reason}")
    return found[0].given


def _find(work: Work, organisation_id: int, entry_id: int) -> Item:
    for each in items(work, organisation_id):
        if each.entry_id == entry_id:
            return each
    raise Refused("This is not owed any more.")


def _less(work: Work, organisation_id: int, item: Item, *, units: Decimal, owed: Decimal, reason: str) -> None:
    facts = {"organisation": organisation_id, "units": units, "owed": owed, "reason": reason[:300]}
    work.session.execute(_LESS, facts | {"reference": f"{item.entry_id}/{item.parts + 1}"})


ACT = Act(WAIVE, "Waive owed units", "Owing organisations", _waive)
