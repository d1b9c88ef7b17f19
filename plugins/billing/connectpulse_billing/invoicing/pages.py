"""Pages of invoicing: who sells, what stands on an organisation's invoices, and statements of units."""

from typing import Any, ClassVar

from flask import flash, redirect, request, url_for

from connectpulse.core.api import Field, Form, Kind, Refused, View, Work, audit
from connectpulse.web.pages import (
    READ,
    WRITE,
    BaseView,
    Column,
    NounView,
    badge,
    csv_file,
    expose,
    has_access,
    link,
    permission_name,
    work,
)

from .. import may, months
from . import entities, statements
from .invoice_pages import INVOICES, TEMPLATES, InvoiceView, IssuedView
from .tables import ENGLISH, ENGLISH_AND_URDU, LegalEntity

SELLERS = "Legal entities"
_OF_BUYER = ("name", "address", "ntn", "strn", "email", "is_person")
_TAX_NUMBERS: Form = (
    Field("ntn", "NTN", high=20, help="National tax number. Empty if there is none."),
    Field("strn", "STRN", high=20, help="Sales tax registration number. Empty if there is none."),
)


class LegalEntityView(NounView):
    """The companies that sell."""

    model = LegalEntity
    noun, plural, icon = "Legal entity", "Legal entities", "fa-building-columns"
    class_permission_name = SELLERS
    route_base = "/billing/entities"
    is_platform = True
    search_hint = "the beginning of a name"
    empty_hint = "Nobody sells yet. Add the company that stands on invoices, and the currency it sells in."
    columns = (
        Column("Name", lambda row: link(row.name, "LegalEntityView.show", pk=row.id)),
        Column("Currency", lambda row: row.currency),
        Column("Numbers begin with", lambda row: row.prefix),
        Column("Next invoice", lambda row: f"{row.next_invoice:,}", is_number=True),
        Column("State", lambda row: badge("sells", "ok") if row.is_active else badge("does not sell")),
    )
    form: ClassVar[Form] = (
        Field("name", "Name", is_required=True, high=160, help="As it stands in the register of companies."),
        Field("seat", "Address", Kind.LONG_TEXT, high=500, help="As it is printed: one line each."),
        Field("currency", "Currency", is_required=True, high=3, default="PKR"),
        *_TAX_NUMBERS,
        Field("prefix", "Numbers begin with", is_required=True, high=9, default="INV-",
              help="Invoices are numbered without gaps behind it. It cannot change once there is one."),
        Field("labels", "Language of documents", Kind.CHOICE, default=ENGLISH_AND_URDU, is_required=True,
              choices=((ENGLISH_AND_URDU, "English and Urdu, side by side"), (ENGLISH, "English")),
              help="What is printed beside parties and sums. Documents that were written stay as they are."),
        Field("bank_details", "Bank details", Kind.LONG_TEXT, high=500, help="Printed at the end of an invoice."),
        Field("footer", "Foot of the page", high=500),
        Field("is_active", "Sells", Kind.SWITCH, default=True),
    )  # fmt: skip

    def create(self, work: Work, values: dict[str, Any]) -> Any:
        return entities.save(work, None, values)

    def change(self, work: Work, row: Any, values: dict[str, Any]) -> Any:
        return entities.save(work, row, values)

    def remove(self, work: Work, row: Any) -> None:
        entities.remove(work, row)

    def details(self, work: Work, row: Any) -> list[tuple[str, Any]]:
        return [*super().details(work, row), ("Address", row.seat), ("NTN", row.ntn), ("STRN", row.strn)]


class BuyerView(BaseView):
    """What stands on the organisation's invoices."""

    class_permission_name = INVOICES
    route_base = "/billing/details"
    default_view = "show"
    template_folder = TEMPLATES

    @expose("/", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self) -> Any:
        """Show the details, to be changed."""
        return self._page({})

    @expose("/save", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def save(self) -> Any:
        """Keep the details for coming invoices."""
        typed = {name: request.form.get(name, "")[:500] for name in _OF_BUYER}
        try:
            with work() as opened:
                entities.save_buyer(opened, typed)
        except Refused as refusal:
            flash(str(refusal), "danger")
            return self._page(typed), 422
        flash("Coming invoices say this.", "success")
        return redirect(url_for("BuyerView.show"))

    def _page(self, typed: dict[str, str]) -> Any:
        with work() as opened:
            known = entities.buyer(opened, opened.organisation_id)
        return self.render_template("billing/buyer.html", known=known, typed=typed)


class StatementView(BaseView):
    """What units came in and what they went for, by month."""

    class_permission_name = INVOICES
    route_base = "/billing/statements"
    default_view = "show"
    template_folder = TEMPLATES

    @expose("/", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self) -> Any:
        """Show the statement of a month."""
        with work() as opened:
            today = opened.clock().date()
            try:
                month = months.month_of(request.args.get("month", ""), today)
            except Refused as refusal:
                flash(str(refusal), "danger")
                month = today.replace(day=1)
            items = statements.of(opened, month)
        return self.render_template(
            "billing/statement.html",
            month=month,
            today=today,
            items=items[: statements.SHOWN],
            more=len(items) - statements.SHOWN,
            total=statements.total(items),
        )

    @expose("/download", methods=["GET"])
    @has_access
    @permission_name(READ)
    def download(self) -> Any:
        """Return the statement of a month as a file."""
        try:
            with work() as opened:
                month = months.month_of(request.args.get("month", ""), opened.clock().date())
                lines = list(statements.rows(statements.of(opened, month)))
                audit.record_named(
                    opened, "billing.statement_read", opened.organisation_id, "Statement", 0, f"{month:%B %Y}"
                )
        except Refused as refusal:
            flash(str(refusal), "danger")
            return redirect(url_for("StatementView.show"))
        return csv_file(f"statement-{month:%Y-%m}.csv", lines)


VIEWS = (
    View(InvoiceView, "Invoices", "Billing", "fa-file-invoice", may.MANAGING),
    View(StatementView, "Statements", "Billing", "fa-receipt", may.MANAGING),
    View(BuyerView, "Billing details", "Billing", "fa-address-card", may.MANAGING),
    View(IssuedView, "All invoices", "Billing", "fa-file-invoice-dollar", may.SELLING),
    View(LegalEntityView, "Legal entities", "Billing", "fa-building-columns", may.SELLING),
)
