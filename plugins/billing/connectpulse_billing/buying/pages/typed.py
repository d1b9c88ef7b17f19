"""Reading a typed form of settings from a request, and showing it again with what is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import request

from connectpulse.core.api import Form, Kind, Refused, read_form


@dataclass(slots=True)
class Sheet:
    """A form as its template shows it."""

    form: Form
    values: dict[str, Any]
    errors: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def groups(self) -> list[tuple[str, list[Any]]]:
        """Return the fields under their one heading."""
        return [("", list(self.form))]

    def refuse(self, refusal: Refused) -> None:
        """Take over what was objected to."""
        self.errors = dict(refusal.fields)
        self.problems = [each for each in refusal.problems if each not in self.errors.values()]


def sheet(form: Form, values: Mapping[str, Any]) -> Sheet:
    """Return a form filled with `values`, or with its defaults."""
    return Sheet(form, {each.name: each.default for each in form} | dict(values))


def submitted(form: Form) -> Sheet:
    """Return what was typed, with its faults."""
    raw = {each.name: each.name in request.form if each.kind is Kind.SWITCH else request.form.get(each.name)
           for each in form}  # fmt: skip
    made = Sheet(form, raw)
    try:
        made.values = read_form(form, raw)
    except Refused as refusal:
        made.refuse(refusal)
    return made
