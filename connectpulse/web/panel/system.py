"""What auditors and operators read: the action log, the plugins, and how the site does."""

from typing import Any, ClassVar

from flask import request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from sqlalchemy import ColumnElement, Select, select

from ...core.services import overview
from ...core.storage import ids
from ...core.storage.models import AuditEntry
from .. import current
from ..security.roles import PLATFORM_ROLES, READ
from .dates import moment
from .noun import Column, Filter, NounView, link


def _sentence(row: AuditEntry) -> str:
    action = current.the_house().registry.actions.get(row.verb)
    if action is None:
        return f"{row.actor_name}: {row.verb} {row.object_name}"
    return action.sentence.format(actor=row.actor_name, object=row.object_name or "it")


_AREAS = ("campaign", "contact", "import", "list", "template", "sender", "suppression", "membership", "user",
          "organisation", "connection", "route", "message", "platform")  # fmt: skip


class AuditView(NounView):
    model = AuditEntry
    noun, plural, icon = "Act", "Action log", "fa-clock-rotate-left"
    class_permission_name = "Audit"
    route_base = "/audit"
    can_add = can_edit = can_delete = False
    empty_hint = "Everything anybody does is written down here, in the moment it is done."
    search_hint = "Name of the person"
    columns = (
        Column("When", lambda row: moment(ids.moment(row.id))),
        Column("What", lambda row: link(_sentence(row), "AuditView.show", pk=row.id)),
        Column("From", lambda row: row.actor_address),
    )
    filters = (
        Filter("area", "About", tuple((each, each.capitalize()) for each in _AREAS),
               lambda value: AuditEntry.verb.startswith(f"{value}.")),
    )  # fmt: skip
    include_route_methods: ClassVar[set[str]] = {"list", "show"}

    def work(self) -> Any:
        """Platform people without an organisation read the platform's own acts."""
        return current.platform_work("read the action log") if self._is_platform_log() else current.work()

    def _is_platform_log(self) -> bool:
        return bool(current.role_names() & PLATFORM_ROLES) and request.args.get("of") == "platform"

    def select(self) -> Select[Any]:
        statement = select(AuditEntry)
        return statement.where(AuditEntry.organisation_id.is_(None)) if self._is_platform_log() else statement

    def search(self, words: str) -> ColumnElement[bool]:
        return AuditEntry.actor_name.istartswith(words, autoescape=True)

    def details(self, work: Any, row: Any) -> list[tuple[str, Any]]:
        pairs = [
            ("When", moment(ids.moment(row.id))),
            ("Who", f"{row.actor_name} ({row.actor_kind})"),
            ("From", row.actor_address or "within"),
            ("Verb", row.verb),
            ("Object", f"{row.object_type} {row.object_name}".strip() or "none"),
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
