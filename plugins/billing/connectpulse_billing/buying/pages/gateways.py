"""The ways to pay, set up and tried by the operator."""

from typing import Any, ClassVar

from flask import flash, redirect, request, url_for

from connectpulse.core.api import Field, Form, Kind, NotFound, Refused, Work
from connectpulse.web.pages import READ, WRITE, NounView, expose, has_access, permission_name

from .. import gates
from ..models import Gateway
from .parts import SELLING, TEMPLATES, site

_OPEN = Field("is_open", "Payers may use it", Kind.SWITCH, help="Test it before you open it.")


class GatewayView(NounView):
    """Every installed gateway, set up or not."""

    model = Gateway
    noun, plural, icon = "Way to pay", "Ways to pay", "fa-credit-card"
    class_permission_name = SELLING
    route_base = "/billing/gateways"
    template_folder = TEMPLATES
    add_template = edit_template = "billing/gateway.html"
    is_platform = True
    can_delete = False
    include_route_methods: ClassVar[set[str]] = {"list", "add", "edit", "check"}

    @expose("/list/")
    @has_access
    @permission_name(READ)
    def list(self) -> Any:
        """Show the gateways and how they do."""
        with self.work() as work:
            found = [(each, gates.row(work, each.name)) for each in work.registry.gateways.values()]
            return self.render_template("billing/gateways.html", view=self, gateways=found, may_write=self.may(WRITE))

    @expose("/add", methods=["GET", "POST"])
    @has_access
    @permission_name(WRITE)
    def add(self) -> Any:
        """Show a gateway's settings, or store them for the first time."""
        with self.work() as work:
            if request.args.get("gateway") not in work.registry.gateways:
                return redirect(url_for("GatewayView.list"))
        return super().add()

    def prepare(self, work: Work, form: Form, row: Any | None) -> Form:
        return (*gates.editing(work, row.name if row is not None else request.args.get("gateway", "")), _OPEN)

    def values(self, work: Work, row: Any) -> dict[str, Any]:
        return {**row.settings, "is_open": row.is_open}

    def create(self, work: Work, values: dict[str, Any]) -> Any:
        name = request.args.get("gateway", "")
        if gates.row(work, name) is not None:
            raise Refused("This was set up already. Go back to the list, and change it there.")
        return self._save(work, name, values)

    def change(self, work: Work, row: Any, values: dict[str, Any]) -> Any:
        return self._save(work, row.name, values)

    def _save(self, work: Work, name: str, values: dict[str, Any]) -> Any:
        typed = dict(values)
        is_open = bool(typed.pop("is_open"))
        return gates.save(work, name, typed, is_open=is_open)

    def after_add(self, row_id: Any) -> str:
        return url_for("GatewayView.edit", pk=row_id)

    def after_edit(self, pk: str) -> str:
        return url_for("GatewayView.edit", pk=pk)

    def called(self, pk: str | None) -> str:
        """Return how payers know the gateway a form is about."""
        with self.work() as work:
            name = self.find(work, pk).name if pk is not None else request.args.get("gateway", "")
            found = work.registry.gateways.get(name)
            return found.title if found is not None else name

    def hook(self, pk: str | None) -> str:
        """Return the webhook address of the gateway a form is about, empty for one that sends none."""
        with self.work() as work:
            name = self.find(work, pk).name if pk is not None else request.args.get("gateway", "")
        return "" if name == "bank" else site().hook(name)

    @expose("/check/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def check(self, pk: str) -> Any:
        """Try a gateway without moving money."""
        with self.work() as work:
            name = self.find(work, pk).name
            try:
                gateway = gates.build(work, name, must_be_open=False)
            except NotFound as gone:
                flash(str(gone), "danger")
                return redirect(url_for("GatewayView.list"))
        found = gates.ask(gateway)
        with self.work() as work:
            gates.checked(work, name, found)
        for step in found.steps[:-1]:
            flash(step, "info")
        flash(found.steps[-1] if found.steps else "It works.", "success" if found.is_working else "danger")
        return redirect(url_for("GatewayView.edit", pk=pk))

    def _title(self, row: Any) -> str:
        return str(row.name)
