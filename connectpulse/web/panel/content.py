"""Templates and senders."""

from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from flask import abort, make_response, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from sqlalchemy import Select, select

from ...core.domain.contracts import Purpose
from ...core.domain.form import Field, Form, Kind
from ...core.errors import NotFound, Refused
from ...core.services import contacts, records, reviews, senders, templates
from ...core.services.work import Work
from ...core.storage.models import Sender, Template, TemplateVersion
from .. import current
from ..headers import framed
from ..security.roles import READ, WRITE
from . import forms
from .cells import Column, Filter, badge, link
from .channels import channel_title, usual_channel
from .dates import moment
from .forms import with_choices
from .noun import NounView

PURPOSES = ((Purpose.PROMOTIONAL.value, "Promotional"), (Purpose.TRANSACTIONAL.value, "Transactional"))


class TemplateView(NounView):
    model = Template
    noun, plural, icon = "Template", "Templates", "fa-file-lines"
    class_permission_name = "Templates"
    route_base = "/templates"
    empty_hint = "A template is the text of a campaign, with fields that are filled in for each recipient."
    has_page = True
    search_hint = "Name"
    columns = (
        Column("Name", lambda row: link(row.name, "TemplateView.show", pk=row.id)),
        Column("Channel", lambda row: channel_title(row.channel)),
        Column("State", lambda row: badge("archived") if row.is_archived else badge("in use", "ok")),
        Column("Made", lambda row: moment(row.created_at)),
    )
    filters = (
        Filter("archived", "Archived", (("yes", "Yes"), ("no", "No")), lambda v: Template.is_archived.is_(v == "yes")),
    )
    can_delete = False
    include_route_methods: ClassVar[set[str]] = {
        "list", "show", "add", "edit", "lookup", "preview", "document", "shown", "archive", "submit",
    }  # fmt: skip
    show_template = "pulse/template.html"
    add_template = edit_template = "pulse/template_form.html"
    name_form: ClassVar[Form] = (Field("name", "Name", is_required=True, high=120),)

    def select(self) -> Select[Any]:
        statement = select(Template)
        channel = request.args.get("channel")
        if request.endpoint == "TemplateView.lookup":
            statement = statement.where(Template.is_archived.is_(False))
            if channel in current.the_house().registry.channels:
                statement = statement.where(Template.channel == channel)
        return statement

    def option(self, row: Any) -> str:
        return _option(row)

    def _form(self, channel: str) -> Form:
        return (*self.name_form, *current.the_house().registry.channel(channel).content_form)

    @expose("/add", methods=["GET", "POST"])
    @has_access
    @permission_name(WRITE)
    def add(self) -> Any:
        """Show an empty editor for a channel, or make a template."""
        channels = current.the_house().registry.channels
        channel = request.args.get("channel") or usual_channel()
        if channel not in channels:
            return self.render_template("pulse/no_channel.html")
        form = self._form(channel)
        if request.method == "GET":
            return self._editor(forms.sheet(form), channel, None)
        filled = forms.submitted(form)

        def make(work: Work) -> Any:
            return templates.create(work, filled.values["name"], channel, _content(form, filled.values))

        done = filled.errors == {} and self._try(filled, make)
        return redirect(url_for("TemplateView.show", pk=done)) if done else self._editor(filled, channel, None)

    @expose("/edit/<pk>", methods=["GET", "POST"])
    @has_access
    @permission_name(WRITE)
    def edit(self, pk: str) -> Any:
        """Show the newest version in the editor, or write another."""
        with current.work() as work:
            row = self.find(work, pk)
            channel, content = row.channel, templates.current(work, row.id).content | {"name": row.name}
        form = self._form(channel)
        if request.method == "GET":
            return self._editor(forms.sheet(form, content), channel, pk)
        filled = forms.submitted(form)

        def revise(work: Work) -> Any:
            return templates.revise(work, int(pk), _content(form, filled.values), filled.values["name"])

        done = filled.errors == {} and self._try(filled, revise)
        return redirect(url_for("TemplateView.show", pk=pk)) if done else self._editor(filled, channel, pk)

    def _editor(self, sheet: forms.Sheet, channel: str, pk: str | None) -> Any:
        registry = current.the_house().registry
        with current.work() as work:
            names = sorted(contacts.known_names(work))
            content = {each.name: sheet.values.get(each.name) for each in sheet.form if each.name != "name"}
            preview, _ = templates.preview(work, channel, content)
            forms.name_picked(work, sheet)
        page = self.render_template(
            self.add_template, view=self, sheet=sheet, pk=pk, names=names, channel=registry.channel(channel),
            channels=registry.channels, preview=preview, faults=[], is_begun=forms.is_begun(sheet.form, content),
            heading="Change the template" if pk else "New template",
        )  # fmt: skip
        return page, 422 if sheet.errors or sheet.problems else 200

    @expose("/preview/<channel>", methods=["POST"])
    @has_access
    @permission_name(READ)
    def preview(self, channel: str) -> Any:
        """Return figures and faults of a content while it is being written."""
        try:
            form = self._form(channel)
            with current.work() as work:
                content = _content(form, forms.typed(form))
                shown, faults = templates.preview(work, channel, content)
        except NotFound:
            abort(404)
        is_begun = forms.is_begun(form, content)
        return self.render_template("pulse/_preview.html", preview=shown, faults=faults, is_begun=is_begun)

    @expose("/document/<channel>", methods=["POST"])
    @has_access
    @permission_name(READ)
    def document(self, channel: str) -> Any:
        """Return how a content looks while it is being written, as a document for a frame."""
        try:
            form = self._form(channel)
            with current.work() as work:
                looks = templates.document(work, channel, _content(form, forms.typed(form)))
        except NotFound:
            abort(404)
        return framed(make_response(looks))

    @expose("/shown/<pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def shown(self, pk: str) -> Any:
        """Return how a version of a template looks, the newest if none is named, as a document for a frame."""
        named = request.args.get("version", type=forms.row_number)
        with current.work() as work:
            row = self.find(work, pk)
            version = work.session.get(TemplateVersion, named) if named else templates.current(work, row.id)
            if row.channel not in work.registry.channels or version is None or version.template_id != row.id:
                abort(404)
            looks = templates.document(work, row.channel, version.content)
        return framed(make_response(looks))

    @expose("/show/<pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self, pk: str) -> Any:
        """Show a template with its versions."""
        with current.work() as work:
            row = self.find(work, pk)
            statement = select(TemplateVersion).where(TemplateVersion.template_id == row.id)
            versions = work.session.scalars(statement.order_by(TemplateVersion.number.desc()).limit(50)).unique().all()
            channel = work.registry.channels.get(row.channel)
            preview = channel.preview(versions[0].content) if channel and versions else None
            found = reviews.of(work, [each.id for each in versions])
            may_submit = bool(versions) and (
                versions[0].approval == "rejected"
                or any(each.review.state not in ("pending", "approved") for each in found.get(versions[0].id, ()))
            )
            return self.render_template(
                self.show_template, view=self, row=row, versions=versions, channel=channel, preview=preview,
                reviews=found, approval=approval_badge, may_submit=may_submit and self.may(WRITE),
                is_decided=bool(channel and _deciding(work, channel.name)),
            )  # fmt: skip

    @expose("/submit/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def submit(self, pk: str) -> Any:
        """Let providers look at the newest version again."""
        done = "The provider is asked to look at it again."
        self.act(lambda work: reviews.submit_again(work, self.find(work, pk).id), done)
        return redirect(url_for("TemplateView.show", pk=pk))

    @expose("/archive/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def archive(self, pk: str) -> Any:
        """Hide a template from choices, or show it again."""
        hide = request.form.get("archived") == "yes"
        done = "The template is archived." if hide else "The template can be chosen again."
        self.act(lambda work: templates.archive(work, self.find(work, pk).id, hide), done)
        return redirect(url_for("TemplateView.show", pk=pk))


APPROVALS: Final = {
    "waiting": ("not submitted yet", "warn"), "pending": ("waits for approval", "busy"),
    "approved": ("approved", "ok"), "rejected": ("not approved", "bad"),
}  # fmt: skip
"""What pages call the states of an approval, with the colour of each."""


def approval_badge(state: str, reason: str = "") -> Any:
    """Return a provider's word on a template as a mark; empty where none is needed."""
    words, kind = APPROVALS.get(state, ("", ""))
    return badge(words, kind, reason) if words else ""


def _deciding(work: Work, channel: str) -> bool:
    """Return whether any installed provider of a channel decides about templates by itself."""
    return any(work.registry.provider(name).channel == channel for name in reviews.deciding(work.registry))


def _content(form: Form, values: dict[str, Any]) -> dict[str, Any]:
    return {each.name: values.get(each.name) for each in form if each.name != "name"}


class SenderView(NounView):
    model = Sender
    noun, plural, icon = "Sender", "Senders", "fa-id-badge"
    class_permission_name = "Senders"
    route_base = "/senders"
    empty_hint = "A sender is what recipients see a message come from: a mask, a number, an identity."
    search_hint = "Mask or number"
    columns = (
        Column("Sender", lambda row: link(row.value, "SenderView.show", pk=row.id)),
        Column("Channel", lambda row: channel_title(row.channel)),
        Column("Approved for", lambda row: ", ".join(row.purposes)),
        Column("Until", lambda row: row.valid_until.strftime("%d %b %Y") if row.valid_until else "no end"),
        Column("State", lambda row: _sender_badge(row)),
    )
    form: ClassVar[Form] = (
        Field("kind", "Kind", Kind.CHOICE, is_required=True),
        Field("value", "Sender", is_required=True, high=320, help="What recipients see."),
        Field("purposes", "Approved for", Kind.CHECKS, choices=PURPOSES, is_required=True),
        Field("valid_until", "Approved until", Kind.DATE, help="Empty: no end. A campaign after it is refused."),
        Field("opt_out_hint", "Opt-out number or phrase", high=120,
              help="The long code or words that belong in promotional texts under this sender."),
        Field("approvals", "Approvals", Kind.LONG_TEXT, high=2000,
              help="One operator a line: operator, approved on, valid until. Like: Jazz, 2026-01-05, 2027-01-04"),
        Field("is_active", "In use", Kind.SWITCH, default=True),
    )  # fmt: skip

    def select(self) -> Select[Any]:
        statement = select(Sender)
        if request.endpoint == "SenderView.lookup":
            statement = statement.where(Sender.is_active)
            if request.args.get("channel") in current.the_house().registry.channels:
                statement = statement.where(Sender.channel == request.args["channel"])
        return statement

    def option(self, row: Any) -> str:
        return _option(row)

    def search(self, words: str) -> Any:
        return Sender.value.startswith(words, autoescape=True)

    def prepare(self, work: Work, form: Form, row: Any | None) -> Form:
        kinds = [
            (f"{channel.name}:{kind.name}", f"{channel.title}: {kind.title}")
            for channel in work.registry.channels.values()
            for kind in channel.sender_kinds
        ]
        if row is not None:
            return tuple(each for each in form if each.name not in ("kind", "value"))
        return with_choices(form, kind=kinds)

    def values(self, work: Work, row: Any) -> dict[str, Any]:
        lines = [
            ", ".join(part for part in (each.get("operator"), each.get("approved_on"), each.get("valid_until")) if part)
            for each in row.approvals
        ]
        return super().values(work, row) | {"approvals": "\n".join(lines)}

    def create(self, work: Work, values: dict[str, Any]) -> Any:
        channel, _, kind = values["kind"].partition(":")
        return senders.create(
            work, channel, kind, values["value"], purposes=values["purposes"] or [],
            valid_until=values["valid_until"], opt_out_hint=values["opt_out_hint"] or "",
            approvals=_approvals(values["approvals"]),
        )  # fmt: skip

    def change(self, work: Work, row: Any, values: dict[str, Any]) -> Any:
        return senders.change(
            work, row.id, purposes=values["purposes"] or [], valid_until=values["valid_until"],
            opt_out_hint=values["opt_out_hint"] or "", approvals=_approvals(values["approvals"]),
            is_active=values["is_active"],
        )  # fmt: skip

    def remove(self, work: Work, row: Any) -> None:
        records.delete(work, row, "sender.deleted")

    def details(self, work: Work, row: Any) -> list[tuple[str, Any]]:
        pairs = [(column.label or "State", column.show(row)) for column in self.columns[1:]]
        pairs.append(("Opt-out number or phrase", row.opt_out_hint or "none"))
        pairs += [(each.get("operator", ""), f"{each.get('approved_on', '')} – {each.get('valid_until', '')}")
                  for each in row.approvals]  # fmt: skip
        return pairs


def _sender_badge(row: Any) -> Any:
    if not row.is_active:
        return badge("switched off", "warn")
    ended = senders.expired(row, datetime.now(UTC).date())
    return badge("approval ended", "bad", "; ".join(ended)) if ended else badge("active", "ok")


def _approvals(typed: str | None) -> list[dict[str, str]]:
    found = []
    for line in (typed or "").splitlines():
        parts = [part.strip() for part in line.split(",")]
        if parts[0]:
            names = ("operator", "approved_on", "valid_until")
            if len(parts) > len(names):
                raise Refused(f"Approvals: {line[:60]!r} has more than operator, approved on and valid until.")
            found.append(dict(zip(names, parts, strict=False)))
    return found


def _option(row: Template | Sender) -> str:
    """Return how a template or sender is called in a choice: with its channel, where that may be any."""
    return str(row) if request.args.get("channel") else f"{row} ({channel_title(row.channel)})"
