"""What is sold and at which taxes, and vouchers: the operator's pages."""

from datetime import date
from typing import Any, ClassVar

from flask import g, redirect, url_for

from connectpulse.core.api import Field, Form, Kind, Work
from connectpulse.web.pages import WRITE, Column, NounView, badge, expose, has_access, permission_name

from ...figures import spelt
from .. import money, packages, taxes, vouchers
from ..models import Package, Tax, Voucher
from .parts import SELLING, TEMPLATES

_CURRENCIES = tuple((each, each) for each in money.CURRENCIES)


def _day(value: date | None) -> str:
    return value.isoformat() if value is not None else ""


class PackageView(NounView):
    """Packages of units."""

    model = Package
    noun, plural, icon = "Package", "Packages", "fa-box"
    class_permission_name = SELLING
    route_base = "/billing/packages"
    is_platform = True
    empty_hint = "A package is a number of units for a price. Make the first, so that units can be bought."
    columns = (
        Column("Name", lambda row: row.name),
        Column("Units", lambda row: spelt(row.units), is_number=True),
        Column("Price without taxes", lambda row: money.shown(row.price, row.currency), is_number=True),
        Column("Offered", lambda row: badge("offered", "ok") if row.is_offered else badge("not offered")),
    )
    form: ClassVar[Form] = (
        Field("name", "Name", is_required=True, high=120, help="What buyers and invoices call it."),
        Field("units", "Units", is_required=True, high=30),
        Field("price", "Price without taxes", is_required=True, high=30, help="With two decimal places."),
        Field("currency", "Currency", Kind.CHOICE, default="PKR", choices=_CURRENCIES),
        Field("expires_days", "Units end after so many days", Kind.NUMBER, low=1, high=3650,
              help="Empty: they do not end."),
        Field("place", "Place in the list", Kind.NUMBER, default=100, low=0, high=9999, help="Small numbers first."),
        Field("is_offered", "It can be bought", Kind.SWITCH, default=True),
        Field("valid_from", "From", Kind.DATE), Field("valid_until", "Until", Kind.DATE),
    )  # fmt: skip

    def create(self, work: Work, values: dict[str, Any]) -> Any:
        return packages.save(work, None, values)

    def change(self, work: Work, row: Any, values: dict[str, Any]) -> Any:
        return packages.save(work, row, values)

    def remove(self, work: Work, row: Any) -> None:
        packages.remove(work, row)

    def _title(self, row: Any) -> str:
        return str(row.name)


class TaxView(NounView):
    """Taxes and their rates."""

    model = Tax
    noun, plural, icon = "Tax", "Taxes", "fa-percent"
    class_permission_name = SELLING
    route_base = "/billing/taxes"
    is_platform = True
    empty_hint = "Without taxes, prices are charged as they are. Add the rate of GST that holds today."
    columns = (
        Column("Name", lambda row: row.name),
        Column("Percent", lambda row: f"{row.percent.normalize():f}", is_number=True),
        Column("From", lambda row: _day(row.valid_from)),
        Column("Until", lambda row: _day(row.valid_until)),
        Column("Legal entity", lambda row: row.legal_entity_id or "all"),
    )
    form: ClassVar[Form] = (
        Field("name", "Name", is_required=True, high=60, help="As invoices print it, like GST."),
        Field("percent", "Percent", is_required=True, high=12, help="Of the price without taxes."),
        Field("valid_from", "From", Kind.DATE, is_required=True,
              help="A later rate of the same name takes its place from its own day on."),
        Field("valid_until", "Until", Kind.DATE),
        Field("currency", "Only on sales in", high=3, help="A currency like PKR. Empty: on all."),
        Field("legal_entity_id", "Only for the legal entity", Kind.NUMBER, low=1, help="Its number. Empty: for all."),
    )  # fmt: skip

    def create(self, work: Work, values: dict[str, Any]) -> Any:
        return taxes.save(work, None, values)

    def change(self, work: Work, row: Any, values: dict[str, Any]) -> Any:
        return taxes.save(work, row, values)

    def remove(self, work: Work, row: Any) -> None:
        taxes.remove(work, row)

    def _title(self, row: Any) -> str:
        return str(row.name)


class VoucherView(NounView):
    """Vouchers. A code is shown once, when it is made."""

    model = Voucher
    noun, plural, icon = "Voucher", "Vouchers", "fa-ticket"
    class_permission_name = SELLING
    route_base = "/billing/vouchers"
    template_folder = TEMPLATES
    list_template = "billing/vouchers.html"
    is_platform = True
    can_edit = can_delete = False
    empty_hint = "A voucher is a code that is worth units, once for each organisation."
    columns = (
        Column("Name", lambda row: row.name),
        Column("Code ends with", lambda row: row.hint),
        Column("Units", lambda row: spelt(row.units), is_number=True),
        Column("Used", lambda row: f"{row.uses} of {row.most_uses}", is_number=True),
        Column("Until", lambda row: f"{row.expires_at:%Y-%m-%d}" if row.expires_at else ""),
        Column("State", lambda row: badge("open", "ok") if row.is_open else badge("closed")),
    )
    form: ClassVar[Form] = (
        Field("name", "Name", is_required=True, high=120, help="What it is for. Whoever redeems it reads it."),
        Field("units", "Units", is_required=True, high=30),
        Field("most_uses", "Organisations that may use it", Kind.NUMBER, default=1, low=1, high=1_000_000),
        Field("expires_on", "Last day", Kind.DATE),
        Field("units_expire_days", "Units end after so many days", Kind.NUMBER, low=1, high=3650),
    )  # fmt: skip
    include_route_methods: ClassVar[set[str]] = {"list", "add", "close"}

    @expose("/add", methods=["GET", "POST"])
    @has_access
    @permission_name(WRITE)
    def add(self) -> Any:
        """Make a voucher, and show its code this once."""
        answer = super().add()
        code = g.get("fresh_voucher", "")  # of this request alone: a page serves many at a time
        return self.render_template("billing/voucher_code.html", view=self, code=code) if code else answer

    def create(self, work: Work, values: dict[str, Any]) -> Any:
        voucher, g.fresh_voucher = vouchers.make(work, values)
        return voucher

    @expose("/close/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def close(self, pk: str) -> Any:
        """Let nobody use a voucher any more."""
        self.act(lambda work: vouchers.close(work, self.find(work, pk)), "Nobody can use this voucher any more.")
        return redirect(url_for("VoucherView.list"))


__all__ = ["PackageView", "TaxView", "VoucherView"]
