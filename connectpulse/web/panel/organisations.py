"""Organisations, their settings, and who belongs to them."""

import zoneinfo
from typing import Any, ClassVar

from flask import flash, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_appbuilder.security.sqla.models import User
from markupsafe import Markup
from phonenumbers import SUPPORTED_REGIONS
from sqlalchemy import ColumnElement, Select, select

from ...core.domain.form import Field, Form, Kind
from ...core.errors import Refused
from ...core.services import allowances, records
from ...core.services.retention import closing as retention
from ...core.services.work import Work
from ...core.storage.models import Membership, Organisation
from .. import current
from ..security import accounts
from ..security.roles import READ, WRITE, choices
from . import forms
from .cells import Column, badge, link
from .dates import moment, naive_utc
from .forms import with_choices
from .inviting import InvitingView
from .noun import NounView

_SETTINGS: Form = (
    Field("name", "Name", is_required=True, high=120),
    Field("country", "Country", default="PK", is_required=True, low=2, high=2,
          help="Two letters, like PK. Numbers written without a country code are read as numbers of this country."),
    Field("timezone", "Time zone", default="Asia/Karachi", is_required=True, high=64, help="Like Asia/Karachi."),
    Field("opt_out_words", "Opt-out words of your own", high=1000,
          help="Comma-separated. They are understood beside STOP and the words every channel knows."),
    Field("replaces_opt_out_words", "Understand only these words", Kind.SWITCH,
          help="Then STOP alone stops nothing: make sure that your texts name these words."),
    Field("shares_opt_outs", "An opt-out holds on every channel", Kind.SWITCH, default=True,
          help="Whoever stops promotions on one channel gets none on the others, nor at other addresses of theirs."),
    Field("range_limit", "Stop single messages to a range of numbers after", Kind.NUMBER, low=1, high=100_000,
          help="So many an hour to numbers alike in their first six digits; campaigns are not counted. Empty: nothing "
               "is stopped, an alarm is raised where far more than usual goes out."),
    Field("opt_out_reply", "Confirmation of an opt-out", Kind.LONG_TEXT, high=300,
          help="Empty: the channel's own words."),
    Field("opt_out_reply_ur", "The same for those who write in Urdu script", Kind.LONG_TEXT, high=300,
          help="Empty: as above."),
)  # fmt: skip

_LIMITS: Form = (
    Field("rate_per_second", "At most so many messages a second", Kind.NUMBER, low=1, high=100_000),
    Field("needs_approval", "Campaigns need a second person's approval", Kind.SWITCH),
    Field("is_suspended", "Suspended: nothing is sent", Kind.SWITCH),
)


def _write(row: Organisation, values: dict[str, Any]) -> None:
    country = values["country"].upper()
    faults = {}
    if country not in SUPPORTED_REGIONS:
        faults["country"] = f"Country: {country} is not a country code."
    if values["timezone"] not in zoneinfo.available_timezones():
        faults["timezone"] = f"Time zone: there is no zone {values['timezone']!r}; write it like Asia/Karachi."
    if values["replaces_opt_out_words"] and not (values["opt_out_words"] or "").strip(" ,"):
        faults["opt_out_words"] = "Opt-out words of your own: write at least one, or people could not stop anything."
    if faults:
        refusal = Refused(*faults.values())
        refusal.fields = faults
        raise refusal
    row.name, row.country, row.timezone = values["name"], country, values["timezone"]
    row.opt_out_words = [word.strip() for word in (values["opt_out_words"] or "").split(",") if word.strip()]
    row.replaces_opt_out_words = bool(values["replaces_opt_out_words"])
    row.shares_opt_outs, row.range_limit = bool(values["shares_opt_outs"]), values["range_limit"]
    replies = {"en": values["opt_out_reply"], "ur": values["opt_out_reply_ur"]}
    row.opt_out_replies = {language: reply.strip() for language, reply in replies.items() if (reply or "").strip()}


def _shown(row: Organisation) -> dict[str, Any]:
    """Return what the form shows of the columns that are no plain text."""
    return {
        "opt_out_words": ", ".join(row.opt_out_words),
        "opt_out_reply": row.opt_out_replies.get("en", ""),
        "opt_out_reply_ur": row.opt_out_replies.get("ur", ""),
    }


def _write_limits(row: Organisation, values: dict[str, Any]) -> None:
    row.rate_per_second = values["rate_per_second"]
    row.needs_approval, row.is_suspended = values["needs_approval"], values["is_suspended"]


def _state(row: Organisation) -> Any:
    """Return whether an organisation is closed or suspended, and for those who may, the way to close it."""
    if row.closed_at is not None:
        return badge("closed and erased", "empty")
    shown = [badge("closed", "bad", "It is erased when its grace is over.")] if row.closes_at else []
    shown += [badge("suspended", "bad")] if row.is_suspended else []
    if current.may(WRITE, "Organisations"):
        shown.append(link("Open again" if row.closes_at else "Close", "OrganisationView.show", pk=row.id))
    return Markup(" ").join(shown)


class OrganisationView(NounView):
    model = Organisation
    noun, plural, icon = "Organisation", "Organisations", "fa-building"
    class_permission_name = "Organisations"
    route_base = "/organisations"
    is_platform = True
    can_delete = False
    empty_hint = "An organisation has its own contacts, templates and campaigns; nobody else sees them."
    search_hint = "Name"
    columns = (
        Column("Name", lambda row: row.name),
        Column("Country", lambda row: row.country),
        Column("Time zone", lambda row: row.timezone),
        Column("State", lambda row: _state(row)),
        Column("Since", lambda row: moment(row.created_at)),
    )
    form: ClassVar[Form] = (*_SETTINGS, *_LIMITS)
    include_route_methods: ClassVar[set[str]] = {"list", "add", "edit", "lookup", "show", "close", "reopen"}

    @expose("/show/<pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self, pk: str) -> Any:
        """Show what closing an organisation means, and ask why."""
        with self.work() as work:
            row = self.find(work, pk)
            return self.render_template("pulse/closing.html", row=row, grace=retention.GRACE.days)

    @expose("/close/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def close(self, pk: str) -> Any:
        """Ask a second person to close an organisation."""
        reason = request.form.get("reason", "")
        done = self.act(
            lambda work: retention.ask(work, self.find(work, pk).id, reason), "A second person has to approve now."
        )
        return redirect(url_for("OrganisationView.list" if done else "OrganisationView.show", pk=None if done else pk))

    @expose("/reopen/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def reopen(self, pk: str) -> Any:
        """Open a closed organisation again, within its grace."""
        self.act(lambda work: retention.reopen(work, self.find(work, pk).id), "The organisation is open again.")
        return redirect(url_for("OrganisationView.list"))

    def search(self, words: str) -> ColumnElement[bool]:
        return Organisation.name.istartswith(words, autoescape=True)

    def values(self, work: Work, row: Any) -> dict[str, Any]:
        return super().values(work, row) | _shown(row)

    def create(self, work: Work, values: dict[str, Any]) -> Any:
        row = Organisation()
        _write(row, values)
        _write_limits(row, values)
        return records.create(work, row, "organisation.created")

    def change(self, work: Work, row: Any, values: dict[str, Any]) -> Any:
        _write(row, values)
        _write_limits(row, values)
        return records.update(work, row, "organisation.updated")


class SettingsView(BaseView):
    """What an organisation's administrators decide for themselves."""

    route_base = "/settings"
    class_permission_name = "Settings"
    default_view = "edit"

    @expose("/", methods=["GET", "POST"])
    @has_access
    @permission_name(READ)
    def edit(self) -> Any:
        """Show the organisation's settings, or change them."""
        if current.organisation_id() is None:
            return self.render_template("pulse/no_organisation.html")
        may_write = current.may(WRITE, self.class_permission_name)
        if request.method == "GET" or not may_write:
            row = current.organisation()
            assert row is not None
            shown = {each.name: getattr(row, each.name, None) for each in _SETTINGS} | _shown(row)
            return self._page(forms.sheet(_SETTINGS, shown), may_write), 200 if request.method == "GET" else 403
        filled = forms.submitted(_SETTINGS)
        if not filled.errors and self._save(filled):
            flash("The settings were saved.", "success")
            return redirect(url_for("SettingsView.edit"))
        return self._page(filled, may_write), 422

    def _save(self, filled: forms.Sheet) -> bool:
        try:
            with current.work() as work:
                row = records.find(work, Organisation, work.organisation_id, lock=True)
                _write(row, filled.values)
                records.update(work, row, "organisation.updated")
        except Refused as refusal:
            filled.refuse(refusal)
            return False
        return True

    def _page(self, sheet: forms.Sheet, may_write: bool) -> Any:
        return self.render_template("pulse/settings.html", sheet=sheet, may_write=may_write)


class MemberView(InvitingView):
    model = Membership
    noun, plural, icon = "Member", "Members", "fa-users"
    class_permission_name = "Members"
    route_base = "/members"
    empty_hint = "Members sign in and work in this organisation, each with one role."
    search_hint = "E-mail address"
    columns = (
        Column("Name", lambda row: _user(row).get_full_name()),
        Column("E-mail", lambda row: _user(row).email),
        Column("Role", lambda row: row.role),
        Column("State", lambda row: "" if _user(row).is_active else badge("switched off", "warn")),
        Column("Last sign-in", lambda row: moment(naive_utc(_user(row).last_login))),
    )
    form: ClassVar[Form] = (
        Field("email", "E-mail", is_required=True, high=320),
        Field("first_name", "First name", high=64),
        Field("last_name", "Last name", high=64),
        Field("role", "Role", Kind.CHOICE, is_required=True),
    )  # fmt: skip
    include_route_methods: ClassVar[set[str]] = {"list", "add", "edit", "delete", "withdraw", "end_sessions"}
    edit_template = "pulse/member.html"

    def told(self, work: Work) -> str:
        found = allowances.seats(work)
        return f"{found[0]} of {found[1]} users, those invited included." if found else ""

    def select(self) -> Select[Any]:
        return select(Membership)

    def search(self, words: str) -> ColumnElement[bool]:
        return Membership.user_id.in_(select(User.id).where(User.email.istartswith(words, autoescape=True)))

    def prepare(self, work: Work, form: Form, row: Any | None) -> Form:
        offered = choices(work.registry, on_platform=False)
        return with_choices(form[-1:] if row is not None else form, role=offered)

    def change(self, work: Work, row: Any, values: dict[str, Any]) -> Any:
        return accounts.change_role(work, row, values["role"])

    def remove(self, work: Work, row: Any) -> None:
        accounts.leave(work, row)

    @expose("/end_sessions/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def end_sessions(self, pk: str) -> Any:
        """End a member's sessions."""
        why = "ended by an administrator"
        self.act(lambda work: accounts.end_sessions(work, self.find(work, pk).user_id, why), "Every session is over.")
        return redirect(url_for("MemberView.edit", pk=pk))

    def _title(self, row: Any) -> str:
        return str(_user(row).get_full_name())


def _user(row: Membership) -> User:
    """Return a member's account; a page shows so few that the session's identity map is cache enough."""
    user = current.the_session().get(User, row.user_id)
    assert user is not None  # a foreign key holds it
    return user
