"""Receipts as evidence: appended as they came, each with the message it is about where that is known."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from ..domain.provider import Receipt
from ..storage import arrays
from ..storage.session import raw
from . import erased
from .work import Work

MOST = 1_000
"""Receipts stored at once: they share one block of ids."""

Owner = tuple[int | None, int | None, int]
"""Organisation id and message id, both None while nobody knows them, and the number of the part."""

_STORE = """
INSERT INTO pulse_receipt
    (id, connection_id, organisation_id, message_id, part, reference, state, code, reason, occurred_at, address,
     quantity, suppress, again_seconds, named_id, category)
SELECT (SELECT pulse_id()) + n - 1, %(connection)s, organisation, message, part, reference, state, code, reason,
       occurred_at, address, quantity, suppress = 1, again, named, category
FROM unnest(%(organisations)s::bigint[], %(messages)s::bigint[], %(parts)s::smallint[], %(references)s::text[],
    %(states)s::smallint[], %(codes)s::text[], %(reasons)s::text[], %(times)s::timestamptz[],
    %(addresses)s::text[], %(quantities)s::integer[], %(pleas)s::smallint[], %(waits)s::integer[],
    %(named)s::bigint[], %(categories)s::text[]) WITH ORDINALITY
    AS r (organisation, message, part, reference, state, code, reason, occurred_at, address, quantity, suppress, again,
          named, category, n)
"""


def keep(
    work: Work,
    connection_id: int,
    receipts: Sequence[Receipt],
    owners: Sequence[Owner],
) -> None:
    """Append receipts of one connection, each with its owner."""
    for start in range(0, len(receipts), MOST):
        _keep(work, connection_id, receipts[start : start + MOST], owners[start : start + MOST])


def _keep(work: Work, connection_id: int, receipts: Sequence[Receipt], owners: Sequence[Owner]) -> None:
    assert len(receipts) == len(owners)
    organisations, messages, parts = map(list, zip(*owners, strict=True))
    columns = dict(zip(Receipt._fields, map(list, zip(*receipts, strict=True)), strict=True))
    addresses: list[str] = [""] * len(receipts)
    named: list[int | None] = [None] * len(receipts)
    if not all(messages):
        addresses, named = _addresses(work, connection_id, receipts, owners), _named(receipts, owners)
    with raw(work.session).cursor() as cursor:
        cursor.execute(
            _STORE,
            {
                "connection": connection_id,
                "organisations": arrays.optional_ints(organisations),
                "messages": arrays.optional_ints(messages),
                "parts": arrays.ints(parts),
                "references": arrays.texts(_cut(columns["reference"], 120)),
                "states": arrays.ints(columns["state"]),
                "codes": arrays.texts(_cut(columns["code"], 40)),
                "reasons": arrays.texts(_cut(columns["reason"], 60)),
                "times": arrays.optional_texts(list(map(_moment, columns["occurred_at"]))),
                "addresses": arrays.texts(addresses),
                "quantities": arrays.optional_ints(columns["quantity"]),
                "pleas": arrays.ints(columns["suppress"]),
                "waits": arrays.optional_ints(list(map(_seconds, columns["again"]))),
                "named": arrays.optional_ints(named),
                "categories": arrays.texts(_cut(columns["category"], 40)),
            },
        )


def _cut(texts: list[str], most: int) -> list[str]:
    return texts if max(map(len, texts)) <= most else [text[:most] for text in texts]


def _named(receipts: Sequence[Receipt], owners: Sequence[Owner]) -> list[int | None]:
    """Return the message that each receipt names by our token, as long as it is not found by its reference."""
    return [
        _number(receipt.token) if receipt.token and owner[1] is None else None
        for receipt, owner in zip(receipts, owners, strict=True)
    ]


def _number(token: str) -> int | None:
    try:
        found = int(token, 16)
    except ValueError:
        return None
    return found if 0 < found < 2**63 else None


def _addresses(work: Work, connection_id: int, receipts: Sequence[Receipt], owners: Sequence[Owner]) -> list[str]:
    """Return the address kept with each receipt: none where its message is known, none of people who were erased."""
    lone = {receipt.address[:320] for receipt, owner in zip(receipts, owners, strict=True) if owner[1] is None} - {""}
    if not lone:
        return [""] * len(receipts)
    gone = erased.among(work, connection_id, lone)
    return [
        receipt.address[:320] if owner[1] is None and receipt.address[:320] not in gone else ""
        for receipt, owner in zip(receipts, owners, strict=True)
    ]


def _seconds(wait: timedelta | None) -> int | None:
    return None if wait is None else int(wait.total_seconds())


@lru_cache(maxsize=256)  # providers tell whole seconds, and many things at once
def _moment(told: datetime | None) -> str | None:
    return None if told is None else told.isoformat()
