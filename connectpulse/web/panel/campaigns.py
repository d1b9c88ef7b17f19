"""Campaigns: written, quoted, launched, watched."""

from collections.abc import Sequence
from typing import Any, ClassVar

from flask import flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name

from ...core.domain.campaign import CampaignState
from ...core.domain.form import Field, Form, Kind
from ...core.domain.message import MessageState
from ...core.domain.windows import WEEKDAYS, find_zone
from ...core.errors import Refused
from ...core.services import (
    allowances,
    audience,
    campaigns,
    connections,
    estimates,
    messages,
    overview,
    plans,
    quotes,
    senders,
    trials,
)
from ...core.services.campaigns import Draft
from ...core.services.disclosure import agreements
from ...core.services.work import Work
from ...core.storage.models import Campaign
from .. import current
from ..security.roles import APPROVE, LAUNCH, READ, WRITE
from . import fallbacks
from .cells import Column, Filter, badge, link
from .channels import channel_title, usual_channel
from .content import PURPOSES
from .dates import moment, zone
from .forms import row_number, search_words, with_choices
from .messages import chosen_states, cursor, message_badge
from .noun import NounView

STATE_KINDS = {
    "running": "busy", "finished": "ok", "paused": "warn", "awaiting_approval": "warn", "failed": "bad",
    "missed": "bad", "cancelled": "", "scheduled": "busy", "draft": "",
}  # fmt: skip


def state_badge(state: str) -> Any:
    """Return a campaign's state as a mark."""
    return badge(state.replace("_", " "), STATE_KINDS.get(state, ""))


class CampaignView(NounView):
    model = Campaign
    noun, plural, icon = "Campaign", "Campaigns", "fa-bullhorn"
    class_permission_name = "Campaigns"
    route_base = "/campaigns"
    empty_hint = "A campaign sends one template to your lists. You see what it means before anything is sent."
    has_page = True
    search_hint = "Name"
    columns = (
        Column("Name", lambda row: link(row.name, "CampaignView.show", pk=row.id)),
        Column("State", lambda row: state_badge(row.state)),
        Column("Channel", lambda row: channel_title(row.channel)),
        Column("Made by", lambda row: row.created_by),
        Column("Launched", lambda row: moment(row.launched_at or row.scheduled_at)),
    )
    filters = (
        Filter(
            "state", "State", tuple((s.value, s.value.replace("_", " ").capitalize()) for s in CampaignState),
            lambda value: Campaign.state == value,
        ),
    )  # fmt: skip
    include_route_methods: ClassVar[set[str]] = {
        "list", "show", "add", "edit", "delete", "quote", "quote_progress", "launch", "progress", "pause", "resume",
        "cancel", "approve", "send_back", "test", "copy",
    }  # fmt: skip
    show_template = "pulse/campaign.html"
    form: ClassVar[Form] = (
        Field("name", "Name", is_required=True, high=120, help="For yourself; recipients do not see it."),
        Field("channel", "Channel", Kind.CHOICE, is_required=True),
        Field("purpose", "Purpose", Kind.CHOICE, default="promotional", choices=PURPOSES,
              help="Promotional messages go to nobody who opted out, and only from senders approved for them."),
        Field("template_id", "Template", Kind.PICK, source="TemplateView", group="Message"),
        Field("sender_id", "Sender", Kind.PICK, source="SenderView", group="Message"),
        *fallbacks.FIELDS,
        Field("list_ids", "To these lists", Kind.PICKS, source="ContactListView", group="Audience"),
        Field("excluded_ids", "But not to anybody on", Kind.PICKS, source="ContactListView", group="Audience"),
        Field("starts_at", "Start", Kind.MOMENT, group="When", help="Empty: as soon as it is launched."),
        Field("timezone", "Time zone", group="When", help="Of the start, and of recipients whose own is not known."),
        Field("start_within_minutes", "Latest start, minutes after", Kind.NUMBER, default=60, low=1, high=10080,
              group="When", help="Should nothing be running at the start, the campaign is not sent later than this."),
        Field("window_start", "Send from", Kind.TIME, group="When", help="In each recipient's own zone."),
        Field("window_end", "Send until", Kind.TIME, group="When"),
        Field("window_days", "On these days", Kind.CHECKS, default=[str(n) for n in range(7)], group="When",
              choices=tuple((str(number), day) for number, day in enumerate(WEEKDAYS))),
        Field("rate_per_second", "At most so many messages a second", Kind.NUMBER, low=1, high=100000, group="Limits"),
        Field("validity_minutes", "Give up on a message after minutes", Kind.NUMBER, default=1440, low=1, high=10080,
              group="Limits"),
    )  # fmt: skip

    def prepare(self, work: Work, form: Form, row: Any | None) -> Form:
        channels = [(name, _offered(work, name)) for name in work.registry.channels]
        if row is None or row.channel in dict(channels):
            return with_choices(form, channel=channels)
        return with_choices(form, channel=[*channels, (row.channel, row.channel)])

    def preset(self) -> dict[str, Any]:
        chosen = request.args.get("list", type=row_number)
        return {
            "channel": usual_channel() or None,
            "timezone": zone().key,
            "list_ids": [chosen] if chosen else [],
        }

    def values(self, work: Work, row: Any) -> dict[str, Any]:
        shown = super().values(work, row)
        shown["template_id"] = row.template_version.template_id if row.template_version else None
        shown["list_ids"] = [each.list_id for each in row.lists if not each.is_excluded]
        shown["excluded_ids"] = [each.list_id for each in row.lists if each.is_excluded]
        shown["starts_at"] = row.scheduled_at.astimezone(find_zone(row.timezone)) if row.scheduled_at else None
        shown["window_days"] = [str(day) for day in row.window_days]
        return shown | fallbacks.values(row)

    def create(self, work: Work, values: dict[str, Any]) -> Any:
        return campaigns.create(work, _draft(values))

    def change(self, work: Work, row: Any, values: dict[str, Any]) -> Any:
        return campaigns.change(work, row.id, _draft(values))

    def remove(self, work: Work, row: Any) -> None:
        campaigns.remove(work, row.id)

    def may_change(self, row: Any) -> bool:
        return CampaignState(row.state).is_editable

    @expose("/show/<pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self, pk: str) -> Any:
        """Show a campaign: what it will do, does, or did."""
        with current.work() as work:
            row = self.find(work, pk)
            state = CampaignState(row.state)
            quote = quotes.latest(work, row.id) if state.is_editable or state == "awaiting_approval" else None
            is_good = quote is not None and quotes.holds(work, quote, row)
            channel = work.registry.channels.get(row.channel)
            preview = channel.preview(row.template_version.content) if channel and row.template_version else None
            log = None if row.launched_at is None else self._messages(work, row.id)
            progress = overview.progress(work, [row])[0]
            may_approve = self.may(APPROVE) and row.launched_by_id != work.actor.id
            return self.render_template(
                self.show_template, view=self, row=row, quote=quote, is_good=is_good, preview=preview, channel=channel,
                problems=_problems(work, row) if state.is_editable else [], log=log,
                warnings=plans.warnings(work, row) if state.is_editable else (), may_launch=self.may(LAUNCH),
                may_write=self.may(WRITE), may_approve=may_approve, states=MessageState, badge=state_badge(row.state),
                progress=progress, legs=fallbacks.legs(work, row, progress, quote), skips=audience.SKIPS,
                finish=_finish(work, quote, row),
                shortfall=_shortfall(work, quote),
                weekdays=WEEKDAYS, message_badge=message_badge, connections=_connection_names(work, quote),
                expired=senders.expired(row.sender, work.clock().date()) if row.sender else [],
                trials=agreements.trials(work, row.id), is_empty=_is_empty(log),
                prices=_prices(work, quote if is_good else None, row),
            )  # fmt: skip

    def _messages(self, work: Work, campaign_id: int) -> messages.Page:
        return messages.search(
            work,
            campaign_id=campaign_id,
            address=search_words(),
            states=chosen_states(),
            before=cursor(),
        )

    @expose("/progress/<pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def progress(self, pk: str) -> Any:
        """Return the part of the page that changes while a campaign runs.

        A new state reloads the whole page, and so do the first messages.
        """
        with current.work() as work:
            row = self.find(work, pk)
            progress, is_empty = overview.progress(work, [row])[0], request.args.get("empty") == "True"
            page = self.render_template(
                "pulse/_campaign_progress.html", row=row, progress=progress, is_empty=is_empty,
                states=MessageState, badge=state_badge(row.state), skips=audience.SKIPS, may_launch=self.may(LAUNCH),
                legs=fallbacks.legs(work, row, progress, None),
            )  # fmt: skip
        has_moved = request.args.get("state") != row.state or (is_empty and progress.addressed > 0)
        return (page, 200, {"HX-Refresh": "true"}) if has_moved else page

    @expose("/quote/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def quote(self, pk: str) -> Any:
        """Count what launching would mean."""
        self.act(lambda work: quotes.request(work, self.find(work, pk).id), "Counting recipients …")
        return redirect(url_for("CampaignView.show", pk=pk))

    @expose("/quote_progress/<pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def quote_progress(self, pk: str) -> Any:
        """Return how far the count is; tells the page to reload when it is done."""
        with current.work() as work:
            row = self.find(work, pk)
            quote = quotes.latest(work, row.id)
            page = self.render_template("pulse/_quote_progress.html", row=row, quote=quote)
        is_done = quote is None or quote.state != "counting"
        return (page, 200, {"HX-Refresh": "true"}) if is_done else page

    @expose("/launch/<pk>", methods=["POST"])
    @has_access
    @permission_name(LAUNCH)
    def launch(self, pk: str) -> Any:
        """Launch as quoted."""
        quote_id = request.form.get("quote", type=row_number)

        def verb(work: Work) -> None:
            row = self.find(work, pk)
            if quote_id is None:
                raise Refused("Ask for a quote first.")
            campaigns.launch(work, row.id, quote_id)

        self.act(verb, "The campaign is on its way.")
        return redirect(url_for("CampaignView.show", pk=pk))

    @expose("/pause/<pk>", methods=["POST"])
    @has_access
    @permission_name(LAUNCH)
    def pause(self, pk: str) -> Any:
        """Stop handing over."""
        return self._do(pk, campaigns.pause, "Paused. What is on the wire is still answered.")

    @expose("/resume/<pk>", methods=["POST"])
    @has_access
    @permission_name(LAUNCH)
    def resume(self, pk: str) -> Any:
        """Go on."""
        return self._do(pk, campaigns.resume, "The campaign goes on.")

    @expose("/cancel/<pk>", methods=["POST"])
    @has_access
    @permission_name(LAUNCH)
    def cancel(self, pk: str) -> Any:
        """End a campaign."""
        return self._do(pk, campaigns.cancel, "Cancelled. Nothing more is handed over.")

    @expose("/approve/<pk>", methods=["POST"])
    @has_access
    @permission_name(APPROVE)
    def approve(self, pk: str) -> Any:
        """Let a campaign go that somebody else launched."""
        return self._do(pk, campaigns.approve, "Approved.")

    @expose("/send_back/<pk>", methods=["POST"])
    @has_access
    @permission_name(APPROVE)
    def send_back(self, pk: str) -> Any:
        """Return a campaign to its author."""
        reason = request.form.get("reason", "").strip() or "Sent back"
        return self._do(pk, lambda work, id: campaigns.send_back(work, id, reason), "Sent back to its author.")

    @expose("/test/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def test(self, pk: str) -> Any:
        """Send the text to a few addresses."""
        typed = request.form.get("addresses", "").replace(";", ",").replace("\n", ",").split(",")
        return self._do(pk, lambda work, id: trials.send(work, id, typed), "The test is on its way; see Messages.")

    @expose("/copy/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def copy(self, pk: str) -> Any:
        """Make a draft like this campaign."""
        try:
            with current.work() as work:
                made = campaigns.copy(work, self.find(work, pk).id).id
        except Refused as refusal:
            flash(str(refusal), "danger")
            return redirect(url_for("CampaignView.show", pk=pk))
        return redirect(url_for("CampaignView.edit", pk=made))

    def _do(self, pk: str, verb: Any, done: str) -> Any:
        self.act(lambda work: verb(work, self.find(work, pk).id), done)
        return redirect(url_for("CampaignView.show", pk=pk))


def _draft(values: dict[str, Any]) -> Draft:
    values = dict(values)
    values["list_ids"], values["excluded_ids"] = values["list_ids"] or [], values["excluded_ids"] or []
    values["window_days"] = [int(day) for day in values["window_days"] or []]
    values["timezone"] = values["timezone"] or ""
    then = fallbacks.drafts(values)
    return Draft(**values, fallbacks=then)


def _finish(work: Work, quote: Any, row: Campaign) -> estimates.Estimate | None:
    return estimates.estimate(work, quote, row) if quote is not None and quote.state == "ready" else None


def _shortfall(work: Work, quote: Any) -> Any:
    return quotes.shortfall(work, quote) if quote is not None and quote.state == "ready" else 0


def _is_empty(log: messages.Page | None) -> bool:
    """Whether the page shows no messages because there are none yet, and not because of a search."""
    return log is not None and not (log.lines or search_words() or chosen_states() or cursor())


def _offered(work: Work, channel: str) -> str:
    """Return how a channel is called in the form, and whether the organisation may use it."""
    title = work.registry.channel(channel).title
    may_use = work.organisation is None or not allowances.objections(work, work.organisation, channel)
    return title if may_use else f"{title} (not included)"


def _problems(work: Work, row: Campaign) -> list[str]:
    return plans.problems(work, row) + campaigns.not_included(work, row)


def _prices(work: Work, quote: Any, row: Campaign) -> Sequence[tuple[str, str]]:
    """Return what the ledger says beside a quote that holds."""
    if quote is None:
        return ()
    tariff = plans.tariff_of(row, work.registry.channel(row.channel))
    return work.registry.ledger.explain(work, tariff, quote.units)


def _connection_names(work: Work, quote: Any) -> list[tuple[str, int]]:
    if quote is None:
        return []
    names = connections.names(work, [int(key) for key in quote.connections])
    return [(names.get(int(key), "a connection that is gone"), parts) for key, parts in quote.connections.items()]
