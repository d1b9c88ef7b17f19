"""Pages of the platform about units: every account, what is charged, and what does not agree."""

from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from flask import flash, get_flashed_messages
from sqlalchemy import ColumnElement, func, select

from connectpulse.core.api import Field, Form, Kind, Refused, View, Work
from connectpulse.web.pages import (
    WRITE,
    Column,
    Filter,
    NounView,
    expose,
    has_access,
    link,
    permission_name,
    yes_no,
)

from .. import may
from ..figures import spelt
from ..whose import ORGANISATION, organisation
from . import adjusting, policies
from .pages import moment
from .policies import PLATFORM, Charges
from .tables import Account, Difference, Policy

MOST = Decimal(10) ** 13
DIFFERENCES = {
    "reserved": "Set aside: messages say / ledger says",
    "spent": "Spent: messages say / ledger says",
    "quantity": "Parts or seconds: measured / billed by providers",
    "totals": "Available: entries say / total says",
    "paid_little": "Paid too little: asked for / came",
    "paid_much": "Paid too much: asked for / came",
    "paid_otherwise": "Paid in another currency: asked for / came",
    "paid_twice": "Paid once more: asked for / came",
    "paid_late": "Paid after it expired: asked for / came",
    "paid_withdrawn": "Paid for what was withdrawn: asked for / came",
    "paid_cancelled": "Paid after it was cancelled: asked for / came",
}


def _about(row: Difference) -> Any:
    """Return what differs: an order, the single messages of a day, a campaign, or the whole account."""
    if row.order_id is not None:
        return link(f"Order {row.order_id}", "SaleView.show", pk=row.order_id)
    if row.day is not None:
        return f"Single messages of {row.day:%d %B %Y}"
    return f"Campaign {row.campaign_id}" if row.campaign_id else ""


def _found(row: Difference) -> str:
    return spelt(row.found) if row.order_id is None else f"{row.currency} {row.found:,.2f}"


def _expected(row: Difference) -> str:
    """Return the other figure; that of an order paid in another currency is in the order's own."""
    if row.order_id is None:
        return spelt(row.expected)
    return f"{row.expected:,.2f}" if row.kind == "paid_otherwise" else f"{row.currency} {row.expected:,.2f}"


class DifferenceView(NounView):
    """What the daily comparison found, and payments that do not fit."""

    model = Difference
    noun, plural, icon = "Difference", "Differences", "fa-scale-unbalanced"
    class_permission_name = "Reconciliation"
    route_base = "/billing/differences"
    is_platform = True
    can_add = can_edit = can_delete = False
    empty_hint = (
        "Nothing differs. Once a day the ledger is compared with the messages and with what providers billed; "
        "each difference is listed here, and so is every payment that does not fit its order."
    )
    columns = (
        Column("Found", moment),
        Column("Organisation", organisation),
        Column("About", _about),
        Column("What differs", lambda row: DIFFERENCES[row.kind]),
        Column("The one", _expected, is_number=True),
        Column("The other", _found, is_number=True),
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
        Column("Organisation", organisation),
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
    search_hint = "the beginning of a name"
    include_route_methods: ClassVar[set[str]] = {"list", "edit", "lookup"}

    def search(self, words: str) -> ColumnElement[bool]:
        begins = func.lower(ORGANISATION.c.name).startswith(words.lower(), autoescape=True)
        return Account.organisation_id.in_(select(ORGANISATION.c.id).where(begins))

    def option(self, row: Any) -> str:
        return organisation(row)

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
        return f"the units of {organisation(row)}"


def _units(typed: str) -> Decimal:
    try:
        units = Decimal(typed.strip().replace(",", ""))
    except InvalidOperation:
        units = Decimal("NaN")
    if not units.is_finite() or abs(units) >= MOST:
        raise Refused("Write units as a number, like 1000 or -12.5.")
    return units


def _whose(row: Policy) -> str:
    return "All without one of their own" if row.organisation_id == PLATFORM else organisation(row)


class ChargingView(NounView):
    """Versions of what is charged where a message is not delivered; campaigns keep theirs."""

    model = Policy
    noun, plural, icon = "Charging policy", "Charging policies", "fa-file-contract"
    class_permission_name = "Charging policies"
    route_base = "/billing/policies"
    is_platform = True
    can_edit = can_delete = False
    add_label = "New version"
    empty_hint = (
        "Only delivered messages are charged. Make a version to charge undeliverable, expired or unknown ones, too; "
        "it holds for campaigns that are launched from then on."
    )
    columns = (
        Column("From", moment),
        Column("Of", _whose),
        Column("Undeliverable charged", lambda row: yes_no(row.undeliverable)),
        Column("Expired charged", lambda row: yes_no(row.expired)),
        Column("Unknown charged", lambda row: yes_no(row.unknown)),
    )
    form: ClassVar[Form] = (
        Field("organisation", "Of one organisation", Kind.PICK, source="UnitAccountView",
              help="Leave it empty to set what holds for all that have none of their own."),
        Field("undeliverable", "Charge undeliverable messages", Kind.SWITCH),
        Field("expired", "Charge messages that expired after they were handed over", Kind.SWITCH),
        Field("unknown", "Charge messages whose fate stays unknown", Kind.SWITCH),
    )  # fmt: skip
    include_route_methods: ClassVar[set[str]] = {"list", "add"}

    def create(self, work: Work, values: dict[str, Any]) -> Any:
        charges = Charges(*(bool(values.get(name)) for name in ("undeliverable", "expired", "unknown")))
        return policies.change(work, int(values.get("organisation") or PLATFORM), charges)


VIEWS = (
    View(UnitAccountView, "Accounts of units", "Billing", "fa-scale-balanced", may.SELLING),
    View(ChargingView, "Charging policies", "Billing", "fa-file-contract", may.SELLING),
    View(DifferenceView, "Differences", "Billing", "fa-scale-unbalanced", may.SELLING),
)
