"""What auditors and operators read: the action log, the plugins, and how the site does."""

import re
from collections.abc import Sequence
from typing import Any, ClassVar

from flask import abort, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from sqlalchemy import ColumnElement, Select, select

from ...core.registry import Registry
from ...core.services import overview
from ...core.services.work import Work
from ...core.storage import ids
from ...core.storage.models import AuditEntry
from .. import current
from ..security.roles import READ
from .dates import moment
from .noun import Column, Filter, NounView, link

_PLATFORM = "platform"
"""What `of` says in the address of the platform's own log."""


def _sentence(row: AuditEntry) -> str:
    action = current.the_house().registry.actions.get(row.verb)
    if action is None:
        return f"{row.actor_name}: {row.verb} {row.object_name}"
    return action.sentence.format(actor=row.actor_name, object=row.object_name or "it")


def _object(row: AuditEntry) -> str:
    """Return what an act was done to: its kind, and its name; its number where it has or shows no name."""
    kind = re.sub(r"(?<!^)[A-Z]", lambda letter: f" {letter[0].lower()}", row.object_type)
    return f"{kind} {row.object_name.removeprefix(row.object_type).strip() or row.object_id}".strip() or "none"


def _log_of(row: AuditEntry) -> str | None:
    return _PLATFORM if row.organisation_id is None else None


def _areas(registry: Registry) -> list[tuple[str, str]]:
    """Return what acts are about: the nouns of core's verbs, and the plugins that declare verbs of their own."""
    names = sorted({verb.partition(".")[0] for verb in registry.actions})
    return [(name, registry.plugins[name].title if name in registry.plugins else name.capitalize()) for name in names]


class AuditView(NounView):
    model = AuditEntry
    noun, plural, counted, icon = "Act", "Action log", "Acts", "fa-clock-rotate-left"
    class_permission_name = "Audit"
    route_base = "/audit"
    can_add = can_edit = can_delete = False
    empty_hint = "Everything anybody does is written down here, in the moment it is done."
    search_hint = "Name of the person"
    columns = (
        Column("When", lambda row: moment(ids.moment(row.id))),
        Column("What", lambda row: link(_sentence(row), "AuditView.show", pk=row.id, of=_log_of(row))),
        Column("From", lambda row: row.actor_address),
    )
    include_route_methods: ClassVar[set[str]] = {"list", "show"}
    list_template = "pulse/audit.html"

    def has_both(self) -> bool:
        """Return whether the reader may read the platform's own acts besides an organisation's."""
        return current.may_enter_any()

    def is_across(self) -> bool:
        """Return whether the platform's own acts are asked for, or there is no organisation to read of."""
        return self.has_both() and (request.args.get("of") == _PLATFORM or current.organisation_id() is None)

    def kept(self) -> dict[str, str]:
        return {"of": _PLATFORM} if self.is_across() else {}

    def offered(self) -> Sequence[Filter]:
        areas = _areas(current.the_house().registry)
        return [Filter("area", "About", areas, lambda area: AuditEntry.verb.startswith(f"{area}.", autoescape=True))]

    def work(self) -> Any:
        return current.platform_work("read the action log") if self.is_across() else current.work()

    def select(self) -> Select[Any]:
        statement = select(AuditEntry)
        return statement.where(AuditEntry.organisation_id.is_(None)) if self.is_across() else statement

    def find(self, work: Work, pk: str) -> Any:
        row = super().find(work, pk)
        if self.is_across() and row.organisation_id is not None:
            abort(404)
        return row

    def search(self, words: str) -> ColumnElement[bool]:
        return AuditEntry.actor_name.istartswith(words, autoescape=True)

    def details(self, work: Any, row: Any) -> list[tuple[str, Any]]:
        pairs = [
            ("When", moment(ids.moment(row.id))),
            ("Who", f"{row.actor_name} ({row.actor_kind})"),
            ("From", row.actor_address or "within"),
            ("Verb", row.verb),
            ("Object", _object(row)),
        ]
        for name, value in row.detail.items():
            if name == "changes" and isinstance(value, dict):
                pairs += [(f"{column} changed", f"{before} → {after}") for column, (before, after) in value.items()]
            else:
                pairs.append((name.replace("_", " ").capitalize(), str(value)))
        return pairs

    def _title(self, row: Any) -> str:
        return _sentence(row)


class SystemView(BaseView):
    """Health and plugins, for the operator."""

    route_base = "/system"
    class_permission_name = "System"
    default_view = "show"

    @expose("/", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self) -> Any:
        """Show the checks, the plugins, and why any of them was refused."""
        registry = current.the_house().registry
        with current.platform_work("look at the platform's health") as work:
            return self.render_template(
                "pulse/system.html", checks=overview.health(work), registry=registry,
                attention=overview.platform_attention(work),
            )  # fmt: skip
