"""Files that pages hand out."""

from collections.abc import Iterable, Iterator
from typing import Any

from flask import Response

from ..core.domain import cells

_MARK = "\ufeff"
"""Tells a spreadsheet that the file is UTF-8 (it assumes the machine's own signs otherwise)."""


def csv_file(name: str, rows: Iterable[Iterable[Any]]) -> Response:
    """Return rows as a CSV file to be saved under `name`; no cell of it runs in a spreadsheet."""
    return _saved(name, [_MARK, *cells.lines(rows)])


def csv_stream(name: str, rows: Iterable[Iterable[Any]]) -> Response:
    """Return rows as `csv_file` does, sent while they are read: for files of any size.

    Whoever takes it may be slow, and the request is over by then: let `rows` open a unit of work of its own for
    each page of them (`later_work`, `NounView.later`), and none while it waits.
    """

    def parts() -> Iterator[str]:
        yield _MARK
        yield from cells.lines(rows)

    return _saved(name, parts())


def saved(name: str, made: Response, media_type: str) -> Response:
    """Return an answer as a file to be saved under `name`, whatever signs that has, and never opened in its place."""
    made.headers["Content-Type"] = media_type
    made.headers.set("Content-Disposition", "attachment", filename=name)
    made.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    made.headers["Cache-Control"] = "no-store"
    return made


def _saved(name: str, content: Iterable[str]) -> Response:
    made = Response(content, mimetype="text/csv")
    made.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    made.headers["Cache-Control"] = "no-store"
    return made
