"""PostgreSQL array literals, built by joining: a fraction of the cost of adapting each element.

The hot path passes whole columns as `%(ids)s::bigint[]`. Values are text in PostgreSQL's array syntax
(manual, section 8.15.2): numbers as they are, texts quoted, NULL for None.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

_SEPARATOR = "\x1f"


def ints(values: Iterable[int]) -> str:
    """Return an array of integers."""
    return "{" + ",".join(map(str, map(int, values))) + "}"


def span(ids: Collection[int]) -> dict[str, Any]:
    """Return what a statement needs to find rows by id: the array, and its bounds, so that few partitions are asked."""
    return {"ids": ints(ids), "low": min(ids), "high": max(ids)}


def optional_ints(values: Iterable[int | None]) -> str:
    """Return an array of integers, None as NULL."""
    column = list(values)
    if column.count(None) == len(column):
        return "{" + ",".join(["NULL"] * len(column)) + "}"
    return "{" + ",".join(["NULL" if value is None else str(int(value)) for value in column]) + "}"


def texts(values: Sequence[str]) -> str:
    """Return an array of texts. NUL, which PostgreSQL cannot store, becomes the replacement character."""
    if not values:
        return "{}"
    joined = _SEPARATOR.join(values)
    if "\x00" in joined or '"' in joined or "\\" in joined or joined.count(_SEPARATOR) != len(values) - 1:
        return "{" + ",".join(map(_quoted, values)) + "}"
    return '{"' + joined.replace(_SEPARATOR, '","') + '"}'


def optional_texts(values: Sequence[str | None]) -> str:
    """Return an array of texts, None as NULL."""
    if None not in values:
        return texts([value for value in values if value is not None])
    return "{" + ",".join(["NULL" if value is None else _quoted(value) for value in values]) + "}"


def _quoted(value: str) -> str:
    return '"' + value.replace("\x00", "\ufffd").replace("\\", "\\\\").replace('"', '\\"') + '"'
