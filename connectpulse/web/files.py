"""Files that pages hand out."""

from collections.abc import Iterable
from typing import Any

from flask import Response

from ..core.domain import cells

_MARK = "\ufeff"
"""Tells a spreadsheet that the file is UTF-8 (it assumes the machine's own signs otherwise)."""


def csv_file(name: str, rows: Iterable[Iterable[Any]]) -> Response:
    """Return rows as a CSV file to be saved under `name`; no cell of it runs in a spreadsheet."""
    made = Response([_MARK, *cells.lines(rows)], mimetype="text/csv")
    made.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    made.headers["Cache-Control"] = "no-store"
    return made
