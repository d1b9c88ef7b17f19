"""What receipts change of each message by itself: the states of its parts and the quantity billed, in one statement."""

from collections.abc import Sequence
from typing import NamedTuple

from ..domain.message import Cause, MessageState
from ..storage import arrays
from ..storage.session import raw
from .work import Work


class Own(NamedTuple):
    """A message as it was read, and the parts and the bill it is to have. `category` is what it is priced as now."""

    id: int
    state: MessageState
    cause: Cause
    old_parts: list[int] | None
    old_billed: int | None
    parts: list[int] | None
    billed: int | None
    category: str

    @property
    def is_changed(self) -> bool:
        return (self.parts, self.billed) != (self.old_parts, self.old_billed)


_WRITE = """
UPDATE pulse_message m SET part_states = n.parts::smallint[], billed = n.billed
FROM unnest(%(ids)s::bigint[], %(parts)s::text[], %(billed)s::int[], %(old_parts)s::text[], %(old_billed)s::int[],
            %(states)s::smallint[], %(causes)s::text[], %(categories)s::text[])
     AS n (id, parts, billed, old_parts, old_billed, state, cause, category)
WHERE m.id = n.id AND m.id BETWEEN %(low)s AND %(high)s
  AND m.part_states IS NOT DISTINCT FROM n.old_parts::smallint[] AND m.billed IS NOT DISTINCT FROM n.old_billed
  AND m.category = n.category AND m.state = n.state AND CASE WHEN m.reason = ANY({}) THEN m.reason ELSE '' END = n.cause
"""


def write(work: Work, owns: Sequence[Own], causes: str) -> bool:
    """Write them all; return False where somebody changed one since. `causes` are the reasons that are one, in SQL."""
    if not owns:
        return True
    ids = [own.id for own in owns]
    facts = {
        "ids": arrays.ints(ids),
        "low": min(ids),
        "high": max(ids),
        "parts": arrays.optional_texts([_array(own.parts) for own in owns]),
        "billed": arrays.optional_ints(own.billed for own in owns),
        "old_parts": arrays.optional_texts([_array(own.old_parts) for own in owns]),
        "old_billed": arrays.optional_ints(own.old_billed for own in owns),
        "states": arrays.ints(own.state for own in owns),
        "causes": arrays.texts([own.cause.value for own in owns]),
        "categories": arrays.texts([own.category for own in owns]),
    }
    with raw(work.session).cursor() as cursor:
        cursor.execute(_WRITE.format(causes), facts)
        return cursor.rowcount == len(owns)


def _array(states: list[int] | None) -> str | None:
    return None if states is None else arrays.ints(states)
