"""What acts were done to, as the log has it: the kind and the name, with a link where the reader may follow it."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from flask import current_app
from markupsafe import Markup
from sqlalchemy import select

from ...core.registry import Registry
from ...core.services.work import Work
from ...core.storage.models import AuditEntry
from .. import current
from .cells import link
from .noun import NounView

_CORE = ("connectpulse", "flask_appbuilder")
_WAYS = ("show", "edit")
"""Which page of one row is linked to: the first that its view has and the reader may open."""

Links = dict[int, tuple[str, str]]
"""Where one reads on, by entry: the endpoint and the row's number there."""


def name(row: AuditEntry) -> str:
    """Return what an act was done to: its kind, and its name; its number where it has or shows no name."""
    kind = re.sub(r"(?<!^)[A-Z]", lambda letter: f" {letter[0].lower()}", row.object_type)
    said = row.object_name.strip()
    if said.lower().startswith(row.object_type.lower()):
        said = said[len(row.object_type) :].strip()
    return f"{kind} {said or row.object_id}".strip() or "none"


def shown(row: AuditEntry, links: Links) -> Markup | str:
    """Return what an act was done to, as a link where `links` has one."""
    if row.id not in links:
        return name(row) if row.object_type else ""
    endpoint, number = links[row.id]
    return link(name(row), endpoint, pk=number, of="platform" if row.organisation_id is None else None)


def links(work: Work, rows: Sequence[AuditEntry]) -> Links:
    """Return where the reader may follow the objects of some entries: what still is, on pages they may open.

    One search by key for each kind of object among them.
    """
    wanted: dict[type[NounView], dict[int, str]] = defaultdict(dict)
    for row in rows:
        page = _page(work.registry, row)
        if page is not None and row.object_id.isdecimal() and len(row.object_id) < 19:
            wanted[page][row.id] = row.object_id
    found: Links = {}
    for page, numbers in wanted.items():
        there = _there(work, page.model, numbers.values())
        endpoint = f"{page.__name__}.{_way(page)}"
        found |= {entry: (endpoint, number) for entry, number in numbers.items() if int(number) in there}
    return found


def _there(work: Work, model: Any, numbers: Iterable[str]) -> set[int]:
    return set(work.session.scalars(select(model.id).where(model.id.in_({int(each) for each in numbers}))))


def _page(registry: Registry, row: AuditEntry) -> type[NounView] | None:
    """Return the page that shows an entry's object to the reader; the plugin's own of the verb comes first.

    Two plugins may have kinds of one name: an entry of core is never about a plugin's.
    """
    plugin = registry.packages.get(row.verb.partition(".")[0])
    for home in (*((plugin.name,) if plugin is not None else ()), *_CORE):
        for page in _pages().get((home, row.object_type), ()):
            if _way(page) and (not page.is_platform or current.may_enter_any()):
                return page
    return None


def _way(page: type[NounView]) -> str:
    """Return the method of a page that shows the reader one row; empty if there is none."""
    for way in _WAYS:
        if way in page.include_route_methods and (way != "edit" or page.can_edit):
            verb = getattr(getattr(page, way), "_permission_name", "")
            if current.may(verb, page.class_permission_name):
                return way
    return ""


def _pages() -> dict[tuple[str, str], list[type[NounView]]]:
    """Return the pages of single rows, by the package and the name of the model they are of."""
    found: dict[tuple[str, str], list[type[NounView]]] = defaultdict(list)
    for view in current_app.extensions["appbuilder"].baseviews:
        if isinstance(view, NounView):
            found[view.model.__module__.partition(".")[0], view.model.__name__].append(type(view))
    return found
