"""Pages of units: what an organisation has and every entry behind it, its lots, and what does not agree."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

from flask import flash, redirect, request, url_for
from sqlalchemy import Select, select

from connectpulse.core.api import MessageState, Refused, View, id_at
from connectpulse.web.pages import (
    READ,
    Column,
    Filter,
    NounView,
    csv_file,
    expose,
    has_access,
    link,
    permission_name,
)

from .. import may, months
from ..figures import spelt
from . import balances, policies
from .tables import Entry, Lot

_HEADINGS = ("when", "what", "of", "campaign", "available", "set aside", "spent", "expired", "messages")
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
    if entry.source == "owed":
        return entry.reason
    if entry.kind == "settle" and entry.after is not None:
        return f"{entry.messages:,} {entry.channel}: {_STATES[entry.after].replace('_', ' ')}"
    if entry.kind == "reserve":
        return entry.channel
    return entry.reason or f"{entry.source} {entry.reference}".strip()


def moment(row: Any) -> str:
    """Return when a row was made."""
    return f"{row.created_at:%Y-%m-%d %H:%M} UTC"


def campaign(row: Any) -> Any:
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
        Column("Campaign", campaign),
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
    def statement(self) -> Any:
        """Return the entries of one month as a file, the newest first: O(entries of the month)."""
        try:
            with self.work() as work:
                month = months.month_of(request.args.get("month", ""), work.clock().date())
                found = (_cells(row) for row in work.session.scalars(_of_month(month)))
                return csv_file(f"units-{month:%Y-%m}.csv", [_HEADINGS, *found])
        except Refused as refusal:
            flash(str(refusal), "danger")
            return redirect(url_for("UnitsView.list"))


def _of_month(month: date) -> Select[Any]:
    begins, ends = months.span(month)
    of_month = select(Entry).where(Entry.id >= id_at(begins), Entry.id < id_at(ends))
    return of_month.order_by(Entry.id.desc()).execution_options(yield_per=_PAGE)


def _cells(row: Entry) -> list[str]:
    amounts = (row.available, row.reserved, row.spent, row.expired)
    return [
        row.created_at.isoformat(), KINDS[row.kind], told(row), str(row.campaign_id or ""),
        *(f"{amount:f}" for amount in amounts), str(row.messages),
    ]  # fmt: skip


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


VIEWS = (
    View(UnitsView, "Units", "Billing", "fa-coins", may.LOOKING),
    View(LotView, "Lots of units", "Billing", "fa-layer-group", may.LOOKING),
)
