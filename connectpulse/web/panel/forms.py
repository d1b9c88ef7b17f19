"""Forms on pages: a domain form, what was typed into it, and what is wrong with it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from typing import Any

from flask import request
from sqlalchemy import select

from ...core.domain.form import Field, Form, Kind, Shape, blank, settled
from ...core.domain.form import read as read_form
from ...core.errors import Refused
from ...core.services.work import Work
from ...core.storage.models import Connection, ContactList, Organisation, Sender, Template
from . import pieces, uploads

_SEVERAL = (Kind.CHECKS, Kind.PICKS)
_CHOSEN = (Kind.CHOICE, Kind.SWITCH, Kind.NUMBER)
"""Kinds that mostly have an answer before anybody gives one."""


@dataclass(slots=True)
class Sheet:
    """A form as a page shows it. `problems` are faults of the whole, `errors` those of single fields."""

    form: Form
    values: dict[str, Any]
    errors: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def groups(self) -> list[tuple[str, list[Field]]]:
        """Return the fields under their headings, in order."""
        found: dict[str, list[Field]] = {}
        for each in self.form:
            found.setdefault(each.group, []).append(each)
        return list(found.items())

    def is_filled(self, fields: Iterable[Field]) -> bool:
        """Whether anything beside defaults was typed into some fields, or something is wrong there."""
        return any(
            each.name in self.errors or self.values.get(each.name) not in (None, "", [], each.default)
            for each in fields
        )

    @property
    def has_files(self) -> bool:
        """Whether files may be sent with it."""
        return any(each.kind in uploads.KINDS for each in self.form)

    def chosen(self, name: str) -> list[str]:
        """Return the ids chosen in a field of files."""
        return uploads.chosen(self.values.get(name))

    def pieces(self, field: Field) -> list[tuple[str, Shape, "Sheet"]]:
        """Return the pieces of a field, each by a key of its own, with its shape and its form as inputs are named."""
        rows = self.values.get(field.name)
        found = []
        for number, piece in enumerate(rows if isinstance(rows, list) else []):
            shape = field.shape(piece)
            if shape is not None:
                found.append((str(number), shape, self.piece(field, shape, str(number), piece)))
        return found

    def piece(self, field: Field, shape: Shape, key: str, values: Mapping[str, Any] | None = None) -> "Sheet":
        """Return the form of one piece, its inputs named after the field and `key`; without `values` a fresh one."""
        known = blank(shape.form) | dict(values or {})
        named = {each.name: pieces.input_name(field, key, each) for each in shape.form}
        form = tuple(
            replace(each, name=named[each.name], only=each.only and (named[each.only[0]], each.only[1]))
            for each in shape.form
        )
        return Sheet(form, {named[name]: value for name, value in known.items() if name in named})

    def refuse(self, refusal: Refused) -> None:
        """Take over what a service objected to."""
        ours = {each.name for each in self.form}
        self.errors = {name: fault for name, fault in refusal.fields.items() if name in ours}
        self.problems = [each for each in refusal.problems if each not in self.errors.values()]


def sheet(form: Form, values: Mapping[str, Any] | None = None) -> Sheet:
    """Return a form filled with `values`, or with its defaults."""
    return Sheet(form, blank(form) | dict(values or {}))


def is_begun(form: Form, values: Mapping[str, Any]) -> bool:
    """Return whether anything was written into a form yet; what is only chosen in it does not count."""
    answers = settled(form, values)
    written = [(answers.get(each.name), each.empty) for each in form if each.kind not in _CHOSEN]
    return any(value not in (None, "", []) and shown(value) != shown(empty) for value, empty in written)


def typed(form: Form) -> dict[str, Any]:
    """Return what this request's form says, as it was typed."""
    raw: dict[str, Any] = {}
    for each in form:
        if each.kind is Kind.SWITCH:
            raw[each.name] = each.name in request.form
        elif each.kind in uploads.KINDS:
            raw[each.name] = uploads.typed(each)
        elif each.kind is Kind.PIECES:
            raw[each.name] = pieces.typed(each)
        elif each.kind in _SEVERAL:
            raw[each.name] = request.form.getlist(each.name)
        else:
            raw[each.name] = request.form.get(each.name)
    return raw


def submitted(form: Form) -> Sheet:
    """Return the sheet of a submitted form; its `errors` are what single fields have wrong."""
    raw = typed(form)
    unkept = uploads.take(form, raw)
    made = Sheet(form, raw)
    try:
        made.values = read_form(form, raw)
    except Refused as refusal:
        made.refuse(refusal)
    made.errors |= unkept
    return made


SOURCES: dict[str, type[Any]] = {
    "ContactListView": ContactList,
    "TemplateView": Template,
    "SenderView": Sender,
    "ConnectionView": Connection,
    "OrganisationView": Organisation,
}
"""What a PICK field's `source` searches: a page's name, and the rows behind it."""


def name_picked(work: Work, filled: Sheet) -> Sheet:
    """Give the things picked in a form their names, so that it can be shown again."""
    filled.form = uploads.offer(work, filled.form, filled.values)
    named: dict[str, list[tuple[Any, str]]] = {}
    for each in filled.form:
        value = filled.values.get(each.name)
        if each.source and value:
            ids = value if isinstance(value, list) else [value]
            ids = [int(one) for one in ids if str(one).isdecimal() and len(str(one)) < 19]
            model = SOURCES[each.source]
            rows = work.session.scalars(select(model).where(model.id.in_(ids))).unique()
            named[each.name] = [(row.id, str(row)) for row in rows]
    filled.form = with_choices(filled.form, **named)
    return filled


def with_choices(form: Form, **choices: Iterable[tuple[Any, str]]) -> Form:
    """Return `form` with the choices of some fields filled in."""
    return tuple(
        replace(each, choices=tuple((str(value), label) for value, label in choices[each.name]))
        if each.name in choices
        else each
        for each in form
    )


def row_number(typed: str) -> int:
    """Return the id somebody typed or linked to; raise ValueError for what can be none."""
    number = int(typed)
    if not 0 < number < 2**63:
        raise ValueError(f"{typed[:20]!r} is no id.")
    return number


def search_words(most: int = 100) -> str:
    """Return what this request searches for, cut to `most` characters."""
    return request.args.get("q", "").replace("\x00", "").strip()[:most]


def shown(value: Any) -> str:
    """Return a value as an input holds it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return value.strftime("%H:%M")
    return str(value)
