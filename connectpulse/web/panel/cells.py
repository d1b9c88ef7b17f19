"""What the pages of lists are made of: columns, filters, and how single cells are shown."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from flask import url_for
from markupsafe import Markup
from sqlalchemy import ColumnElement


class Column(NamedTuple):
    """A column of a list: its heading, and how a row is shown in it."""

    label: str
    show: Callable[[Any], Any]
    is_number: bool = False


class Line(NamedTuple):
    """A row as its list shows it; `is_open`: it can be changed and deleted now."""

    id: int
    title: str
    cells: list[Any]
    is_open: bool


class Filter(NamedTuple):
    """A choice above a list: its name in the query, its heading, its choices, and what each selects."""

    name: str
    label: str
    choices: Sequence[tuple[str, str]]
    where: Callable[[str], ColumnElement[bool]]


class Removal(NamedTuple):
    """How taking a row away is called, and the sentence about what else comes of it."""

    word: str = "Delete"
    done: str = "deleted"
    consequence: str = ""

    def ask(self, title: str) -> str:
        """Return the question before it is done."""
        return f"{self.word} {title}? {self.consequence}".rstrip()


def yes_no(value: Any) -> str:
    """Return a yes or no for a list."""
    return "Yes" if value else "No"


def badge(text: str, kind: str = "", why: str = "") -> Markup:
    """Return a word as a coloured mark; `kind` is ok, warn, bad, busy or empty, `why` explains it."""
    return Markup('<span class="badge {}" title="{}">{}</span>').format(kind, why, text)


def link(text: Any, endpoint: str, **values: Any) -> Markup:
    """Return a link within the panel."""
    return Markup('<a href="{}">{}</a>').format(url_for(endpoint, **values), text)
