"""Pages of units: what an organisation has and every entry behind it, its lots, and what does not agree."""

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

from flask import Response, request
from sqlalchemy import Select, select

from connectpulse.core.api import MessageState, View
from connectpulse.web.pages import (
    READ,
    Column,
    Filter,
    NounView,
    expose,
    has_access,
    link,
    permission_name,
)

from . import balances, policies
from .checking import spelt
from .reconciling import id_at
from .tables import Entry, Lot

_TEMPLATES = str(Path(__file__).parent / "templates")
_PAGE = 2_000
_STATES = {int(state): state.label for state in MessageState}
KINDS = {
    "grant": "Added",
    "reverse": "Taken back",
    "reserve": "Set aside",
    "settle": "Settled",
    "expire": "Expired",
}


def change(units: Decimal) -> str:
    """Return a change of units with its sign, empty for none."""
    return "" if not units else f"{'+' if units > 0 else '−'}{spelt(abs(units))}"


def told(entry: Entry) -> str:
    """Return in words what an entry is about."""
    if entry.kind == "settle" and entry.after is not None:
        return f"{entry.messages:,} {entry.channel}: {_STATES[entry.after].replace('_', ' ')}"
    if entry.kind == "reserve":
        return entry.channel
    return entry.reason or f"{entry.source} {entry.reference}".strip()


def moment(row: Any) -> str:
    """Return when a row was made."""
    return f"{row.created_at:%Y-%m-%d %H:%M} UTC"


def _campaign(row: Any) -> Any:
    return link(f"Campaign {row.campaign_id}", "CampaignView.show", pk=row.campaign_id) if row.campaign_id else ""


class UnitsView(NounView):
    """Every entry of an organisation, the newest first, below what it has."""

    model = Entry
    noun, plural, counted, icon = "Entry", "Units", "entries", "fa-coins"
    class_permission_name = "Units"
    route_base = "/billing/units"
    template_folder = _TEMPLATES
    list_template = "billing/units.html"
    can_add = can_edit = can_delete = False
    empty_hint = "There are no units yet, so nothing can be sent. They appear here once some are bought or given."
    columns = (
        Column("When", moment),
        Column("What", lambda row: KINDS[row.kind]),
        Column("Of", told),
        Column("Campaign", _campaign),
        Column("Available", lambda row: change(row.available), is_number=True),
        Column("Set aside", lambda row: change(row.reserved), is_number=True),
        Column("Spent", lambda row: change(row.spent), is_number=True),
    )
    filters = (Filter("what", "What", tuple(KINDS.items()), lambda kind: Entry.kind == kind),)
    include_route_methods: ClassVar[set[str]] = {"list", "statement"}

    def render_template(self, template: str, **facts: Any) -> Any:
        if template == self.list_template:
            with self.work() as work:
                facts["month"] = f"{work.clock():%Y-%m}"
                facts["balance"] = balances.of(work, work.organisation_id)
                facts["charges"] = policies.in_force(work, work.organisation_id)
            facts["spelt"] = spelt
        return super().render_template(template, **facts)

    @expose("/statement.csv", methods=["GET"])
    @has_access
    @permission_name(READ)
    def statement(self) -> Response:
        """Return the entries of one month as a file, the newest first: O(entries of the month)."""
        with self.work() as work:
            begins = _month(request.args.get("month", ""), work.clock())
            lines = [
                _line(["when", "what", "of", "campaign", "available", "set aside", "spent", "expired", "messages"])
            ]
            for rows in work.session.scalars(_of_month(begins)).partitions(_PAGE):
                lines += [_line(_cells(row)) for row in rows]
        headers = {
            "Content-Disposition": f'attachment; filename="units-{begins:%Y-%m}.csv"', "Cache-Control": "no-store"
        }  # fmt: skip
        return Response(lines, mimetype="text/csv", headers=headers)


def _month(typed: str, now: datetime) -> datetime:
    """Return the beginning of the month that was asked for; of this one where none, or nonsense, was."""
    try:
        asked = datetime.strptime(typed, "%Y-%m")  # noqa: DTZ007 - the zone is given below
    except ValueError:
        asked = now
    return datetime(asked.year, asked.month, 1, tzinfo=UTC)


def _of_month(begins: datetime) -> Select[Any]:
    ends = (begins + timedelta(days=32)).replace(day=1)
    of_month = select(Entry).where(Entry.id >= id_at(begins), Entry.id < id_at(ends))
    return of_month.order_by(Entry.id.desc()).execution_options(yield_per=_PAGE)


def _cells(row: Entry) -> list[str]:
    amounts = (row.available, row.reserved, row.spent, row.expired)
    return [
        row.created_at.isoformat(), KINDS[row.kind], told(row), str(row.campaign_id or ""),
        *(f"{amount:f}" for amount in amounts), str(row.messages),
    ]  # fmt: skip


def _line(cells: list[str]) -> str:
    """Return a line of a file; words that a spreadsheet would run are made inert, numbers are left alone."""
    out = io.StringIO()
    csv.writer(out).writerow(["'" + cell if cell[:1] in "=@\t\r" and cell else cell for cell in cells])
    return out.getvalue()


class LotView(NounView):
    """What came together and expires together."""

    model = Lot
    noun, plural, icon = "Lot", "Lots of units", "fa-layer-group"
    class_permission_name = "Units"
    route_base = "/billing/lots"
    can_add = can_edit = can_delete = False
    empty_hint = "There are no units yet. Each purchase or gift of units becomes a lot, with its own time to expire."
    columns = (
        Column("From", lambda row: f"{row.source} {row.reference}"),
        Column("Units", lambda row: spelt(row.units), is_number=True),
        Column("Left", lambda row: spelt(row.remaining), is_number=True),
        Column("Expired or taken back", lambda row: spelt(row.gone), is_number=True),
        Column("Expires", lambda row: f"{row.expires_at:%Y-%m-%d %H:%M} UTC" if row.expires_at else "never"),
        Column("Added", moment),
    )
    include_route_methods: ClassVar[set[str]] = {"list"}


_READERS = {READ: ("Organisation administrator", "Campaign manager", "Analyst")}
VIEWS = (
    View(UnitsView, "Units", "Billing", "fa-coins", _READERS),
    View(LotView, "Lots of units", "Billing", "fa-layer-group", _READERS),
)
