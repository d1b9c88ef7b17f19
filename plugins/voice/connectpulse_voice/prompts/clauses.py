"""Cutting a text where a speaker pauses, so that what all recipients hear alike is spoken once.

A clause with a field is spoken anew for each recipient, whole: a name that is put between two finished halves of a
sentence sounds like it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from connectpulse.core.api import Template, parse_template

_PAUSE = re.compile(r"(?<=[.!?:;,…۔؟،؛।])\s+|\s*\n\s*")
_SPEAKABLE = re.compile(r"\w")


class Clause(NamedTuple):
    """A piece of text between two pauses; `is_personal` where a recipient's values are in it."""

    text: str
    is_personal: bool


def clauses(template: str, values: Mapping[str, str]) -> list[Clause]:
    """Return what is spoken, in order; neighbours that all recipients hear alike are one."""
    found: list[Clause] = []
    for clause in _cut(parse_template(template), values):
        if found and not clause.is_personal and not found[-1].is_personal:
            found[-1] = Clause(f"{found[-1].text} {clause.text}", is_personal=False)
        else:
            found.append(clause)
    return found


def _cut(template: Template, values: Mapping[str, str]) -> Iterator[Clause]:
    text, is_personal = "", False
    for piece in template.pieces:
        if not isinstance(piece, str):
            text += values.get(piece.name) or piece.default or ""
            is_personal = True
            continue
        first, *others = _PAUSE.split(piece)
        text += first
        for other in others:
            yield from _spoken(text, is_personal)
            text, is_personal = other, False
    yield from _spoken(text, is_personal)


def _spoken(text: str, is_personal: bool) -> Iterator[Clause]:
    """Yield a clause, nothing if there is nothing to say in it."""
    if _SPEAKABLE.search(text):
        yield Clause(" ".join(text.split()), is_personal)
