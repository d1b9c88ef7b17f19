"""Importing contacts: upload, map the columns, watch, read what was not taken."""

from collections.abc import Sequence
from typing import Any, ClassVar

from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from sqlalchemy import select

from ...core.domain.form import Field, Form, Kind
from ...core.errors import Refused
from ...core.services import imports
from ...core.services.addresses import COLUMN_TITLES
from ...core.services.csv_source import DELIMITERS
from ...core.services.work import Work
from ...core.storage.models import CustomField, Import, ImportFault
from .. import current
from ..files import csv_file
from ..security.roles import READ, WRITE
from . import forms
from .cells import Column, badge, link
from .dates import moment
from .noun import NounView

ENCODINGS = (("", "Find it out"), ("utf-8", "UTF-8"), ("cp1256", "Arabic and Urdu (Windows-1256)"),
             ("cp1252", "Western (Windows-1252)"), ("utf-16", "UTF-16"))  # fmt: skip
_ENCODING_TITLES = {**dict(ENCODINGS), "utf-8-sig": "UTF-8"}
_KINDS = {"finished": "ok", "failed": "bad", "cancelled": "warn", "running": "busy"}


class ImportView(NounView):
    model = Import
    noun, plural, icon = "Import", "Imports", "fa-file-import"
    class_permission_name = "Imports"
    route_base = "/imports"
    empty_hint = "Upload a CSV file. You see its columns before anything is imported."
    add_label = "Import a file"
    can_edit = False
    columns = (
        Column("File", lambda row: link(row.filename, "ImportView.show", pk=row.id)),
        Column("State", lambda row: badge(row.state, _KINDS.get(row.state, ""))),
        Column("New", lambda row: f"{row.created:,}", is_number=True),
        Column("Changed", lambda row: f"{row.updated:,}", is_number=True),
        Column("Not taken", lambda row: f"{row.rejected:,}", is_number=True),
        Column("When", lambda row: moment(row.created_at)),
    )
    include_route_methods: ClassVar[set[str]] = {
        "list",
        "show",
        "add",
        "start",
        "progress",
        "cancel",
        "faults",
        "delete",
    }
    show_template = "pulse/import.html"
    add_template = "pulse/import_upload.html"
    mapping_form: ClassVar[Form] = (
        Field("new_list", "Put them on a new list", help="Its name; or choose an existing list.", high=120),
        Field("list_id", "Or on this list", Kind.PICK, source="ContactListView"),
        Field("region", "Country of numbers written without a country code", is_required=True, low=2, high=2),
        Field("consent", "Consent", help="How these people agreed to be written to, if they did. Kept as evidence.",
              high=500),
    )  # fmt: skip

    @expose("/add", methods=["GET", "POST"])
    @has_access
    @permission_name(WRITE)
    def add(self) -> Any:
        """Take a file in."""
        problems: list[str] = []
        if request.method == "POST":
            file = request.files.get("file")
            encoding = request.form.get("encoding", "")
            if file is None or not file.filename:
                problems = ["Choose a file."]
            elif encoding not in dict(ENCODINGS):
                problems = ["Choose an encoding from the list."]
            else:
                try:
                    with current.work() as work:
                        given = imports.upload(work, file.filename, file.stream, encoding)
                        import_id = given.id
                    return redirect(url_for("ImportView.show", pk=import_id))
                except Refused as refusal:
                    problems = list(refusal.problems)
        page = self.render_template(self.add_template, view=self, encodings=ENCODINGS, problems=problems)
        return page, 422 if problems else 200

    @expose("/show/<pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self, pk: str) -> Any:
        """Show the columns to be mapped, or how far the import is."""
        with current.work() as work:
            given = self.find(work, pk)
            if given.state == "mapping":
                return self._mapping_page(work, given, forms.sheet(self.mapping_form, {"region": given.region}))
            faults = work.session.scalars(
                select(ImportFault).where(ImportFault.import_id == given.id).order_by(ImportFault.line).limit(50)
            ).all()
            return self.render_template(
                self.show_template, view=self, given=given, faults=faults, kept=imports.FAULTS_KEPT
            )

    def _mapping_page(
        self, work: Work, given: Import, sheet: forms.Sheet, status: int = 200, chosen: Sequence[str] = ()
    ) -> Any:
        look = imports.look_at(work, given)
        fields = work.session.scalars(select(CustomField).order_by(CustomField.id)).all()
        targets = [("", "Leave out"), ("name", "Name")]
        targets += [(f"address:{schemes}", title) for schemes, title in COLUMN_TITLES.items()]
        targets += [("timezone", "Time zone"), *((f"field:{each.name}", each.label) for each in fields)]
        page = self.render_template(
            "pulse/import_mapping.html", view=self, given=given, look=look, targets=targets, sheet=sheet,
            encoding=_ENCODING_TITLES.get(given.encoding, given.encoding),
            delimiter=DELIMITERS.get(given.delimiter, given.delimiter),
            chosen=chosen or given.mapping or look.mapping,
        )  # fmt: skip
        return page, status

    @expose("/start/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def start(self, pk: str) -> Any:
        """Begin importing with the mapping that was chosen."""
        filled = forms.submitted(self.mapping_form)
        chosen = request.form.getlist("column")
        if not filled.errors:
            try:
                with current.work() as work:
                    given = self.find(work, pk)
                    mapping = [
                        f"new:{given.header[n]}" if target == "new" and n < len(given.header) else target
                        for n, target in enumerate(chosen)
                    ]
                    values = filled.values
                    imports.start(
                        work, given.id, mapping, list_id=values["list_id"], new_list=values["new_list"] or "",
                        region=values["region"], consent=values["consent"] or "",
                    )  # fmt: skip
                return redirect(url_for("ImportView.show", pk=pk))
            except Refused as refusal:
                filled.refuse(refusal)
        with current.work() as work:
            given = self.find(work, pk)
            if given.state != "mapping":
                flash("This import has been started already.", "warning")
                return redirect(url_for("ImportView.show", pk=pk))
            forms.name_picked(work, filled)
            return self._mapping_page(work, given, filled, 422, chosen)

    @expose("/progress/<pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def progress(self, pk: str) -> Any:
        """Return the part of the page that changes while an import runs."""
        with current.work() as work:
            given = self.find(work, pk)
            page = self.render_template("pulse/_import_progress.html", given=given)
        return page if given.state in ("waiting", "running") else (page, 200, {"HX-Refresh": "true"})

    @expose("/cancel/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def cancel(self, pk: str) -> Any:
        """Stop an import."""
        self.act(lambda work: imports.cancel(work, self.find(work, pk).id), "The import is cancelled.")
        return redirect(url_for("ImportView.show", pk=pk))

    @expose("/faults/<pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def faults(self, pk: str) -> Any:
        """Return the rows that were not taken, as a CSV file."""
        with current.work() as work:
            given = self.find(work, pk)
            rows = work.session.execute(
                select(ImportFault.line, ImportFault.reason, ImportFault.value)
                .where(ImportFault.import_id == given.id)
                .order_by(ImportFault.line)
                .limit(imports.FAULTS_KEPT)
            ).all()
        return csv_file(f"not-imported-{pk}.csv", [("line", "reason", "row"), *rows])

    def create(self, work: Work, values: dict[str, Any]) -> Any:
        abort(404)

    def remove(self, work: Work, row: Any) -> None:
        imports.remove(work, row.id)

    def _title(self, row: Any) -> str:
        return str(row.filename)
