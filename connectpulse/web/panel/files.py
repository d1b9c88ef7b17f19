"""Files of the organisation: upload, look at what uses them, take them out again."""

from typing import Any, ClassVar

from flask import abort, flash, make_response, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from sqlalchemy import Select, select

from ...core.errors import NotFound, Refused
from ...core.services import files
from ...core.services.files import StoredFile
from ...core.services.work import Work
from ...core.storage.models import File
from .. import current
from ..files import saved
from ..security.roles import READ, WRITE
from . import forms, uploads
from .cells import Column, Filter, Removal, link
from .dates import moment
from .noun import NounView

FAMILIES = (("image/", "Pictures"), ("audio/", "Sounds"), ("video/", "Films"), ("text/", "Texts"),
            ("application/", "Documents"))  # fmt: skip


class FileView(NounView):
    model = File
    noun, plural, icon = "File", "Files", "fa-paperclip"
    class_permission_name = "Files"
    route_base = "/files"
    empty_hint = "Pictures, documents and sounds that templates use. Each is kept once, however many use it."
    add_label = "Upload files"
    search_hint = "Name"
    can_edit = False
    removal = Removal(consequence="Templates that use it keep it from being deleted.")
    columns = (
        Column("Name", lambda row: link(row.name, "FileView.show", pk=row.id)),
        Column("Kind", lambda row: row.media_type),
        Column("Size", lambda row: uploads.size(row.size), is_number=True),
        Column("Uploaded", lambda row: moment(row.created_at)),
    )
    filters = (Filter("kind", "Kind", FAMILIES, lambda v: File.media_type.startswith(v, autoescape=True)),)
    include_route_methods: ClassVar[set[str]] = {"list", "show", "add", "delete", "lookup", "upload", "download"}
    add_template = "pulse/file_upload.html"
    show_template = "pulse/file.html"

    def select(self) -> Select[Any]:
        statement = select(File)
        if request.endpoint == "FileView.lookup":
            accept = [each for each in request.args.get("accept", "").split(",") if each]
            statement = statement.where(uploads.fits(accept, request.args.get("most", type=forms.row_number)))
        return statement

    def told(self, work: Work) -> str:
        kept, quota = uploads.size(files.kept_bytes(work)), uploads.size(files.quota())
        return f"{kept} of {quota} are in use. A file no template has used for a while is deleted by itself."

    def option(self, row: Any) -> str:
        return uploads.told(row)

    def details(self, work: Work, row: Any) -> list[tuple[str, Any]]:
        users = files.used_by(work, row.id)
        return [
            *super().details(work, row)[1:],
            ("Uploaded by", row.created_by or "unknown"),
            ("Used by", ", ".join(users) if users else "nothing"),
        ]

    def remove(self, work: Work, row: Any) -> None:
        files.remove(work, row.id)

    @expose("/add", methods=["GET", "POST"])
    @has_access
    @permission_name(WRITE)
    def add(self) -> Any:
        """Take files in."""
        problems: list[str] = []
        sent = uploads.sent_by("file") if request.method == "POST" else []
        for each in sent:
            try:
                with current.work() as work:
                    uploads.keep(work, each)
            except Refused as refusal:
                problems += refusal.problems
        kept = len(sent) - len(problems)
        if kept:
            flash("The file is kept." if kept == 1 else f"{kept} files are kept.", "success")
        if sent and not problems:
            return redirect(url_for("FileView.list"))
        if request.method == "POST" and not sent:
            problems = ["Choose a file."]
        page = self.render_template(
            self.add_template, view=self, problems=problems, most=uploads.size(files.largest())
        )  # fmt: skip
        return page, 422 if problems else 200

    @expose("/upload/<name>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def upload(self, name: str) -> Any:
        """Keep files that were just chosen in the field `name` of a form, and return them as chosen there."""
        kept: list[StoredFile] = []
        problems: list[str] = []
        for each in uploads.sent_by(f"upload-{name}"):
            try:
                with current.work() as work:
                    kept.append(uploads.keep(work, each))
            except Refused as refusal:
                problems += refusal.problems
        rows = [(str(each.id), uploads.told(each)) for each in kept]
        return self.render_template("pulse/_files_chosen.html", name=name, rows=rows, problems=problems)

    @expose("/download/<pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def download(self, pk: str) -> Any:
        """Return a file to be saved; no browser opens it here, whatever it is."""
        try:
            with current.work() as work:
                found = files.read(work, forms.row_number(pk))
        except (ValueError, NotFound):
            abort(404)
        return saved(found.name, make_response(found.content), found.media_type)
