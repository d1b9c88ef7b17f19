"""The disclosure register: what each connection gives away, to whom, and on what ground."""

from typing import Any, ClassVar

from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from sqlalchemy import select

from ...core.domain.form import Field, Form, Kind
from ...core.errors import NotFound, Refused
from ...core.services import records
from ...core.services.disclosure import agreements, register
from ...core.services.disclosure.agreements import Standing, Stands
from ...core.services.work import Work
from ...core.storage.models import Agreement, Connection
from .. import current
from ..security.roles import READ, WRITE
from . import forms
from .cells import badge

_BADGES = {
    Standing.SIMULATED: ("nothing leaves", "ok"),
    Standing.TRIAL: ("trial", "warn"),
    Standing.AGREED: ("agreed", "ok"),
    Standing.ENDING: ("ends soon", "warn"),
    Standing.EXPIRED: ("expired", "bad"),
    Standing.MISSING: ("no agreement", "bad"),
}


def stands_badge(stands: Stands) -> Any:
    """Return how a connection stands, as a mark with the day its agreement ends."""
    text, kind = _BADGES[stands.standing]
    until = f" {stands.until:%d %b %Y}" if stands.until and stands.standing not in _EXEMPT else ""
    return badge(text + until, kind)


_EXEMPT = (Standing.SIMULATED, Standing.TRIAL)


class AgreementView(BaseView):
    """Agreements, by connection."""

    route_base = "/agreements"
    class_permission_name = "Agreements"
    default_view = "list"
    form: ClassVar[Form] = (
        Field("party", "Company", is_required=True, high=200, help="The legal name; the public page shows it."),
        Field("reference", "Reference", is_required=True, high=120, help="Where the signed paper is found."),
        Field("agreed_on", "Agreed on", Kind.DATE, is_required=True),
        Field("expires_on", "Ends on", Kind.DATE, is_required=True,
              help="The last day it holds. From the next day nothing is sent over the connection."),
        Field("contact", "Contact person", high=200, group="Contact"),
        Field("email", "E-mail", high=320, group="Contact"),
    )  # fmt: skip

    @expose("/", methods=["GET"])
    @has_access
    @permission_name(READ)
    def list(self) -> Any:
        """Show the register."""
        with current.platform_work("look at the register") as work:
            return self.render_template(
                "pulse/register.html", entries=register.entries(work), stands_badge=stands_badge,
                may_write=current.may(WRITE, self.class_permission_name),
            )  # fmt: skip

    @expose("/add/<pk>", methods=["GET", "POST"])
    @has_access
    @permission_name(WRITE)
    def add(self, pk: str) -> Any:
        """Show an empty form, or record an agreement for a connection."""
        with current.platform_work("record an agreement") as work:
            row = _find(work, Connection, pk)
            last = work.session.scalars(
                select(Agreement).where(Agreement.connection_id == row.id).order_by(Agreement.id.desc()).limit(1)
            ).first()
            preset = {name: getattr(last, name) for name in ("party", "contact", "email")} if last else {}
            name, row_id = row.name, row.id
        heading = f"Agreement for {name}"
        return self._fill(heading, preset, lambda work, values: agreements.record(work, row_id, values), row_id)

    @expose("/edit/<pk>", methods=["GET", "POST"])
    @has_access
    @permission_name(WRITE)
    def edit(self, pk: str) -> Any:
        """Show an agreement's form, or correct it."""
        with current.platform_work("correct an agreement") as work:
            row = _find(work, Agreement, pk)
            shown = {each.name: getattr(row, each.name) for each in self.form}
            name, row_id, connection_id = row.connection_name, row.id, row.connection_id
        heading = f"Agreement for {name}"
        return self._fill(heading, shown, lambda work, values: agreements.change(work, row_id, values), connection_id)

    def _fill(self, heading: str, shown: dict[str, Any], verb: Any, connection_id: int | None) -> Any:
        filled = forms.submitted(self.form) if request.method == "POST" else forms.sheet(self.form, shown)
        if request.method == "POST" and not filled.errors:
            try:
                with current.platform_work("record an agreement") as work:
                    verb(work, filled.values)
                flash("The agreement is on record. Use the connection again if it was paused.", "success")
                if connection_id is None:
                    return redirect(url_for("AgreementView.list"))
                return redirect(url_for("ConnectionView.show", pk=connection_id))
            except Refused as refusal:
                filled.refuse(refusal)
        page = self.render_template("pulse/agreement_form.html", sheet=filled, heading=heading)
        return page, 422 if request.method == "POST" else 200


def _find(work: Work, model: Any, pk: str) -> Any:
    try:
        return records.find(work, model, forms.row_number(pk))
    except (ValueError, NotFound):
        abort(404)
