"""Cells of the files people take along: lines of CSV in which no cell can run as a formula.

A spreadsheet runs what begins with `=`, `+`, `-` or `@`, also in full width, and what a tab or a line's end hides
(OWASP, "CSV Injection"). Numbers begin with `-`, too, and stay numbers.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from typing import Any

_RUNS = tuple("=+-@\t\r\n＝＋－＠")
_NUMBER = re.compile(r"[+-]?\d[\d .,]*")


def inert(value: Any) -> str:
    """Return a value as a cell that a spreadsheet shows instead of calculating; None is empty."""
    cell = "" if value is None else str(value)
    return f"'{cell}" if cell.startswith(_RUNS) and not _NUMBER.fullmatch(cell) else cell


def lines(rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """Yield rows as lines of CSV (RFC 4180), every cell made inert."""
    out = io.StringIO()
    writer = csv.writer(out)
    for row in rows:
        writer.writerow([inert(cell) for cell in row])
        yield out.getvalue()
        out.seek(0)
        out.truncate()
