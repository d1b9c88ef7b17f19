"""The invoices of an organisation, and those of all: lists, documents, files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from flask import Response, flash, redirect, request, url_for
from sqlalchemy import ColumnElement, select

from connectpulse.core.api import Refused, audit
from connectpulse.web.pages import (
    READ,
    WRITE,
    Column,
    Filter,
    NounView,
    badge,
    csv_stream,
    expose,
    has_access,
    link,
    permission_name,
)

from .. import months
from ..buying import money
from ..whose import organisation
from . import exporting, mailing, pdf
from .tables import CORRECTION, INVOICE, Invoice

TEMPLATES = str(Path(__file__).parent / "templates")
INVOICES, ISSUED = "Invoices", "All invoices"


class InvoiceView(NounView):
    """The invoices and credit notes of an organisation, the newest first."""

    model = Invoice
    noun, plural, icon = "Invoice", "Invoices", "fa-file-invoice"
    class_permission_name = INVOICES
    route_base = "/billing/invoices"
    template_folder = TEMPLATES
    list_template = "billing/invoices.html"
    show_template = "billing/invoice.html"
    can_add = can_edit = can_delete = False
    search_hint = "number"
    empty_hint = "No invoices yet. Each paid order has one here at once."
    include_route_methods: ClassVar[set[str]] = {"list", "show", "download", "export", "send"}
    columns: ClassVar[Sequence[Column]] = (
        Column("Number", lambda row: link(row.number, "InvoiceView.show", pk=row.id)),
        Column("Kind", lambda row: badge("credit note", "warn") if row.kind == CORRECTION else ""),
        Column("Written", lambda row: f"{row.issued_at:%d %b %Y}"),
        Column("From", lambda row: row.seller["name"]),
        Column("Total", lambda row: money.shown(row.total, row.currency), is_number=True),
    )

    filters = (
        Filter("kind", "Kind", ((INVOICE, "Invoices"), (CORRECTION, "Credit notes")),
               lambda kind: Invoice.kind == kind),
    )  # fmt: skip

    def search(self, words: str) -> ColumnElement[bool]:
        return Invoice.number == words.strip().upper()

    @expose("/show/<pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self, pk: str) -> Any:
        """Show a document with its lines, and what corrects it."""
        with self.work() as opened:
            row = self.find(opened, pk)
            beside = select(Invoice).where(
                (Invoice.corrects_id == row.id) | (Invoice.id == (row.corrects_id or 0))
            ).order_by(Invoice.id)  # fmt: skip
            return self.render_template(
                self.show_template, view=self, row=row, printed=pdf.document(row),
                beside=opened.session.scalars(beside).all(), total=money.shown(row.total, row.currency),
                may_send=self.may(WRITE) and not self.is_platform,
            )  # fmt: skip

    @expose("/download/<pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def download(self, pk: str) -> Any:
        """Return a document as PDF."""
        with self.work() as opened:
            row = self.find(opened, pk)
            corrects = opened.session.get(Invoice, row.corrects_id) if row.corrects_id else None
            audit.record(opened, "billing.invoice_read", row)
            opened.session.expunge(row)
            number = corrects.number if corrects is not None else ""
        headers = {"Content-Disposition": f'attachment; filename="{row.number}.pdf"', "Cache-Control": "no-store"}
        return Response(pdf.render(row, number), mimetype="application/pdf", headers=headers)

    @expose("/export.csv", methods=["GET"])
    @has_access
    @permission_name(READ)
    def export(self) -> Any:
        """Return the list as a file: as it is narrowed, of one month or of all time."""
        typed = request.args.get("month", "")
        statement, when = self.narrowed(), "of all time"
        try:
            with self.work() as opened:
                if typed:
                    month = months.month_of(typed, opened.clock().date())
                    begins, ends = months.span(month)
                    statement = statement.where(Invoice.issued_at >= begins, Invoice.issued_at < ends)
                    when = f"of {month:%B %Y}"
                audit.record_named(opened, "billing.invoices_exported", opened.organisation, "Invoice", "", when,
                                   only=self._chosen().get("kind", ""))  # fmt: skip
        except Refused as refusal:
            flash(str(refusal), "danger")
            return redirect(url_for(f"{type(self).__name__}.list"))
        name = f"invoices-{typed}.csv" if typed else "invoices.csv"
        return csv_stream(name, exporting.rows(self.later(), statement, is_across=self.is_platform))

    @expose("/send/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def send(self, pk: str) -> Any:
        """Mail a document to the address in the billing details."""
        try:
            with self.work() as opened:
                address = mailing.send(opened, self.find(opened, pk))
        except Refused as refusal:
            flash(str(refusal), "danger")
        else:
            flash(f"It is on its way to {address}.", "success")
        return redirect(url_for("InvoiceView.show", pk=pk))


class IssuedView(InvoiceView):
    """The invoices and credit notes of every organisation, the newest first: the operator's page."""

    model = Invoice
    plural, counted, icon = "All invoices", "documents", "fa-file-invoice-dollar"
    class_permission_name = ISSUED
    route_base = "/billing/issued"
    is_platform = True
    empty_hint = "No invoices yet. Each paid order of an organisation has one here at once."
    include_route_methods: ClassVar[set[str]] = {"list", "show", "download", "export"}
    columns = (
        Column("Number", lambda row: link(row.number, "IssuedView.show", pk=row.id)),
        *InvoiceView.columns[1:3],
        Column("Organisation", organisation),
        Column("To", lambda row: row.buyer["name"]),
        InvoiceView.columns[4],
    )
