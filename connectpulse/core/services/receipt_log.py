"""Receipts as evidence: appended as they came, each with the message it is about where that is known."""

from collections.abc import Sequence

from ..domain.provider import Receipt
from ..storage import arrays
from ..storage.session import raw
from . import erased
from .work import Work

Owner = tuple[int | None, int | None, int]
"""Organisation id and message id, both None while nobody knows them, and the number of the part."""

_STORE = """
INSERT INTO pulse_receipt
    (id, connection_id, organisation_id, message_id, part, reference, state, code, reason, occurred_at, address,
     quantity, suppress, again_seconds)
SELECT (SELECT pulse_id()) + n - 1, %(connection)s, organisation, message, part, reference, state, code, reason,
       occurred_at, address, quantity, suppress = 1, again
FROM unnest(%(organisations)s::bigint[], %(messages)s::bigint[], %(parts)s::smallint[], %(references)s::text[],
    %(states)s::smallint[], %(codes)s::text[], %(reasons)s::text[], %(times)s::timestamptz[],
    %(addresses)s::text[], %(quantities)s::integer[], %(pleas)s::smallint[], %(waits)s::integer[]) WITH ORDINALITY
    AS r (organisation, message, part, reference, state, code, reason, occurred_at, address, quantity, suppress, again,
          n)
"""


def keep(
    work: Work,
    connection_id: int,
    receipts: Sequence[Receipt],
    owners: Sequence[Owner],
) -> None:
    """Append receipts of one connection, each with its owner."""
    organisations, messages, parts = map(list, zip(*owners, strict=True))
    with raw(work.session).cursor() as cursor:
        cursor.execute(
            _STORE,
            {
                "connection": connection_id,
                "organisations": arrays.optional_ints(organisations),
                "messages": arrays.optional_ints(messages),
                "parts": arrays.ints(parts),
                "references": arrays.texts([receipt.reference[:120] for receipt in receipts]),
                "states": arrays.ints([receipt.state for receipt in receipts]),
                "codes": arrays.texts([receipt.code[:40] for receipt in receipts]),
                "reasons": arrays.texts([receipt.reason[:60] for receipt in receipts]),
                "times": arrays.optional_texts([_moment(receipt) for receipt in receipts]),
                "addresses": arrays.texts(_addresses(work, connection_id, receipts, owners)),
                "quantities": arrays.optional_ints([receipt.quantity for receipt in receipts]),
                "pleas": arrays.ints([int(receipt.suppress) for receipt in receipts]),
                "waits": arrays.optional_ints([_wait(receipt) for receipt in receipts]),
            },
        )


def _addresses(work: Work, connection_id: int, receipts: Sequence[Receipt], owners: Sequence[Owner]) -> list[str]:
    """Return the address kept with each receipt: none where its message is known, none of people who were erased."""
    lone = {receipt.address[:320] for receipt, owner in zip(receipts, owners, strict=True) if owner[1] is None} - {""}
    gone = erased.among(work, connection_id, lone) if lone else set()
    return [
        receipt.address[:320] if owner[1] is None and receipt.address[:320] not in gone else ""
        for receipt, owner in zip(receipts, owners, strict=True)
    ]


def _wait(receipt: Receipt) -> int | None:
    return None if receipt.again is None else int(receipt.again.total_seconds())


def _moment(receipt: Receipt) -> str | None:
    return None if receipt.occurred_at is None else receipt.occurred_at.isoformat()
