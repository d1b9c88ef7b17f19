"""Backups for the platform's administrators: what there is, how old, what is next, and what the last drill found."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from flask import Response, abort, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from sqlalchemy import func, select

from ...core.services.backups import plan, running, watch
from ...core.services.evidence import bundle
from ...core.services.work import Work
from ...core.storage.models import Backup, Drill
from .. import current
from ..security.roles import READ, WRITE
from . import forms
from .cells import Column, badge, link
from .dates import moment, since, size
from .noun import NounView

_STATES = {"done": "ok", "running": "busy", "waiting": "busy", "failed": "bad", "damaged": "bad", "gone": ""}
_WORDS = {"done": "made", "running": "being made", "gone": "deleted"}
_TRIGGERS = {"schedule": "the daily plan", "panel": "somebody in the panel", "command": "the command line",
             "found": "found in the store"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands above the list."""

    is_set_up: bool
    newest: datetime | None
    next_at: datetime | None
    kept: int
    size: int
    late: str | None
    drills: tuple[Drill, ...]


class BackupView(NounView):
    model = Backup
    noun, plural, icon = "Backup", "Backups", "fa-box-archive"
    class_permission_name = "Backups"
    route_base = "/backups"
    is_platform = True
    can_add = can_edit = can_delete = False
    empty_hint = "There is no backup yet. The first one is made as soon as a worker runs."
    columns = (
        Column("Backup", lambda row: link(row.name, "BackupView.show", pk=row.id)),
        Column("State", lambda row: badge(_WORDS.get(row.state, row.state), _STATES.get(row.state, ""), row.error)),
        Column("Holds the state of", lambda row: moment(row.taken_at)),
        Column("Age", lambda row: since(row.taken_at)),
        Column("Size", lambda row: size(row.size) if row.size else "", is_number=True),
        Column("SHA-256", lambda row: f"{row.digest[:12]}…" if row.digest else ""),
    )
    include_route_methods: ClassVar[set[str]] = {"list", "show", "make", "progress", "drill", "evidence"}
    list_template = "pulse/backups.html"

    def standing(self) -> Standing:
        """Return what stands above the list, in a few bounded queries."""
        with self.work() as work:
            counted = select(func.count(), func.coalesce(func.sum(Backup.size), 0)).where(Backup.state == "done")
            kept, held = work.session.execute(counted).one()
            drills = work.session.scalars(select(Drill).order_by(Drill.ended_at.desc()).limit(3)).all()
            return Standing(
                bool(plan.site().recipient), watch.newest(work), _next(work), kept, int(held), watch.lateness(work),
                tuple(drills),
            )  # fmt: skip

    def open_one(self) -> dict[str, Any]:
        """Return what is known of the backup that waits or is being made."""
        with self.work() as work:
            return _open_one(work) | {"ended": _ended(work, "ended")}

    def details(self, work: Work, row: Any) -> list[tuple[str, Any]]:
        pairs = [
            ("State", badge(_WORDS.get(row.state, row.state), _STATES.get(row.state, ""))),
            ("Asked for by", _TRIGGERS.get(row.trigger, row.trigger)),
            ("Asked for", moment(row.created_at)),
            ("Holds the state of", moment(row.taken_at)),
            ("Finished", moment(row.finished_at)),
            ("Encrypted file", f"{row.size:,} bytes"),
            ("Dump in it", f"{row.dump_size:,} bytes"),
            ("SHA-256 of the file", row.digest),
            ("Attempts", row.attempts or ""),
            ("What went wrong", row.error),
        ]
        return [(label, value) for label, value in pairs if value != ""]

    @expose("/make", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def make(self) -> Any:
        """Ask for a backup now."""
        self.act(lambda work: running.ask(work, "panel"), "A backup is being made.")
        return redirect(url_for("BackupView.list"))

    @expose("/progress", methods=["GET"])
    @has_access
    @permission_name(READ)
    def progress(self) -> Any:
        """Return the part of the page that changes while a backup is made."""
        with self.work() as work:
            found = _open_one(work)
            ended = _ended(work, "of") if found["row"] is None else None
            return self.render_template(
                "pulse/_backup_progress.html", found=found, ended=ended, reload=ended is not None
            )

    @expose("/drill/<pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def drill(self, pk: str) -> Any:
        """Show what a drill found."""
        with self.work() as work:
            try:
                found = work.session.get(Drill, forms.row_number(pk))
            except ValueError:
                found = None
            if found is None:
                abort(404)
            return self.render_template("pulse/drill.html", view=self, drill=found, report=found.report)

    @expose("/evidence", methods=["GET"])
    @has_access
    @permission_name(READ)
    def evidence(self) -> Any:
        """Return the signed evidence of the policy as a file."""
        settings = current.the_house().settings
        record = bundle.read_tests(bundle.tests_of(settings.var_dir))
        with self.work() as work:
            content = bundle.export(work, record, settings.public_url)
        return Response(
            content,
            mimetype="application/zip",
            headers={"Content-Disposition": 'attachment; filename="evidence.zip"'},
        )


def _open_one(work: Work) -> dict[str, Any]:
    row = watch.progress(work)
    return {"row": row, "most": watch.size_of_database(work) if row is not None and row.state == "running" else 0}


def _ended(work: Work, name: str) -> Backup | None:
    """Return the backup that the address names, if it is not being made any more."""
    number = request.args.get(name, type=forms.row_number)
    found = work.session.get(Backup, number) if number else None
    return None if found is None or found.state in ("waiting", "running") else found


def _next(work: Work) -> datetime | None:
    """Return when the next backup is due; None if none are made, or one is due now."""
    site = plan.site()
    slot = plan.last_slot(work.clock(), site.hour, site.every)
    if not site.recipient or not watch.is_asked_since(work, slot):
        return None
    return slot + timedelta(hours=site.every)
