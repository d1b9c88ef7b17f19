"""Transfers that wait for somebody to find the money in the account: the operator's page."""

from io import BytesIO
from typing import Any, ClassVar

from flask import flash, redirect, request, send_file, url_for

from connectpulse.core.api import Refused
from connectpulse.web.pages import (
    APPROVE,
    READ,
    Column,
    Filter,
    NounView,
    badge,
    expose,
    has_access,
    link,
    permission_name,
)

from .. import money, transfers
from ..order_models import Order, Proof
from .parts import SELLING, TEMPLATES

_STATES = {"waiting": ("waits for approval", "warn"), "approved": ("approved", "ok"), "refused": ("refused", "bad")}


class TransferView(NounView):
    """Proofs of transfers, the newest first."""

    model = Proof
    noun, plural, icon = "Transfer", "Transfers", "fa-building-columns"
    class_permission_name = SELLING
    route_base = "/billing/transfers"
    template_folder = TEMPLATES
    is_platform = True
    can_add = can_edit = can_delete = False
    empty_hint = "Nobody uploaded the proof of a transfer yet."
    columns = (
        Column("Proof", lambda row: link(str(row), "TransferView.show", pk=row.id)),
        Column("Uploaded", lambda row: f"{row.created_at:%Y-%m-%d %H:%M} UTC"),
        Column("State", lambda row: badge(*_STATES[row.state], row.answer)),
    )
    filters = (
        Filter("state", "State", [(name, title) for name, (title, _) in _STATES.items()],
               lambda value: Proof.state == value),
    )  # fmt: skip
    include_route_methods: ClassVar[set[str]] = {"list", "show", "file", "approve", "refuse"}

    @expose("/show/<pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self, pk: str) -> Any:
        """Show what a proof is for, and what to compare with the bank's statement."""
        with self.work() as work:
            proof = self.find(work, pk)
            order = work.session.get_one(Order, proof.order_id)
            return self.render_template("billing/transfer.html", view=self, proof=proof, order=order, money=money,
                                        badge=badge(*_STATES[proof.state]), may_approve=self.may(APPROVE))  # fmt: skip

    @expose("/file/<pk>", methods=["GET"])
    @has_access
    @permission_name(APPROVE)
    def file(self, pk: str) -> Any:
        """Hand the file over to be saved; it is never shown within the site."""
        try:
            with self.work() as work:
                content, media_type, name = transfers.content(work, self.find(work, pk).id)
        except Refused as refusal:
            flash(str(refusal), "danger")
            return redirect(url_for("TransferView.show", pk=pk))
        answer = send_file(BytesIO(content), media_type, as_attachment=True, download_name=name)
        answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
        return answer

    @expose("/approve/<pk>", methods=["POST"])
    @has_access
    @permission_name(APPROVE)
    def approve(self, pk: str) -> Any:
        """Accept a transfer that was found in the account."""
        reference, received = request.form.get("reference", ""), request.form.get("received", "")
        self.act(lambda work: transfers.approve(work, self.find(work, pk).id, reference, received),
                 "The transfer was approved, and the units were granted.")  # fmt: skip
        return redirect(url_for("TransferView.show", pk=pk))

    @expose("/refuse/<pk>", methods=["POST"])
    @has_access
    @permission_name(APPROVE)
    def refuse(self, pk: str) -> Any:
        """Refuse a proof."""
        self.act(lambda work: transfers.refuse(work, self.find(work, pk).id, request.form.get("why", "")),
                 "The proof was refused.")  # fmt: skip
        return redirect(url_for("TransferView.show", pk=pk))
