"""Buying: a package, a way to pay, and on to the payment. Three clicks."""

import secrets
from decimal import Decimal
from typing import Any, ClassVar

from flask import flash, redirect, request, url_for

from connectpulse.core.api import NotFound, Refused
from connectpulse.web.pages import READ, WRITE, NounView, expose, has_access, permission_name, work

from ...figures import spelt
from .. import gates, money, orders, packages, payments, settled, taxes, vouchers
from ..models import Package
from ..orders import Line
from .parts import BUYING, TEMPLATES, site


class BuyView(NounView):
    """What can be bought, and with which money."""

    model = Package
    noun, plural, icon = "Package", "Buy units", "fa-cart-shopping"
    class_permission_name = BUYING
    route_base = "/billing/buy"
    template_folder = TEMPLATES
    can_add = can_edit = can_delete = False
    include_route_methods: ClassVar[set[str]] = {"list", "choose", "order", "redeem"}

    @expose("/list/")
    @has_access
    @permission_name(READ)
    def list(self) -> Any:
        """Show the packages with their prices, taxes included."""
        with work() as unit:
            if unit.organisation is None:
                return self.render_template("pulse/no_organisation.html")
            found = [(each, *_price(unit, each)) for each in packages.offered(unit)]
        return self.render_template("billing/packages.html", view=self, packages=found, money=money,
                                    may_write=self.may(WRITE), token=secrets.token_hex(8))  # fmt: skip

    @expose("/choose/<int:pk>", methods=["GET"])
    @has_access
    @permission_name(WRITE)
    def choose(self, pk: int) -> Any:
        """Show what a package costs in all, and the ways to pay."""
        try:
            with work() as unit:
                package = packages.pick(unit, pk)
                levied, total = _price(unit, package)
                ways = gates.choices(unit, package.currency)
        except NotFound as gone:
            flash(str(gone), "warning")
            return redirect(url_for("BuyView.list"))
        return self.render_template("billing/choose.html", view=self, package=package, levied=levied, total=total,
                                    ways=ways, money=money, token=secrets.token_hex(8))  # fmt: skip

    @expose("/order/<int:pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def order(self, pk: int) -> Any:
        """Place an order for a package and begin to pay it; the same page sent twice is one order."""
        token = "".join(each for each in request.form.get("token", "") if each.isalnum())[:32] or secrets.token_hex(8)
        try:
            with work() as unit:
                package = packages.pick(unit, pk)
                line = Line(title=package.name, price=package.price, units=package.units,
                            expires_days=package.expires_days)  # fmt: skip
                order_id = orders.place(
                    unit, lines=[line], currency=package.currency, reference=f"{package.id}-{token}"
                ).id
        except (Refused, NotFound) as refusal:
            flash(str(refusal), "danger")
            return redirect(url_for("BuyView.list"))
        return begin(order_id, request.form.get("gateway", ""))

    @expose("/redeem", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def redeem(self) -> Any:
        """Grant the units of a voucher."""
        try:
            with work() as unit:
                units = vouchers.redeem(unit, request.form.get("code", "")[:60])
            flash(f"{spelt(units)} units were added.", "success")
        except Refused as refusal:
            flash(str(refusal), "danger")
        return redirect(url_for("BuyView.list"))


def begin(order_id: int, gateway: str) -> Any:
    """Begin to pay an order, and go to its page, which leads on."""
    try:
        payments.pay(work, order_id, gateway, site())
    except (Refused, NotFound) as refusal:
        flash(str(refusal), "danger")
    return redirect(url_for("OrderView.show", pk=order_id))


def _price(unit: Any, package: Package) -> tuple[list[money.Levied], Decimal]:
    """Return the taxes on a package today, and what it costs with them."""
    entity = settled.seller(unit, package.currency)
    levied = money.levy(package.price, taxes.rates(unit, entity, package.currency, unit.clock().date()))
    return levied, package.price + sum((each.amount for each in levied), Decimal(0))
