"""The ways to pay, set up and tried by the operator."""

from typing import Any, ClassVar

from flask import abort, flash, redirect, request, url_for

from connectpulse.core.api import Check, Field, Kind, NotFound, Refused
from connectpulse.web.pages import READ, WRITE, NounView, expose, has_access, permission_name

from .. import gates
from ..models import Gateway
from .parts import SELLING, TEMPLATES, site
from .typed import sheet, submitted


class GatewayView(NounView):
    """Every installed gateway, set up or not."""

    model = Gateway
    noun, plural, icon = "Way to pay", "Ways to pay", "fa-credit-card"
    class_permission_name = SELLING
    route_base = "/billing/gateways"
    template_folder = TEMPLATES
    is_platform = True
    can_add = can_delete = False
    include_route_methods: ClassVar[set[str]] = {"list", "set_up", "check"}

    @expose("/list/")
    @has_access
    @permission_name(READ)
    def list(self) -> Any:
        """Show the gateways and how they do."""
        with self.work() as work:
            found = [(each, gates.row(work, each.name)) for each in work.registry.gateways.values()]
            return self.render_template("billing/gateways.html", view=self, gateways=found, may_write=self.may(WRITE))

    @expose("/set-up/<name>", methods=["GET", "POST"])
    @has_access
    @permission_name(WRITE)
    def set_up(self, name: str) -> Any:
        """Show a gateway's settings, without its secrets; or store them."""
        return self._page(name)

    @expose("/check/<name>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def check(self, name: str) -> Any:
        """Try a gateway without moving money."""
        try:
            with self.work() as work:
                gateway = gates.build(work, name, must_be_open=False)
        except NotFound:
            abort(404)
        found = gates.ask(gateway)
        with self.work() as work:
            gates.checked(work, name, found)
        return self._page(name, found)

    def _page(self, name: str, check: Check | None = None) -> Any:
        is_open = Field("is_open", "Payers may use it", Kind.SWITCH)
        try:
            with self.work() as work:
                form, known = (*gates.editing(work, name), is_open), gates.row(work, name)
                title = work.registry.gateways[name].title
                stored = {**known.settings, "is_open": known.is_open} if known is not None else {}
        except NotFound:
            abort(404)
        filled = sheet(form, stored)
        if request.method == "POST" and check is None:
            filled = submitted(form)
            if not filled.errors and self._save(name, filled):
                return redirect(url_for("GatewayView.set_up", name=name))
        return self.render_template("billing/gateway.html", view=self, name=name, title=title, sheet=filled,
                                    check=check, known=known, hook=site().hook(name))  # fmt: skip

    def _save(self, name: str, filled: Any) -> bool:
        values = dict(filled.values)
        is_open = bool(values.pop("is_open"))
        try:
            with self.work() as work:
                gates.save(work, name, values, is_open=is_open)
        except Refused as refusal:
            filled.refuse(refusal)
            return False
        flash("Stored. Test it before payers use it.", "success")
        return True
