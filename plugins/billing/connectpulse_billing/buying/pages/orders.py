"""An organisation's orders: what was bought, how to go on paying, and the proof of a transfer."""

from typing import Any, ClassVar

from flask import current_app, flash, make_response, redirect, request, url_for

from connectpulse.core.api import NotFound, Refused, Work
from connectpulse.web.pages import (
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

from .. import gates, money, orders, payments, reversals, transfers
from ..order_models import Attempt, Order
from ..states import OPEN, TITLES, OrderState
from .buy import begin
from .parts import BUYING, TEMPLATES, state_badge

REFRESH = 5
"""Seconds between two looks at whether the payment came."""


class OrderView(NounView):
    """Orders, the newest first."""

    model = Order
    noun, plural, icon = "Order", "Orders", "fa-receipt"
    class_permission_name = BUYING
    route_base = "/billing/orders"
    template_folder = TEMPLATES
    empty_hint = "Nothing was bought yet. Choose a package under Buy units."
    can_add = can_edit = can_delete = False
    columns = (
        Column("Order", lambda row: link(str(row), "OrderView.show", pk=row.id)),
        Column("Placed", lambda row: f"{row.placed_at:%Y-%m-%d}"),
        Column("Total", lambda row: money.shown(row.total, row.currency), is_number=True),
        Column("State", lambda row: state_badge(row.state)),
    )
    filters = (
        Filter("state", "State", [(each.value, TITLES[each][0]) for each in OrderState],
               lambda value: Order.state == value),
    )  # fmt: skip
    include_route_methods: ClassVar[set[str]] = {"list", "show", "pay", "cancel", "prove"}

    @expose("/show/<pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self, pk: str) -> Any:
        """Show an order. Who comes back from paying reads that we wait, until the payment is proved."""
        with self.work() as unit:
            order = self.find(unit, pk)
            is_open = OrderState(order.state) in OPEN
            attempt = payments.current(unit, order) if is_open else None
            is_waiting = bool(is_open and attempt is not None and request.args.get("back"))
            if is_waiting and attempt is not None:
                payments.look_soon(unit, attempt.gateway, attempt.reference)
            origin = _origin(unit, attempt)
            page = self.render_template(
                "billing/order.html", view=self, order=order, badge=state_badge(order.state), money=money,
                attempt=attempt, is_open=is_open, is_waiting=is_waiting, may_write=self.may(WRITE),
                title=_title(unit, order.gateway or (attempt.gateway if attempt is not None else "")),
                ways=gates.choices(unit, order.currency) if is_open else (), back=reversals.of(unit, order),
                proofs=transfers.of(unit, order.id), misfits=payments.misfits(unit, order),
            )  # fmt: skip
        answer = make_response(page)
        if is_waiting:
            answer.headers["Refresh"] = str(REFRESH)
        if origin:
            answer.headers["Content-Security-Policy"] = _policy(origin)
        return answer

    @expose("/pay/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def pay(self, pk: str) -> Any:
        """Begin to pay in another way."""
        with self.work() as unit:
            order_id = self.find(unit, pk).id
        return begin(order_id, request.form.get("gateway", ""))

    @expose("/cancel/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def cancel(self, pk: str) -> Any:
        """Give an order up."""
        self.act(lambda unit: orders.cancel(unit, self.find(unit, pk).id), "The order was cancelled.")
        return redirect(url_for("OrderView.show", pk=pk))

    @expose("/prove/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def prove(self, pk: str) -> Any:
        """Take the proof of a transfer."""
        chosen = request.files.get("file")
        content = chosen.stream.read(transfers.LARGEST + 1) if chosen is not None else b""
        self.act(lambda unit: transfers.upload(unit, self.find(unit, pk).id, content),
                 "Thank you. We compare it with our account; the units come once that is done.")  # fmt: skip
        return redirect(url_for("OrderView.show", pk=pk))


def _title(unit: Work, name: str) -> str:
    found = unit.registry.gateways.get(name)
    return found.title if found is not None else name


def _origin(unit: Work, attempt: Attempt | None) -> str:
    """Return where the page's form may be posted to besides here."""
    if attempt is None or not attempt.step.get("fields"):
        return ""
    try:
        return gates.build(unit, attempt.gateway, must_be_open=False).origin()
    except (NotFound, Refused):
        flash("This way to pay is closed. Choose another.", "warning")
        return ""


def _policy(origin: str) -> str:
    """Return the site's policy for scripts and styles, with one more place that a form may go to."""
    nonce = current_app.jinja_env.globals["csp_nonce"]()  # type: ignore[operator]
    return (
        f"default-src 'none'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self' {origin}; "
        f"style-src 'self' 'nonce-{nonce}'; script-src 'self' 'nonce-{nonce}'; "
        "manifest-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
