"""Reports: the tables plugins offer, on a page and as a file."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flask import abort
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name

from ...core.domain.faces import Report
from ...core.domain.personal import Use
from ...core.services import uses
from .. import current
from ..files import csv_file
from ..pages import PLUGIN_PAGES
from ..security.roles import READ
from .dates import moment

SHOWN = 500
"""Rows on the page."""
IN_A_FILE = 100_000


class ReportView(BaseView):
    """What the installed plugins report about the organisation that is chosen."""

    route_base = "/reports"
    class_permission_name = PLUGIN_PAGES
    default_view = "list"

    @expose("/", methods=["GET"])
    @has_access
    @permission_name(READ)
    def list(self) -> Any:
        """Show which reports there are."""
        return self.render_template("pulse/reports.html", reports=current.the_house().registry.reports)

    @expose("/show/<name>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self, name: str) -> Any:
        """Show the newest rows of a report."""
        report = _report(name)
        if current.organisation_id() is None:
            return self.render_template("pulse/no_organisation.html")
        with current.work() as work, uses.within(work, Use.REPORT):
            rows = [[shown(cell) for cell in row] for row in report.rows(work, SHOWN)]
        numbers = [bool(rows) and all(_is_number(row[n]) for row in rows) for n in range(len(report.columns))]
        return self.render_template(
            "pulse/report.html", report=report, rows=rows, numbers=numbers, most=SHOWN, figure=figure
        )

    @expose("/download/<name>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def download(self, name: str) -> Any:
        """Return a report as a CSV file, at most `IN_A_FILE` rows."""
        report = _report(name)
        if current.organisation_id() is None:
            return self.render_template("pulse/no_organisation.html")
        with current.work() as work, uses.within(work, Use.REPORT):
            return csv_file(f"{report.name}.csv", [report.columns, *report.rows(work, IN_A_FILE)])


def _report(name: str) -> Report:
    return current.the_house().registry.reports.get(name) or abort(404)


def _is_number(cell: Any) -> bool:
    return isinstance(cell, int | float | Decimal) and not isinstance(cell, bool)


def figure(cell: float | Decimal) -> str:
    """Return a number with its thousands set apart and no more decimals than it has."""
    return f"{cell:,}"


def shown(cell: Any) -> Any:
    """Return a cell as the page shows it."""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, datetime):
        return moment(cell)
    if isinstance(cell, date):
        return cell.strftime("%d %b %Y")
    return "" if cell is None else cell
