"""Help: asking the operator from the panel or from outside, and answering."""

from typing import Any, ClassVar

from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_login import current_user
from sqlalchemy import ColumnElement, func

from ...core.domain.form import Field, Form, Kind
from ...core.errors import NotFound, Refused
from ...core.services.notices import mail
from ...core.services.policy import operator
from ...core.services.support import requests
from ...core.services.support.requests import Asker
from ...core.services.work import Work
from ...core.storage.models import SupportRequest
from .. import current
from ..security.roles import READ, WRITE
from . import forms, guides
from .cells import Column, Filter, badge, link
from .dates import moment
from .noun import NounView

_KINDS = {"open": "warn", "answered": "ok", "closed": ""}
_SAID: Form = (
    Field("subject", "Subject", is_required=True, low=3, high=200),
    Field("body", "Message", Kind.LONG_TEXT, is_required=True, high=requests.LONGEST),
)
_WHO: Form = (
    Field("name", "Your name", is_required=True, high=128),
    Field("email", "Your e-mail address", is_required=True, high=320, help="The answer goes there."),
)
TRAP = "website"
"""A field people do not see: what fills it in is no person."""


def state_badge(state: str) -> Any:
    """Return where a request stands, as a mark."""
    return badge(requests.STATES.get(state, state), _KINDS.get(state, ""))


class HelpView(BaseView):
    """One's own requests."""

    route_base = "/help"
    class_permission_name = "Help"
    default_view = "list"

    @expose("/", methods=["GET", "POST"])
    @has_access
    @permission_name(WRITE)
    def list(self) -> Any:
        """Show one's requests and a form, or ask something."""
        filled = forms.submitted(_SAID) if request.method == "POST" else forms.sheet(_SAID)
        if request.method == "POST" and not filled.errors:
            try:
                with current.platform_work("ask for support") as work:
                    asker = Asker(
                        current_user.get_full_name(), current_user.email, current_user.id, current.organisation_id()
                    )
                    made = requests.open_request(work, asker, filled.values["subject"], filled.values["body"]).id
                return redirect(url_for("HelpView.show", pk=made))
            except Refused as refusal:
                filled.refuse(refusal)
        with current.platform_work("look at one's requests") as work:
            page = self.render_template(
                "pulse/help.html", sheet=filled, mine=requests.mine(work), facts=operator.facts(work),
                state_badge=state_badge, shelves=guides.shelves(),
            )  # fmt: skip
        return page, 422 if request.method == "POST" else 200

    @expose("/show/<pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self, pk: str) -> Any:
        """Show one of one's requests with all that was said."""
        with current.platform_work("look at one's requests") as work:
            row = self._find(work, pk)
            return self.render_template(
                "pulse/help_thread.html",
                row=row,
                action=url_for("HelpView.write", pk=row.id),
                state_badge=state_badge,
                has_mail=mail.is_sent_here(),
            )

    @expose("/write/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def write(self, pk: str) -> Any:
        """Add to one of one's requests."""
        with current.platform_work("write to support") as work:
            row_id = self._find(work, pk).id
        _try(lambda work: requests.write(work, self._find(work, pk), request.form.get("body", "")), "We have it.")
        return redirect(url_for("HelpView.show", pk=row_id))

    def _find(self, work: Work, pk: str) -> SupportRequest:
        try:
            return requests.own(work, forms.row_number(pk))
        except (ValueError, NotFound):
            abort(404)


class AskView(BaseView):
    """Writing to the operator without an account."""

    route_base = "/contact"
    class_permission_name = "Ask"
    default_view = "ask"

    @expose("/", methods=["GET", "POST"])
    def ask(self) -> Any:
        """Show an empty form, or take a request in."""
        form: Form = (*_WHO, *_SAID)
        if request.method == "GET":
            return self._page(forms.sheet(form)), 200
        filled = forms.submitted(form)
        if not filled.errors:
            try:
                return self._take(filled)
            except Refused as refusal:
                filled.refuse(refusal)
        return self._page(filled), 422

    def _take(self, filled: forms.Sheet) -> Any:
        values = filled.values
        reference = thread = ""
        if not request.form.get(TRAP):
            with current.platform_work("take a request in") as work:
                asker = Asker(values["name"], values["email"])
                made = requests.open_request(work, asker, values["subject"], values["body"])
                reference, thread = made.reference, "" if mail.is_sent_here() else requests.thread_path(made)
        return self.render_template(
            "pulse/ask_done.html", reference=reference, email=values["email"], thread=thread,
            has_mail=mail.is_sent_here(),
        )  # fmt: skip

    def _page(self, sheet: forms.Sheet) -> Any:
        with current.platform_work("show how to reach us") as work:
            return self.render_template("pulse/ask.html", sheet=sheet, facts=operator.facts(work), trap=TRAP)

    @expose("/thread/<reference>/<proof>", methods=["GET", "POST"])
    def thread(self, reference: str, proof: str) -> Any:
        """Show a request to whoever has the link from a mail about it, or add to it."""
        if request.method == "POST":
            _try(
                lambda work: requests.write(
                    work, requests.by_link(work, reference, proof), request.form.get("body", "")
                ),
                "We have it.",
            )
            return redirect(url_for("AskView.thread", reference=reference, proof=proof))
        with current.platform_work("show a request to whoever asked") as work:
            row = requests.by_link(work, reference, proof)
            return self.render_template("pulse/ask_thread.html", row=row, state_badge=state_badge)


class SupportView(NounView):
    """Requests, as operators see them."""

    model = SupportRequest
    noun, plural, icon = "Request", "Support", "fa-headset"
    counted = "Requests"
    class_permission_name = "Support"
    route_base = "/support"
    is_platform = True
    can_add = can_edit = can_delete = False
    empty_hint = "Nobody has asked for anything yet. Users write under Help, everybody else on the public contact page."
    search_hint = "Reference or e-mail"
    columns = (
        Column("Request", lambda row: link(f"{row.reference} {row.subject}", "SupportView.show", pk=row.id)),
        Column("From", lambda row: row.email),
        Column("State", lambda row: state_badge(row.state)),
        Column("Written", lambda row: "" if row.user_id else badge("from outside")),
        Column("Since", lambda row: moment(row.created_at)),
    )
    filters = (
        Filter("state", "State", tuple(requests.STATES.items()), lambda value: SupportRequest.state == value),
        Filter("whose", "Assigned", (("me", "To me"), ("nobody", "To nobody")), lambda value: _whose(value)),
    )
    include_route_methods: ClassVar[set[str]] = {"list", "show", "answer", "close", "assign"}

    def search(self, words: str) -> ColumnElement[bool]:
        if words.upper().startswith("CP-"):
            return SupportRequest.reference == words.upper()[:12]
        return func.lower(SupportRequest.email) == words.lower()

    @expose("/show/<pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self, pk: str) -> Any:
        """Show a request with all that was said."""
        with self.work() as work:
            row = self.find(work, pk)
            return self.render_template(
                "pulse/support.html", view=self, row=row, operators=requests.operators(work),
                state_badge=state_badge, may_write=self.may(WRITE), has_mail=mail.is_sent_here(),
            )  # fmt: skip

    @expose("/answer/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def answer(self, pk: str) -> Any:
        """Answer a request, and close it if that is all."""
        body, closes = request.form.get("body", ""), request.form.get("closes") == "yes"
        self.act(lambda work: requests.answer(work, self.find(work, pk).id, body, closes=closes), "Answered.")
        return redirect(url_for("SupportView.show", pk=pk))

    @expose("/close/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def close(self, pk: str) -> Any:
        """Close a request."""
        self.act(lambda work: requests.close(work, self.find(work, pk).id), "Closed.")
        return redirect(url_for("SupportView.show", pk=pk))

    @expose("/assign/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def assign(self, pk: str) -> Any:
        """Give a request to an operator."""
        chosen = request.form.get("operator", type=int)
        self.act(lambda work: requests.assign(work, self.find(work, pk).id, chosen), "Assigned.")
        return redirect(url_for("SupportView.show", pk=pk))


def _whose(value: str) -> ColumnElement[bool]:
    return SupportRequest.assigned_to == current_user.id if value == "me" else SupportRequest.assigned_to.is_(None)


def _try(verb: Any, done: str) -> None:
    try:
        with current.platform_work("write to support") as work:
            verb(work)
    except Refused as refusal:
        flash(str(refusal), "danger")
    else:
        flash(done, "success")
