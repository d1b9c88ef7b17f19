"""Every organisation's orders, and paying back: the operator's page. Paying back needs two people."""

from typing import Any, ClassVar

from flask import redirect, request, url_for
from sqlalchemy import text

from connectpulse.core.api import Refused, Work, four_eyes
from connectpulse.web.pages import READ, WRITE, Column, Filter, NounView, expose, has_access, link, permission_name

from ...whose import organisation
from .. import money, refunds, reversals
from ..order_models import Attempt, Order
from ..states import SETTLED, TITLES, OrderState
from .parts import SELLING, TEMPLATES, state_badge

_NAME = text("SELECT name FROM pulse_organisation WHERE id = :id")


class SaleView(NounView):
    """Orders of all organisations, the newest first."""

    model = Order
    noun, plural, icon = "Sale", "Sales", "fa-cash-register"
    class_permission_name = SELLING
    route_base = "/billing/sales"
    template_folder = TEMPLATES
    show_template = "billing/sale.html"
    is_platform = True
    can_add = can_edit = can_delete = False
    empty_hint = "Nobody ordered anything yet. Offer packages, and open a way to pay."
    columns = (
        Column("Order", lambda row: link(str(row), "SaleView.show", pk=row.id)),
        Column("Organisation", organisation),
        Column("Placed", lambda row: f"{row.placed_at:%Y-%m-%d}"),
        Column("Total", lambda row: money.shown(row.total, row.currency), is_number=True),
        Column("State", lambda row: state_badge(row.state)),
    )
    filters = (
        Filter("state", "State", [(each.value, TITLES[each][0]) for each in OrderState],
               lambda value: Order.state == value),
    )  # fmt: skip
    include_route_methods: ClassVar[set[str]] = {"list", "show", "refund"}

    @expose("/show/<pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self, pk: str) -> Any:
        """Show an order, every try to pay it, and what went back."""
        with self.work() as work:
            order = self.find(work, pk)
            buyer = work.session.scalar(_NAME, {"id": order.organisation_id})
            attempts = work.session.query(Attempt).filter(Attempt.order_id == order.id).order_by(Attempt.id).limit(100)
            return self.render_template(
                self.show_template, view=self, order=order, buyer=buyer, badge=state_badge(order.state), money=money,
                attempts=attempts.all(), back=reversals.of(work, order), may_write=self.may(WRITE),
                can_refund=OrderState(order.state) in SETTLED and order.reversed < order.total,
                waiting=four_eyes.waiting(work, refunds.ACT, order.id),
            )  # fmt: skip

    @expose("/refund/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def refund(self, pk: str) -> Any:
        """Ask a second person to let a sum be paid back."""

        def ask(work: Work) -> None:
            order = self.find(work, pk)
            _, amount = refunds.check(work, order.id, request.form.get("amount", ""))
            reason = request.form.get("reason", "")[:500]
            if not reason.strip():
                raise Refused("Say why: whoever decides reads it.")
            title = f"Pay back {money.shown(amount, order.currency)} of {order}"
            four_eyes.ask(work, refunds.ACT, order.id, title, reason, amount=str(amount), why=reason)

        self.act(ask, "Asked. A second person decides under Decisions.")
        return redirect(url_for("SaleView.show", pk=pk))
