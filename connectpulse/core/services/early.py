"""Receipts that came before the submit of their message was recorded: kept without an owner, and given one later.

What is recorded looks for its own at once. Where both were on their way at the same moment, neither sees the other:
the sweep of `recovery` finds those, as it finds receipts whose submit's answer was lost.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from psycopg.rows import namedtuple_row

from ..domain.message import MessageState
from ..domain.provider import Receipt
from ..storage import arrays, ids
from ..storage.session import raw
from . import receipts
from .receipt_known import Place
from .work import Work

LOOK_BACK = timedelta(minutes=10)
"""How long before its submit is recorded a receipt may have come to be found at once."""

_WAITING = """
SELECT id, reference, state, code, reason, quantity, address, suppress, again_seconds, category
FROM pulse_receipt
WHERE message_id IS NULL AND connection_id = %(connection)s AND reference = ANY(%(references)s::text[])
  AND id > %(oldest)s
ORDER BY id
"""


def take(work: Work, connection_id: int, places: Mapping[str, Place]) -> int:
    """Fold the receipts that wait for submits just recorded, by reference; return how many there were."""
    facts = {
        "connection": connection_id,
        "references": arrays.texts(list(places)),
        "oldest": ids.at(work.clock() - LOOK_BACK),
    }
    with raw(work.session).cursor(row_factory=namedtuple_row) as rows:
        told: dict[int, Any] = {row[0]: row for row in rows.execute(_WAITING, facts).fetchall()}
    apply(work, told, {id: places[row.reference] for id, row in told.items()})
    return len(told)


def apply(work: Work, told: Mapping[int, Any], found: Mapping[int, Place]) -> None:
    """Give receipts the messages that were found for them, both by the receipts' ids, and fold them."""
    if not found:
        return
    known = receipts.known(work, {place.message_id for place in found.values()})
    matched: list[tuple[int, int, int, int]] = []
    for receipt_id, (message_id, part, attempt) in found.items():
        row, message = told[receipt_id], known.get(message_id)
        if message is None:
            continue
        receipt = Receipt(
            row.reference, MessageState(row.state), row.code, row.reason, None, row.address, row.quantity, row.suppress,
            None if row.again_seconds is None else timedelta(seconds=row.again_seconds),
            category=row.category,
        )  # fmt: skip
        receipts.better(message, part, receipt, attempt)
        matched.append((receipt_id, message.id, message.organisation_id, part))
    _give_owners(work, matched)
    receipts.fold(work, known.values())


_OWNERS = """
UPDATE pulse_receipt r SET message_id = n.message, organisation_id = n.organisation, part = n.part, address = '',
    named_id = NULL
FROM unnest(%(ids)s::bigint[], %(messages)s::bigint[], %(organisations)s::bigint[], %(parts)s::smallint[])
     AS n (id, message, organisation, part)
WHERE r.id = n.id AND r.id BETWEEN %(low)s AND %(high)s
"""


def _give_owners(work: Work, matched: Sequence[tuple[int, int, int, int]]) -> None:
    """Note with receipts whose they are: their ids, the messages, the organisations and the parts."""
    if not matched:
        return
    columns = dict(zip(("ids", "messages", "organisations", "parts"), zip(*matched, strict=True), strict=True))
    span = {"low": min(columns["ids"]), "high": max(columns["ids"])}
    raw(work.session).execute(_OWNERS, span | {name: arrays.ints(values) for name, values in columns.items()})
