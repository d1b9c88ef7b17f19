"""Retention for people: the report auditors read, the rules an organisation adjusts, holds, and archives."""

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from flask import Response, abort, flash, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from sqlalchemy import Select, select

from ...core.domain.form import Field, Form, Kind
from ...core.errors import NotFound, Refused
from ...core.services import addresses, audit
from ...core.services.retention import browsing, clock, engine, exports, holds, report, terms
from ...core.services.work import Work
from ...core.storage.models import Hold
from .. import current
from ..files import csv_file
from ..security.roles import READ, WRITE
from . import forms
from .dates import moment
from .forms import with_choices
from .noun import Column, NounView, badge, link

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


_KINDS = (
    (holds.SUBJECT, "a person"),
    (holds.ORGANISATION, "the whole organisation"),
    (holds.CLASS, "a kind of records"),
)
_HOLD: Form = (
    Field("kind", "What is held", Kind.CHOICE, choices=_KINDS, default=holds.SUBJECT, is_required=True),
    Field("scheme", "Kind of address", Kind.CHOICE, choices=(("phone", "phone"), ("email", "e-mail")), default="phone"),
    Field("value", "The person's address", high=320, help="For a hold on a person."),
    Field("table_name", "Records", Kind.CHOICE, help="For a hold on a kind of records."),
    Field("reason", "Why", Kind.LONG_TEXT, is_required=True, high=500),
)


class HoldView(NounView):
    model = Hold
    noun, plural, icon = "Legal hold", "Legal holds", "fa-gavel"
    class_permission_name = "Holds"
    route_base = "/holds"
    can_edit = can_delete = False
    add_label = "Place a hold"
    empty_hint = "A legal hold keeps records that a rule or a request would delete. Lifting it needs two people."
    columns = (
        Column("What", lambda row: link(_held(row), "HoldView.show", pk=row.id)),
        Column("Why", lambda row: row.reason),
        Column("Since", lambda row: moment(row.created_at)),
        Column("", lambda row: badge("lifted", "empty") if row.lifted_at else badge("stands", "warn")),
    )
    form = _HOLD
    include_route_methods: ClassVar[set[str]] = {"list", "add", "show", "lift"}
    show_template = "pulse/hold.html"

    def select(self) -> Select[Any]:
        here = Hold.organisation_id == current.organisation_id()
        return select(Hold).where(here | Hold.organisation_id.is_(None) if current.may_enter_any() else here)

    def find(self, work: Work, pk: str) -> Any:
        try:
            return holds.find(work, forms.row_number(pk))
        except (ValueError, NotFound):
            abort(404)

    def prepare(self, work: Work, form: Form, row: Any | None) -> Form:
        return with_choices(
            form,
            table_name=sorted(
                ((name, rule.called) for name, rule in work.registry.rules.items()), key=lambda pair: pair[1]
            ),
        )

    def create(self, work: Work, values: dict[str, Any]) -> Any:
        given: dict[str, Any] = {}
        if values["kind"] == holds.SUBJECT and values["value"]:
            region = current.organisation().country if current.organisation() else ""  # type: ignore[union-attr]
            value = addresses.normalise(values["scheme"], values["value"], region)
            given = {"scheme": values["scheme"], "value": value}
        if values["kind"] == holds.CLASS:
            given = {"table_name": values["table_name"] or ""}
        return holds.place(work, values["kind"], values["reason"], **given)

    def details(self, work: Work, row: Any) -> list[tuple[str, Any]]:
        found = super().details(work, row)[:3]
        return [*found, ("Lifted", moment(row.lifted_at) if row.lifted_at else "no")]

    @expose("/lift/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def lift(self, pk: str) -> Any:
        """Ask a second person to lift a hold."""
        reason = request.form.get("reason", "")
        self.act(
            lambda work: holds.ask_lift(work, self.find(work, pk).id, reason), "A second person has to approve now."
        )
        return redirect(url_for("HoldView.show", pk=pk))


def _held(row: Hold) -> str:
    if row.kind == holds.CLASS:
        return f"all {_called(row.table_name).lower()}"
    if row.kind == holds.ORGANISATION:
        return "the whole organisation"
    return row.value or f"contact {row.contact_id}" if not row.user_id else f"user {row.user_id}"


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
