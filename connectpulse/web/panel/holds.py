"""Legal holds: what stands, what waits for a second person to lift it, and placing one on a person or on records."""

from collections.abc import Sequence
from typing import Any, ClassVar

from flask import abort, g, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from sqlalchemy import Select, select

from ...core.domain.form import Field, Form, Kind
from ...core.errors import NotFound, Refused
from ...core.services import addresses
from ...core.services.retention import holds, lifting
from ...core.services.work import Work
from ...core.storage.models import Decision, Hold
from .. import current
from ..security.roles import READ, WRITE
from . import forms
from .across import AcrossView, whose
from .cells import Column, badge, link
from .dates import moment
from .forms import with_choices

_WHY = Field("reason", "Why", Kind.LONG_TEXT, is_required=True, high=500,
             help="Like the number of the case. Whoever lifts the hold one day reads it.")  # fmt: skip
_FORMS: dict[str, Form] = {
    holds.SUBJECT: (
        Field("scheme", "Kind of address", Kind.CHOICE, choices=tuple(addresses.SCHEME_TITLES.items()),
              default="phone", is_required=True),
        Field("value", "The person's address", high=320, is_required=True,
              help="A number with its country like +923001234567, an address like name@example.com, or a WhatsApp id."),
        _WHY,
    ),
    holds.ORGANISATION: (_WHY,),
    holds.CLASS: (Field("table_name", "Records", Kind.CHOICE, is_required=True), _WHY),
}  # fmt: skip
_KINDS = {
    holds.SUBJECT: ("A person", "Everything we hold about one person stays, wherever it is."),
    holds.ORGANISATION: ("The whole organisation", "Every record of this organisation stays."),
    holds.CLASS: ("A kind of records", "Every record of this kind stays, whomever it is about."),
}


class HoldView(AcrossView):
    model = Hold
    reason_across = "keep holds on every organisation"
    noun, plural, icon = "Legal hold", "Legal holds", "fa-gavel"
    class_permission_name = "Holds"
    route_base = "/holds"
    can_edit = can_delete = False
    add_label = "Place a hold"
    empty_hint = "A legal hold keeps records that a rule or a request would delete. Lifting it needs two people."
    columns = (
        Column("What", lambda row: link(_what(row), "HoldView.show", pk=row.id, of=whose(row))),
        Column("Where", lambda row: lifting.reach(row)),
        Column("Why", lambda row: row.reason),
        Column("Since", lambda row: moment(row.created_at)),
        Column("State", lambda row: _state(row, g.holds_waiting.get(row.id))),
    )
    include_route_methods: ClassVar[set[str]] = {"list", "add", "show", "lift"}
    list_template = "pulse/holds.html"
    show_template = "pulse/hold.html"
    add_template = "pulse/hold_form.html"

    # --- whose holds

    def select(self) -> Select[Any]:
        home = None if self.is_across() else current.organisation_id()
        here = Hold.organisation_id == home
        everywhere = Hold.organisation_id.is_(None)
        return select(Hold).where(everywhere if home is None else here | everywhere if self.has_both() else here)

    def _page(self, work: Work, statement: Select[Any]) -> tuple[Sequence[Any], int | None]:
        rows, older = super()._page(work, statement)
        g.holds_waiting = lifting.waiting(work, list(rows))
        return rows, older

    def find(self, work: Work, pk: str) -> Any:
        try:
            row = holds.find(work, forms.row_number(pk), lock=False)
        except (ValueError, NotFound):
            abort(404)
        if row.organisation_id != work.organisation:
            abort(404)
        return row

    # --- placing one

    def kinds(self) -> dict[str, tuple[str, str]]:
        """Return what a hold may be on here: its title and what it keeps. One on all of them all is not offered."""
        return {name: said for name, said in _KINDS.items() if name != holds.ORGANISATION or not self.is_across()}

    def kind(self) -> str:
        """Return the kind of hold that is being placed; 404 for one that is not offered."""
        chosen = request.values.get("kind", holds.SUBJECT)
        return chosen if chosen in self.kinds() else abort(404)

    def prepare(self, work: Work, form: Form, row: Any | None) -> Form:
        rules = sorted(((name, rule.called) for name, rule in work.registry.rules.items()), key=lambda pair: pair[1])
        return with_choices(_FORMS[self.kind()], table_name=[("", "Choose the records"), *rules])

    def create(self, work: Work, values: dict[str, Any]) -> Any:
        kind = self.kind()
        given = {name: values[name] for name in ("scheme", "value", "table_name") if name in values}
        if kind == holds.SUBJECT:
            here = None if self.is_across() else current.organisation()
            try:
                given["value"] = addresses.normalise(given["scheme"], given["value"], here.country if here else "")
            except Refused as refusal:
                refusal.fields = {"value": str(refusal)}
                raise
        return holds.place(work, kind, values["reason"], **given)

    def after_add(self, row_id: Any) -> str:
        return self._address(row_id)

    # --- one hold

    @expose("/show/<pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self, pk: str) -> Any:
        """Show a hold, and whether lifting it waits for a second person."""
        with self.work() as work:
            row = self.find(work, pk)
            waiting = lifting.waiting(work, [row]).get(row.id)
            what = lifting.called(work, row)
            pairs = [
                ("Keeps", what), ("Where", lifting.reach(row)), ("Why", row.reason), ("Since", moment(row.created_at)),
                ("State", _state(row, waiting)), *([("Lifted", moment(row.lifted_at))] if row.lifted_at else []),
            ]  # fmt: skip
            return self.render_template(
                self.show_template, view=self, pk=row.id, row=row, row_title=f"Legal {row!r}", details=pairs,
                waiting=waiting, may_write=self.may(WRITE),
            )  # fmt: skip

    @expose("/lift/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def lift(self, pk: str) -> Any:
        """Ask a second person to lift a hold."""
        reason = request.form.get("reason", "")
        self.act(
            lambda work: holds.ask_lift(work, self.find(work, pk).id, reason), "A second person has to approve now."
        )
        return redirect(self._address(pk))

    def _address(self, pk: Any) -> str:
        values: dict[str, Any] = {"pk": pk, **self.kept()}
        return url_for("HoldView.show", **values)


def _what(row: Hold) -> str:
    words = lifting.called_by(current.the_house().registry, row)
    return words[:1].upper() + words[1:]


def _state(row: Hold, waiting: Decision | None) -> Any:
    if row.lifted_at:
        return badge("lifted", "empty")
    if waiting is not None:
        return badge("lifting awaits a second person", "busy", f"{waiting.asked_by_name} asked")
    return badge("stands", "warn")
