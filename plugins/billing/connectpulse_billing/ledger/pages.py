"""Pages of units: what an organisation has and every entry behind it, its lots, and what does not agree."""

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, ClassVar

from flask import Response, flash, get_flashed_messages, request
from sqlalchemy import Select, select, text
from sqlalchemy.orm import object_session

from connectpulse.core.api import Field, Form, MessageState, Refused, View, Work
from connectpulse.web.pages import (
    APPROVE,
    READ,
    WRITE,
    Column,
    Filter,
    NounView,
    expose,
    has_access,
    link,
    permission_name,
)

from . import adjusting, balances, policies
from .checking import spelt
from .reconciling import id_at
from .tables import Account, Difference, Entry, Lot

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
DIFFERENCES = {
    "reserved": "Set aside: messages say / ledger says",
    "spent": "Spent: messages say / ledger says",
    "quantity": "Parts or seconds: measured / billed by providers",
    "totals": "Available: entries say / total says",
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


def _moment(row: Any) -> str:
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
        Column("When", _moment),
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
        Column("Added", _moment),
    )
    include_route_methods: ClassVar[set[str]] = {"list"}


class DifferenceView(NounView):
    """What the daily comparison found."""

    model = Difference
    noun, plural, icon = "Difference", "Differences", "fa-scale-unbalanced"
    class_permission_name = "Reconciliation"
    route_base = "/billing/differences"
    is_platform = True
    can_add = can_edit = can_delete = False
    empty_hint = (
        "Nothing differs. Once a day the ledger is compared with the messages and with what providers billed; "
        "each difference is listed here."
    )
    columns = (
        Column("Found", _moment),
        Column("Organisation", lambda row: _organisation(row)),
        Column("Campaign", lambda row: str(row.campaign_id or "")),
        Column("What differs", lambda row: DIFFERENCES[row.kind]),
        Column("The one", lambda row: spelt(row.expected), is_number=True),
        Column("The other", lambda row: spelt(row.found), is_number=True),
    )
    filters = (Filter("what", "What", tuple(DIFFERENCES.items()), lambda kind: Difference.kind == kind),)
    include_route_methods: ClassVar[set[str]] = {"list"}


class UnitAccountView(NounView):
    """What every organisation has; units are given and taken by two people."""

    model = Account
    noun, plural, icon = "Account", "Accounts of units", "fa-scale-balanced"
    class_permission_name = "Accounts of units"
    route_base = "/billing/accounts"
    is_platform = True
    can_add = can_delete = False
    empty_hint = "No organisation has had units yet. Its account is opened with its first ones."
    columns = (
        Column("Organisation", lambda row: _organisation(row)),
        Column("Available", lambda row: spelt(row.available), is_number=True),
        Column("Set aside", lambda row: spelt(row.reserved), is_number=True),
        Column("Spent", lambda row: spelt(row.spent), is_number=True),
        Column("Borne by the platform", lambda row: spelt(-row.borne), is_number=True),
    )
    form: ClassVar[Form] = (
        Field("units", "Units to give", is_required=True, high=20,
              help="Less than zero takes them. Another person has to approve it under Decisions."),
        Field("reason", "Why", is_required=True, high=300, help="Whoever approves, and every auditor, reads it."),
    )  # fmt: skip
    include_route_methods: ClassVar[set[str]] = {"list", "edit"}

    def values(self, work: Work, row: Any) -> dict[str, Any]:
        return {}

    @expose("/edit/<pk>", methods=["GET", "POST"])
    @has_access
    @permission_name(WRITE)
    def edit(self, pk: str) -> Any:
        """Show the form, or ask a second person for what was typed."""
        answer = super().edit(pk)
        if getattr(answer, "status_code", 200) == 302:
            get_flashed_messages()  # it says that the account was changed, which is not so yet
            flash("Another person has to approve this under Decisions; nothing is changed until then.", "success")
        return answer

    def change(self, work: Work, row: Any, values: dict[str, Any]) -> Any:
        return adjusting.ask(work, row.organisation_id, _units(values["units"]), values["reason"])

    def _title(self, row: Any) -> str:
        return f"the units of {_organisation(row)}"


def _organisation(row: Any) -> str:
    """Return the name of a row's organisation; one look-up by key for each row of a page."""
    session = object_session(row)
    name = session.scalar(_NAME, {"id": row.organisation_id}) if session is not None else None
    return name or f"Organisation {row.organisation_id}, which is gone"


def _units(typed: str) -> Decimal:
    try:
        units = Decimal(typed.strip().replace(",", ""))
    except InvalidOperation:
        units = Decimal("NaN")
    if not units.is_finite() or abs(units) >= MOST:
        raise Refused("Write units as a number, like 1000 or -12.5.")
    return units


_NAME = text("SELECT name FROM pulse_organisation WHERE id = :id")
MOST = Decimal(10) ** 13
_READERS = {READ: ("Organisation administrator", "Campaign manager", "Analyst")}
VIEWS = (
    View(UnitsView, "Units", "Billing", "fa-coins", _READERS),
    View(LotView, "Lots of units", "Billing", "fa-layer-group", _READERS),
    View(
        UnitAccountView,
        "Accounts of units",
        "Billing",
        "fa-scale-balanced",
        dict.fromkeys((READ, WRITE, APPROVE), ("Platform administrator",)),
    ),
    View(DifferenceView, "Differences", "Billing", "fa-scale-unbalanced", {READ: ("Platform administrator",)}),
)
