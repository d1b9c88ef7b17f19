"""Forms as tables: what a provider, a template or a plugin asks an administrator to fill in.

A form is a tuple of fields. The panel draws it, the API documents it, and `read` turns what came in
into typed values or refuses with one sentence per fault. Nothing here knows how a form is shown.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any

from ..errors import Refused
from . import card_numbers

HOST = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9.:\-]{0,252})$")


class Kind(StrEnum):
    TEXT = "text"
    SECRET = "secret"  # noqa: S105 - a kind of field
    LONG_TEXT = "long_text"
    NUMBER = "number"
    SWITCH = "switch"
    CHOICE = "choice"
    HOST = "host"
    JSON = "json"
    DATE = "date"
    MOMENT = "moment"
    TIME = "time"
    CHECKS = "checks"
    PICK = "pick"
    PICKS = "picks"
    FILE = "file"
    FILES = "files"
    PIECES = "pieces"


_WRITTEN = frozenset({Kind.TEXT, Kind.LONG_TEXT, Kind.JSON})
"""Kinds in which somebody may write whatever they like."""


@dataclass(frozen=True, slots=True)
class Field:
    """One question. `default` None with `is_required` False means the value may stay empty.

    SECRET values are stored encrypted, never shown again and never logged. `group` sets fields apart
    under a heading; `low` and `high` bound a NUMBER, and the length of a text. CHECKS is several of `choices`;
    PICK and PICKS are ids of things found by searching `source`, of which `choices` holds those chosen already.
    MOMENT is a date and time on the wall clock of a zone the form names elsewhere.
    FILE is the id of a file the organisation keeps, None for none; FILES a list of such ids. `accept` are the media
    types they may have, like `image/png` or `image/*`, none for any; `high` is then the most bytes of each.
    PIECES is a list in an order people choose: each piece is of one of `shapes` and has the answers to its form, as
    `{"shape": "note", "text": "…"}`; `high` is then the most pieces.
    A SECRET that `is_made` is made by the house where it is left empty the first time: 32 random bytes, as text.
    `only` is a CHOICE or SWITCH that stands above in the form, and the values of it with which this field is asked:
    `("header", ("text",))`; those of a switch are yes and no. Beside any other value the field is hidden, nothing is
    missing where it is empty, and whatever came in for it is dropped: it is read as if it were empty, and counts as
    such for fields that belong to it in turn. So let it only go where a channel or provider would not look at it; a
    SECRET is always asked.
    """

    name: str
    label: str
    kind: Kind = Kind.TEXT
    help: str = ""
    default: Any = None
    is_required: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    low: int | None = None
    high: int | None = None
    group: str = ""
    source: str = ""
    accept: tuple[str, ...] = ()
    is_made: bool = False
    shapes: tuple["Shape", ...] = ()
    only: tuple[str, tuple[str, ...]] | None = None

    def read(self, raw: Any) -> Any:
        """Return the typed value of `raw`; raise ValueError with the sentence to show."""
        if _is_blank(raw):
            if self.is_required and self.default is None:
                raise ValueError(f"{self.label}: please fill this in.")
            return self.empty
        value = _READERS[self.kind](self, raw)
        if self.kind in _WRITTEN and self.name not in card_numbers.NUMBER_FIELDS and card_numbers.holds_one(value):
            raise ValueError(f"{self.label}: {card_numbers.REFUSAL}")
        return value

    @property
    def empty(self) -> Any:
        """What is read where nothing was filled in."""
        return [] if self.kind in (Kind.FILES, Kind.PIECES) and self.default is None else self.default

    def word(self, raw: Any = None) -> str:
        """Return an answer to a CHOICE or SWITCH as `only` of other fields names it; of none, that of the default."""
        value = self.empty if _is_blank(raw) else raw
        if self.kind is not Kind.SWITCH:
            return "" if value is None else str(value)
        try:
            return "yes" if _switch(self, value) else "no"
        except ValueError:
            return "no"

    def shape(self, piece: Any) -> "Shape | None":
        """Return the shape of a piece, None if it has none that may stand here."""
        name = piece.get(SHAPE) if isinstance(piece, Mapping) else None
        return next((each for each in self.shapes if each.name == name), None)

    def takes(self, media_type: str) -> bool:
        """Return whether a file of this media type may be chosen here."""
        family = media_type.partition("/")[0]
        return not self.accept or media_type in self.accept or f"{family}/*" in self.accept


Form = tuple[Field, ...]
SHAPE = "shape"
"""The word in a piece under which the name of its shape stands."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a piece of a PIECES field may be, and what it asks. Its form has no files, secrets, picks or pieces."""

    name: str
    title: str
    form: Form = ()
    icon: str = "fa-square"


def read(form: Form, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return a typed value for every field of `form`; raise Refused with every fault at once.

    The faults are in `Refused.fields` by field as well, so that a page can show each at its place.
    """
    values: dict[str, Any] = {}
    faults: dict[str, str] = {}
    left_out = unasked(form, raw)
    for field in form:
        try:
            values[field.name] = field.empty if field.name in left_out else field.read(raw.get(field.name))
        except ValueError as fault:
            faults[field.name] = str(fault)
    for name in sorted(set(raw) - {field.name for field in form}):
        faults[name] = f"{name}: there is no such setting."
    if faults:
        refusal = Refused(*faults.values())
        refusal.fields = faults
        raise refusal
    return values


def unasked(form: Form, values: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of the fields that are not asked beside these values, typed or read; see `Field.only`."""
    above: dict[str, Field] = {}
    found: set[str] = set()
    for field in form:
        other = above.get(field.only[0]) if field.only else None
        if field.only and other:
            word = other.word(None if other.name in found else values.get(other.name))
            if word not in field.only[1]:
                found.add(field.name)
        above[field.name] = field
    return frozenset(found)


def settled(form: Form, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values without what was said to fields that are not asked beside them."""
    empty = {field.name: field.empty for field in form}
    left_out = unasked(form, values)
    return {name: empty[name] if name in left_out else value for name, value in values.items()}


def secrets(form: Form) -> frozenset[str]:
    """Return the names of the fields whose values must be encrypted and never shown."""
    return frozenset(field.name for field in form if field.kind is Kind.SECRET)


def _is_blank(raw: Any) -> bool:
    return raw is None or raw == [] or (isinstance(raw, str) and not raw.strip())


def _text(field: Field, raw: Any) -> str:
    text = str(raw) if field.kind in (Kind.SECRET, Kind.LONG_TEXT) else str(raw).strip()
    if "\x00" in text:
        raise ValueError(f"{field.label}: contains a character that cannot be stored.")
    if field.high is not None and len(text) > field.high:
        raise ValueError(f"{field.label}: at most {field.high} characters.")
    if field.low is not None and len(text) < field.low:
        raise ValueError(f"{field.label}: at least {field.low} characters.")
    return text


def _number(field: Field, raw: Any) -> int:
    try:
        number = int(str(raw).strip())
    except ValueError:
        raise ValueError(f"{field.label}: {str(raw)[:20]!r} is not a whole number.") from None
    if field.low is not None and number < field.low:
        raise ValueError(f"{field.label}: {number} is below the least, {field.low}.")
    if field.high is not None and number > field.high:
        raise ValueError(f"{field.label}: {number} is above the most, {field.high}.")
    return number


def _switch(field: Field, raw: Any) -> bool:
    if isinstance(raw, bool):
        return raw
    word = str(raw).strip().lower()
    if word in {"1", "true", "yes", "on", "y"}:
        return True
    if word in {"0", "false", "no", "off", "n"}:
        return False
    raise ValueError(f"{field.label}: {word[:20]!r} is neither yes nor no.")


def _choice(field: Field, raw: Any) -> str:
    allowed = [value for value, _ in field.choices]
    if str(raw) not in allowed:
        raise ValueError(f"{field.label}: {str(raw)[:20]!r} is not one of {', '.join(allowed)}.")
    return str(raw)


def _host(field: Field, raw: Any) -> str:
    host = str(raw).strip()
    if not HOST.match(host):
        raise ValueError(f"{field.label}: {host[:40]!r} is not a host name or address.")
    return host


def _json(field: Field, raw: Any) -> Any:
    if not isinstance(raw, str):
        return raw
    try:
        return json.loads(raw)
    except ValueError as error:
        raise ValueError(f"{field.label}: not valid JSON ({error}).") from None


def _date(field: Field, raw: Any) -> date:
    try:
        return raw if isinstance(raw, date) else date.fromisoformat(str(raw).strip())
    except ValueError:
        raise ValueError(f"{field.label}: {str(raw)[:20]!r} is not a date; write it like 2026-11-23.") from None


def _moment(field: Field, raw: Any) -> datetime:
    try:
        return datetime.fromisoformat(str(raw).strip()).replace(tzinfo=None)
    except ValueError:
        raise ValueError(f"{field.label}: {str(raw)[:20]!r} is not a date and time.") from None


def _time(field: Field, raw: Any) -> time:
    try:
        return raw if isinstance(raw, time) else time.fromisoformat(str(raw).strip())
    except ValueError:
        raise ValueError(f"{field.label}: {str(raw)[:20]!r} is not a time; write it like 09:00.") from None


def _several(raw: Any) -> list[Any]:
    return list(raw) if isinstance(raw, list | tuple | set) else [raw]


def _checks(field: Field, raw: Any) -> list[str]:
    return [_choice(field, each) for each in _several(raw)]


def _pick(field: Field, raw: Any) -> int:
    typed = str(raw).strip()
    if not (typed.isascii() and typed.isdigit() and int(typed) < 2**63):
        raise ValueError(f"{field.label}: choose one from the list.")
    return int(typed)


def _picks(field: Field, raw: Any) -> list[int]:
    return [_pick(field, each) for each in _several(raw) if str(each).strip()]


def _files(field: Field, raw: Any) -> list[int]:
    return list(dict.fromkeys(_picks(field, raw)))


def _pieces(field: Field, raw: Any) -> list[dict[str, Any]]:
    pieces = _json(field, raw)
    if not isinstance(pieces, list):
        raise ValueError(f"{field.label}: this is no list.")
    if field.high is not None and len(pieces) > field.high:
        raise ValueError(f"{field.label}: at most {field.high} of them.")
    return [_piece(field, number, piece) for number, piece in enumerate(pieces, 1)]


def _piece(field: Field, number: int, piece: Any) -> dict[str, Any]:
    shape = field.shape(piece)
    if shape is None:
        allowed = ", ".join(each.name for each in field.shapes)
        raise ValueError(f"{field.label}, number {number}: its shape must be one of {allowed}.")
    try:
        values = read(shape.form, {name: value for name, value in piece.items() if name != SHAPE})
    except Refused as refusal:
        raise ValueError(f"{field.label}, number {number} ({shape.title}): {' '.join(refusal.problems)}") from None
    return {SHAPE: shape.name, **values}


_READERS = {
    Kind.TEXT: _text,
    Kind.SECRET: _text,
    Kind.LONG_TEXT: _text,
    Kind.NUMBER: _number,
    Kind.SWITCH: _switch,
    Kind.CHOICE: _choice,
    Kind.HOST: _host,
    Kind.JSON: _json,
    Kind.DATE: _date,
    Kind.MOMENT: _moment,
    Kind.TIME: _time,
    Kind.CHECKS: _checks,
    Kind.PICK: _pick,
    Kind.PICKS: _picks,
    Kind.FILE: _pick,
    Kind.FILES: _files,
    Kind.PIECES: _pieces,
}


def blank(form: Form) -> dict[str, Any]:
    """Return the defaults of `form`, for a first showing."""
    return {field.name: field.empty for field in form}


def names(form: Iterable[Field]) -> list[str]:
    """Return the field names of `form` in order."""
    return [field.name for field in form]
