"""Retention for people: the report auditors read, the rules an organisation adjusts, holds, and archives."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Response, abort, flash, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name

from ...core.errors import NotFound, Refused
from ...core.services import audit
from ...core.services.retention import browsing, clock, engine, exports, holds, report, terms
from .. import current
from ..files import csv_file
from ..security.roles import READ, WRITE
from . import forms

_DAY = timedelta(days=1)


class RetentionView(BaseView):
    """What retention did and is to do, for the operator and auditors."""

    route_base = "/retention"
    class_permission_name = "Retention"
    default_view = "report"

    @expose("/report", methods=["GET"])
    @has_access
    @permission_name(READ)
    def report(self) -> Any:
        """Show a line per rule, the runs, and whether the clock is in doubt."""
        with current.platform_work("read the retention report") as work:
            now = clock.now(work)
            return self.render_template(
                "pulse/retention.html", lines=report.lines(work, now), runs=report.runs(work),
                faults=report.faults(work, now), run=report.current_run(work),
                is_stopped=clock.the_row(work).stopped_at is not None, day=_DAY, called=_called,
            )  # fmt: skip

    @expose("/progress", methods=["GET"])
    @has_access
    @permission_name(READ)
    def progress(self) -> Any:
        """Show how far the newest run is."""
        with current.platform_work("look at a retention run") as work:
            return self.render_template("pulse/_retention_run.html", run=report.current_run(work))

    @expose("/report.csv", methods=["GET"])
    @has_access
    @permission_name(READ)
    def download(self) -> Response:
        """Return the report as a file."""
        with current.platform_work("download the retention report") as work:
            rows = [list(report.COLUMNS), *report.table(report.lines(work, clock.now(work)))]
            audit.record(work, "retention.reported")
        return csv_file("retention-report.csv", rows)

    @expose("/run", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def run(self) -> Any:
        """Let a run begin now."""
        _do(engine.start, "A run begins within a minute.")
        return redirect(url_for("RetentionView.report"))

    @expose("/confirm", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def confirm(self) -> Any:
        """Take the operator's word that the clock is right."""
        _do(lambda work: clock.confirm(work, clock.now(work), clock.uptime()), "Retention goes on.")
        return redirect(url_for("RetentionView.report"))


def _called(table: str) -> str:
    """Return what people call the records of a table, also of one whose plugin is gone."""
    rule = current.the_house().registry.rules.get(table)
    return rule.called if rule is not None else table.replace("_", " ")


def _do(act: Any, done: str) -> None:
    try:
        with current.platform_work("operate retention") as work:
            act(work)
        flash(done, "success")
    except Refused as refusal:
        for problem in refusal.problems:
            flash(problem, "danger")


class RetentionRuleView(BaseView):
    """How long the organisation keeps what; adjustable within the rules' bounds."""

    route_base = "/retention-rules"
    class_permission_name = "RetentionRules"
    default_view = "list"

    @expose("/", methods=["GET"])
    @has_access
    @permission_name(READ)
    def list(self) -> Any:
        """Show every rule with its time, and what may be chosen."""
        with current.work() as work:
            chosen = terms.choices(work)
            rules = sorted(work.registry.rules.values(), key=lambda rule: (terms.bounds(rule) is None, rule.called))
            lines = [
                (rule, terms.kept(rule, work.organisation, chosen) if rule.keep is not None else None,
                 terms.bounds(rule), holds.covers(work, rule.table, work.organisation) if work.organisation else None)
                for rule in rules
            ]  # fmt: skip
        may_write = current.may(WRITE, self.class_permission_name)
        return self.render_template("pulse/retention_rules.html", lines=lines, may_write=may_write, day=_DAY)

    @expose("/choose", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def choose(self) -> Any:
        """Keep one table's rows for another time."""
        try:
            typed = request.form.get("days", "").strip()
            days = int(typed) if typed else None
            with current.work() as work:
                terms.choose(work, request.form.get("table", ""), days)
            flash("From the next run on, these records are kept so long.", "success")
        except ValueError:
            flash("Write the number of days.", "danger")
        except NotFound:
            abort(404)
        except Refused as refusal:
            flash(" ".join(refusal.problems), "danger")
        return redirect(url_for("RetentionRuleView.list"))


class ArchiveView(BaseView):
    """Rows that left the database: searched and exported, an organisation's own only."""

    route_base = "/archives"
    class_permission_name = "Archives"
    default_view = "search"

    @expose("/", methods=["GET"])
    @has_access
    @permission_name(READ)
    def search(self) -> Any:
        """Show the archives there are, or the rows that a search finds."""
        if current.organisation_id() is None:
            return self.render_template("pulse/no_organisation.html")
        try:
            asked = _asked()
            home, after = current.organisation_id(), request.args.get("after", 0, type=int)
            current.let_go()
            page = browsing.page(current.the_house().work, current.actor(), home, asked, after) if asked else None
            with current.work() as work:
                listed = [] if asked else browsing.newest(work)
                tables = browsing.tables(work)
                mine = exports.mine(work)
        except ValueError:
            flash("Write dates like 2026-01-31 and campaigns by their number.", "danger")
            return redirect(url_for("ArchiveView.search"))
        return self.render_template(
            "pulse/archives.html",
            page=page,
            listed=listed,
            tables=tables,
            args=request.args,
            asked=asked,
            called=_called,
            exports=mine,
        )

    @expose("/export", methods=["POST"])
    @has_access
    @permission_name(READ)
    def export(self) -> Any:
        """Let workers gather every row that a search finds."""
        try:
            asked = _asked() or abort(404)
        except ValueError:
            abort(404)
        try:
            with current.work() as work:
                exports.begin(work, asked)
            flash("The export is being made. You find it here, and a notice tells you when it is ready.", "success")
        except Refused as refusal:
            flash(" ".join(refusal.problems), "danger")
        return redirect(url_for("ArchiveView.search"))

    @expose("/progress", methods=["GET"])
    @has_access
    @permission_name(READ)
    def progress(self) -> Any:
        """Show how far one's exports are."""
        if current.organisation_id() is None:
            abort(404)
        return self.render_template("pulse/_archive_exports.html", exports=exports.mine(current.reading()))

    @expose("/fetch/<pk>", methods=["POST"])
    @has_access
    @permission_name(READ)
    def fetch(self, pk: str) -> Any:
        """Hand one's export over, once."""
        home = current.organisation_id()
        current.let_go()
        try:
            export_id = forms.row_number(pk)
            pieces = exports.fetch(current.the_house().work, current.actor(), home, export_id) if home else abort(404)
        except (ValueError, NotFound):
            abort(404)
        except Refused as refusal:
            flash(str(refusal), "danger")
            return redirect(url_for("ArchiveView.search"))
        return Response(pieces, mimetype="text/csv", headers=_headers(f"archive-{export_id}.csv"))


def _asked() -> browsing.Asked | None:
    """Return what the query asks for, None if for nothing; raise ValueError for what is no date or number."""
    table = request.values.get("table", "")
    if not table:
        return None
    campaign = request.values.get("campaign", "").strip()
    return browsing.Asked(
        table, request.values.get("address", "").strip(), int(campaign) if campaign else None,
        _date("since"), _date("until", _DAY),
    )  # fmt: skip


def _date(name: str, later: timedelta = timedelta(0)) -> datetime | None:
    typed = request.values.get(name, "").strip()
    return datetime.strptime(typed, "%Y-%m-%d").replace(tzinfo=UTC) + later if typed else None


def _headers(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
