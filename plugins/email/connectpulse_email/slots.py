"""Texts with places for a recipient's values: parsed once per content, filled once per message.

While a text is cleaned and inlined, a word nobody can guess stands in each place, so that neither an author's
text nor a value can be taken for one.
"""

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple
from urllib.parse import quote

from connectpulse.core.api import Template, parse_template

STOP_LINK = "stop_link"
"""The name under which a content may place the link that stops messages like it."""
OWN_NAMES = frozenset({STOP_LINK})
"""Names that are no field of a contact: the plugin has their values."""

Values = Mapping[str, str]
Write = Callable[[str], str]


def plain(value: str) -> str:
    """Write a value as it is."""
    return value


def markup(value: str) -> str:
    """Write a value where HTML shows a text or an attribute."""
    return escape(value)


def in_link(value: str) -> str:
    """Write a value where it is a part of a link: every sign that means something in one is encoded."""
    return quote(value, safe="")


class Slot(NamedTuple):
    """A place for the value of `name`; `default` stands where there is none, and `write` says how it is written."""

    name: str
    default: str = ""
    write: Write = plain


@dataclass(frozen=True, slots=True)
class Mould:
    """A text in pieces: literal ones and slots."""

    pieces: tuple[str | Slot, ...]

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The slots in their order."""
        return tuple(piece for piece in self.pieces if isinstance(piece, Slot))

    def fill(self, values: Values) -> str:
        """Return the text for one recipient."""
        return "".join([piece if isinstance(piece, str) else written(piece, values) for piece in self.pieces])


def written(slot: Slot, values: Values) -> str:
    """Return what stands in a slot for one recipient."""
    return slot.write(values.get(slot.name) or slot.default)


class Marks:
    """Words that stand in for slots while a text is worked on, unguessable for its author."""

    def __init__(self) -> None:
        self._word = f"pz{secrets.token_hex(8)}n"
        self._slots: list[Slot] = []
        self.pattern = re.compile(self._word + r"(\d+)z")

    def mark(self, slot: Slot) -> str:
        """Return the word that stands for `slot` from now on."""
        self._slots.append(slot)
        return f"{self._word}{len(self._slots) - 1}z"

    def marked(self, template: Template) -> str:
        """Return the text of a template with a word in each of its places."""
        return "".join(
            piece if isinstance(piece, str) else self.mark(Slot(piece.name, piece.default or ""))
            for piece in template.pieces
        )

    def slot(self, number: int) -> Slot:
        """Return a slot by the number in its word."""
        return self._slots[number]

    def find(self, text: str) -> list[Slot]:
        """Return the slots whose words stand in `text`."""
        return [self._slots[int(number)] for number in self.pattern.findall(text)]

    def mould(self, text: str, writers: Mapping[int, Write] | None = None, usual: Write = plain) -> Mould:
        """Return `text` with slots in place of their words, each written as `writers` says by number, or as usual."""
        pieces: list[str | Slot] = []
        for place, piece in enumerate(self.pattern.split(text)):
            if place % 2:
                slot, writer = self._slots[int(piece)], (writers or {}).get(int(piece), usual)
                pieces.append(slot if slot.write is not plain else slot._replace(write=writer))
            elif piece:
                pieces.append(piece)
        return Mould(tuple(pieces))


def mould(text: str, write: Write = plain) -> Mould:
    """Return the mould of a plain template; raise Refused where it is malformed."""
    return Mould(
        tuple(
            piece if isinstance(piece, str) else Slot(piece.name, piece.default or "", write)
            for piece in parse_template(text).pieces
        )
    )


def joined(*moulds: Mould) -> Mould:
    """Return moulds one after another, neighbouring literal pieces as one."""
    pieces: list[str | Slot] = []
    for piece in (piece for each in moulds for piece in each.pieces):
        if isinstance(piece, str) and pieces and isinstance(pieces[-1], str):
            pieces[-1] += piece
        else:
            pieces.append(piece)
    return Mould(tuple(pieces))


def literal(text: str) -> Mould:
    """Return a mould without slots."""
    return Mould((text,) if text else ())


def names(moulds: Sequence[Mould]) -> frozenset[str]:
    """Return the names of all slots."""
    return frozenset(slot.name for each in moulds for slot in each.slots)
