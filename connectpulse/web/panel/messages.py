"""The message log, one message's whole story, and what people wrote back."""

from typing import Any, ClassVar

from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from sqlalchemy import ColumnElement

from ...core.domain.message import MessageState
from ...core.errors import NotFound, Refused
from ...core.services import messages
from ...core.storage.models import Campaign, InboundMessage, StrayMessage
from .. import current
from ..security.roles import READ, WRITE
from .audience import meant
from .cells import Column, Filter, badge, link
from .dates import moment
from .forms import row_number, search_words
from .noun import NounView

STATE_KINDS = {
    MessageState.DELIVERED: "ok", MessageState.READ: "ok", MessageState.UNKNOWN: "warn", MessageState.SKIPPED: "",
    MessageState.CANCELLED: "", MessageState.EXPIRED: "bad", MessageState.FAILED: "bad",
    MessageState.UNDELIVERABLE: "bad", MessageState.REJECTED: "bad",
}  # fmt: skip


def message_badge(state: MessageState) -> Any:
    """Return a message's state as a mark that explains itself."""
    return badge(state.label, STATE_KINDS.get(state, "busy"), state.sentence)


def chosen_states() -> list[MessageState]:
    """Return the state this request asks for, none for all."""
    name = request.args.get("state", "")
    return [state for state in MessageState if state.label == name]


def cursor() -> int | None:
    """Return where this request's page begins; None for the newest."""
    return request.args.get("before", type=row_number)


class MessageView(BaseView):
    route_base = "/messages"
    class_permission_name = "Messages"
    default_view = "list"

    @expose("/list/", methods=["GET"])
    @has_access
    @permission_name(READ)
    def list(self) -> Any:
        """Show the newest messages, or those of an address or in a state."""
        if current.organisation_id() is None:
            return self.render_template("pulse/no_organisation.html")
        words = search_words(320)
        with current.work() as work:
            log = messages.search(work, address=words, states=chosen_states(), before=cursor())
            return self.render_template("pulse/messages.html", log=log, words=words, message_badge=message_badge)

    @expose("/show/<pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self, pk: str) -> Any:
        """Show everything that happened to one message."""
        with current.work() as work:
            try:
                story = messages.story(work, _id(pk))
            except NotFound:
                abort(404)
            message = story.message
            campaign = work.session.get(Campaign, message.campaign_id) if message.campaign_id else None
            may_settle = current.may(WRITE, self.class_permission_name)
            return self.render_template(
                "pulse/message.html", story=story, campaign=campaign, may_settle=may_settle,
                message_badge=message_badge,
                body=messages.words(work, message.channel, message.body, message.extra),
            )  # fmt: skip

    @expose("/settle/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def settle(self, pk: str) -> Any:
        """Decide a message whose answer was lost."""
        try:
            with current.work() as work:
                messages.settle(work, _id(pk), request.form.get("outcome") == "delivered")
        except NotFound:
            abort(404)
        except Refused as refusal:
            flash(str(refusal), "danger")
        else:
            flash("The message is settled.", "success")
        return redirect(url_for("MessageView.show", pk=pk))


def _id(pk: str) -> int:
    try:
        return row_number(pk)
    except ValueError:
        abort(404)


class InboundView(NounView):
    model = InboundMessage
    noun, plural, icon = "Reply", "Replies", "fa-reply"
    class_permission_name = "Inbound"
    route_base = "/replies"
    empty_hint = "What people write back appears here. Words like STOP suppress their address at once."
    search_hint = "Phone number or e-mail address"
    can_add = can_edit = can_delete = False
    include_route_methods: ClassVar[set[str]] = {"list", "show"}
    columns = (
        Column("From", lambda row: link(row.address, "InboundView.show", pk=row.id)),
        Column("To", lambda row: row.recipient),
        Column("Text", lambda row: row.body[:120]),
        Column("Read as", lambda row: badge("opt-out", "warn") if row.is_opt_out else ""),
        Column("Received", lambda row: moment(row.received_at)),
    )
    filters = (
        Filter(
            "kind", "Kind", (("stop", "Opt-outs"), ("reply", "Other replies")),
            lambda value: InboundMessage.is_opt_out.is_(value == "stop"),
        ),
    )  # fmt: skip

    def search(self, words: str) -> ColumnElement[bool]:
        return InboundMessage.address.in_(meant(words))

    def details(self, work: Any, row: Any) -> list[tuple[str, Any]]:
        campaign = work.session.get(Campaign, row.campaign_id) if row.campaign_id else None
        return [
            ("From", row.address),
            ("To", row.recipient),
            ("Text", row.body),
            ("Understood as", "an opt-out" if row.is_opt_out else "a reply"),
            ("Answers", link(campaign.name, "CampaignView.show", pk=campaign.id) if campaign else "no campaign"),
            ("Received", moment(row.received_at)),
        ]

    def _title(self, row: Any) -> str:
        return f"Reply from {row.address}"


class StrayView(NounView):
    """Messages nobody could be found for; whoever runs the platform sees what is missing."""

    model = StrayMessage
    noun, plural, icon = "Stray message", "Stray messages", "fa-circle-question"
    class_permission_name = "Connections"
    route_base = "/strays"
    is_platform = True
    empty_hint = (
        "What people write over a shared connection to a number that is nobody's sender, or several organisations', "
        "appears here. Everything else is among the replies of its organisation."
    )
    can_add = can_edit = can_delete = False
    include_route_methods: ClassVar[set[str]] = {"list", "show"}
    columns = (
        Column("From", lambda row: link(row.address, "StrayView.show", pk=row.id)),
        Column("To", lambda row: row.recipient),
        Column("Text", lambda row: row.body[:120]),
        Column("Read as", lambda row: badge("opt-out", "warn") if row.is_opt_out else ""),
        Column("May be meant", lambda row: f"{row.owners} organisations" if row.owners else "nobody known"),
        Column("Received", lambda row: moment(row.received_at)),
    )
    filters = (
        Filter(
            "kind", "Kind", (("stop", "Opt-outs"), ("reply", "Other messages")),
            lambda value: StrayMessage.is_opt_out.is_(value == "stop"),
        ),
    )  # fmt: skip

    def details(self, work: Any, row: Any) -> list[tuple[str, Any]]:
        if row.owners:
            obeyed = "All of them stopped writing to this address. " if row.is_opt_out else ""
            advice = f"{obeyed}Several organisations use this number: give each a keyword in its sender's opt-out hint."
        else:
            advice = "Add this number as a sender, or as the opt-out number of one, in the organisation it belongs to."
        return [
            ("From", row.address),
            ("To", row.recipient),
            ("Text", row.body),
            ("Understood as", "an opt-out" if row.is_opt_out else "a message"),
            ("Over", link("the connection", "ConnectionView.show", pk=row.connection_id)),
            ("What to do", advice),
            ("Received", moment(row.received_at)),
        ]

    def _title(self, row: Any) -> str:
        return f"Stray message from {row.address}"
