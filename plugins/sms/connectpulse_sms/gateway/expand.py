"""Requests are written as texts with {placeholders}; each value goes in encoded for the place it goes to.

There is no template language: a placeholder is a name in braces, and nothing else is. The escapes below
are what keeps a text from becoming a parameter, an element or a header of its own.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from connectpulse.core.api import Refused

Escape = Callable[[str], str]

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_XML = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"}
    | {"\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}  # else a reader folds them into spaces or newlines
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A parsed text: `pieces` are literal, name, literal, name, …, literal."""

    pieces: tuple[str, ...]
    escape: Escape

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self.pieces[1::2])

    def expand(self, values: Mapping[str, str]) -> str:
        """Return the text with `values` escaped in; raise ValueError for one that cannot be written."""
        pieces = list(self.pieces)
        escape = self.escape
        pieces[1::2] = [escape(values[name]) for name in pieces[1::2]]
        return "".join(pieces)


def parse(text: str, escape: Escape, known: Iterable[str], label: str) -> Pattern:
    """Return the pattern of `text`; raise Refused naming the place of every placeholder not in `known`."""
    allowed = frozenset(known)
    faults = [
        f"{label}: {_place(text, match.start())}: {match[0]} is not a placeholder here. "
        f"Known are {', '.join(f'{{{name}}}' for name in sorted(allowed))}."
        for match in _PLACEHOLDER.finditer(text)
        if match[1] not in allowed
    ]
    if faults:
        raise Refused(*faults)
    return Pattern(tuple(_PLACEHOLDER.split(text)), escape)


def _place(text: str, at: int) -> str:
    line = text.count("\n", 0, at) + 1
    return f"line {line}, column {at - text.rfind(chr(10), 0, at)}"


def in_url(value: str) -> str:
    """Percent-encode for a path, a query or a form body."""
    return quote(value, safe="")


def in_json(value: str) -> str:
    """Escape for the inside of a JSON string."""
    return json.dumps(value)[1:-1]


def in_xml(value: str) -> str:
    """Escape for XML text or an attribute; raise ValueError for a character XML cannot hold."""
    if _NOT_XML.search(value):
        raise ValueError("The text holds a control character that XML cannot carry.")
    return value.translate(_XML)


def in_header(value: str) -> str:
    """Pass a header's value; raise ValueError for one that could end the header."""
    if _CONTROL.search(value):
        raise ValueError("A header cannot hold a line break or another control character.")
    return value


def as_is(value: str) -> str:
    """Pass the value: a plain text body has no structure to protect."""
    return value
