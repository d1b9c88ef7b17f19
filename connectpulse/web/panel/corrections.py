"""The values that a request for correction may set: as its page offers them, and as they were typed."""

from collections.abc import Mapping
from typing import Any

from flask import request

from ...core.domain.rights import Kind
from ...core.services.rights import planning
from ...core.services.work import Work
from ...core.storage.models import SubjectRequest


def typed() -> list[Mapping[str, str]]:
    """Return what this request's form changes: where, from what, to what."""
    changes: list[Mapping[str, str]] = []
    for name, after in request.form.items():
        if name.startswith("fix|"):
            table, column, scheme, before = [*name.split("|", 4)[1:], "", "", ""][:4]
            if after.strip() != before:
                changes.append({"table": table, "column": column, "scheme": scheme, "before": before, "after": after})
    return changes


def offered(work: Work, row: SubjectRequest, plan: planning.Plan | None) -> list[dict[str, str]]:
    """Return the values a correction may set, with what was noted so far."""
    if plan is None or row.kind != Kind.CORRECTION:
        return []
    noted = {(each["table"], each["column"], each["before"]): each["after"] for each in row.wanted.get("changes", ())}
    found: list[dict[str, str]] = []
    for line in plan.lines:
        handler = work.registry.subjects.get(line.table)
        for sample in line.samples:
            for column, scheme, before in _values(sample, handler.rectifiable if handler else ()):
                after = noted.get((line.table, column, before), before)
                each = {"table": line.table, "column": column, "scheme": scheme, "before": before, "after": after}
                if each not in found:
                    found.append(each)
    return [each for each in found if each["table"] != "pulse_consent"]


def _values(sample: Any, allowed: tuple[str, ...]) -> Any:
    for column in allowed:
        value = sample.get(column)
        if isinstance(value, dict):
            yield from ((f"{column}.{name}", "", str(each)) for name, each in value.items())
        elif column in sample:
            yield column, str(sample.get("scheme", "")), str(value or "")
