"""Accounts of the whole platform: who may sign in, how it went, and what is asked of them."""

from collections.abc import Callable
from typing import Any, ClassVar

from flask import flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_appbuilder.security.sqla.models import User
from sqlalchemy import ColumnElement, or_, select

from ...core.domain.form import Field, Form, Kind
from ...core.errors import Refused
from ...core.services.access import factors, people, resets, sessions, signing_in
from ...core.services.work import Work
from ...core.storage.models import Membership, Organisation
from .. import current
from ..security import accounts, joining
from ..security.roles import WRITE, choices
from . import forms
from .cells import Column, badge, link
from .dates import moment, naive_utc
from .forms import with_choices
from .inviting import InvitingView

_NOBODY = "none"
_ENROL: Form = (
    Field("organisation", "Organisation", Kind.PICK, source="OrganisationView", is_required=True),
    Field("role", "Role", Kind.CHOICE, is_required=True),
)


def _role(user: User) -> str:
    return accounts.platform_role(current.the_house().registry, user)


def _mark(user: User) -> Any:
    return "" if user.is_active else badge("switched off", "warn")


class AccountView(InvitingView):
    model = User
    noun, plural, icon = "Account", "Accounts", "fa-user-shield"
    class_permission_name = "Accounts"
    route_base = "/accounts"
    is_platform = True
    has_page = True
    can_delete = False
    empty_hint = "Whoever works on the platform or in an organisation has an account."
    search_hint = "E-mail address or user name"
    columns = (
        Column("Name", lambda row: link(row.get_full_name(), "AccountView.show", pk=row.id)),
        Column("Signs in as", lambda row: row.username),
        Column("E-mail", lambda row: row.email),
        Column("On the platform", _role),
        Column("State", _mark),
        Column("Last sign-in", lambda row: moment(naive_utc(row.last_login))),
    )
    form: ClassVar[Form] = (
        Field("email", "E-mail", is_required=True, high=320),
        Field("first_name", "First name", high=64),
        Field("last_name", "Last name", high=64),
        Field("role", "Role on the platform", Kind.CHOICE, is_required=True,
              help="Members of an organisation are invited there, on its page of members."),
    )  # fmt: skip
    include_route_methods: ClassVar[set[str]] = {
        "list", "show", "add", "edit", "withdraw", "off", "on", "end_sessions", "reset_factors", "demand_change",
        "unlock", "send_reset", "enrol",
    }  # fmt: skip
    show_template = "pulse/account.html"

    def search(self, words: str) -> ColumnElement[bool]:
        return or_(User.email.istartswith(words, autoescape=True), User.username.istartswith(words, autoescape=True))

    def prepare(self, work: Work, form: Form, row: Any | None) -> Form:
        offered = choices(work.registry, on_platform=True)
        if row is None:
            return with_choices(form, role=offered)
        return with_choices(form[-1:], role=((_NOBODY, "None: works in organisations only"), *offered))

    def values(self, work: Work, row: Any) -> dict[str, Any]:
        return {"role": _role(row) or _NOBODY}

    def change(self, work: Work, row: Any, values: dict[str, Any]) -> Any:
        accounts.set_platform_role(work, row.id, values["role"].replace(_NOBODY, ""))
        return row

    def details(self, work: Work, row: Any) -> list[tuple[str, Any]]:
        held = factors.of(work, row.id)
        return [
            ("Signs in as", row.username),
            ("E-mail", row.email),
            ("On the platform", _role(row) or "no role"),
            ("In organisations", ", ".join(_memberships(work, row.id)) or "none"),
            ("State", "may sign in" if row.is_active else "switched off"),
            ("Authenticator app", "set up" if held.has_totp else "none"),
            ("Passkeys", held.passkeys),
            ("Recovery codes left", held.codes_left),
            ("Last sign-in", moment(naive_utc(row.last_login)) or "never"),
        ]

    def is_on(self, pk: int) -> bool:
        """Return whether an account is switched on, for its page."""
        user = current.the_session().get(User, pk)
        return user is not None and bool(user.is_active)

    def sessions(self, pk: int) -> Any:
        """Return the open sessions of an account, for its page."""
        with self.work() as work:
            return sessions.open_of(work, pk)

    def sign_ins(self, pk: int) -> Any:
        """Return the latest sign-ins of an account, for its page."""
        with self.work() as work:
            return signing_in.history(work, pk)

    @expose("/enrol/<pk>", methods=["GET", "POST"])
    @has_access
    @permission_name(WRITE)
    def enrol(self, pk: str) -> Any:
        """Show the form of a role in an organisation, or give it to an account without asking its owner."""
        with self.work() as work:
            row = self.find(work, pk)
            number, heading = row.id, f"Enrol {row.get_full_name()}"
            form = with_choices(_ENROL, role=choices(work.registry, on_platform=False))
        if request.method == "GET":
            return self._enrol_page(forms.sheet(form), heading, number)
        filled = forms.submitted(form)
        given = filled.values
        if not filled.errors and self._try(
            filled, lambda work: joining.enrol_now(work, number, int(given["organisation"]), given["role"])
        ):
            flash("They are a member now, and were told.", "success")
            return redirect(url_for("AccountView.show", pk=number))
        return self._enrol_page(filled, heading, number, 422)

    def _enrol_page(self, sheet: forms.Sheet, heading: str, pk: int, status: int = 200) -> Any:
        with self.work() as work:
            forms.name_picked(work, sheet)
        return self.render_template("pulse/enrol.html", view=self, sheet=sheet, heading=heading, pk=pk), status

    @expose("/off/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def off(self, pk: str) -> Any:
        """Switch an account off."""
        return self._do(pk, lambda work, id: accounts.set_active(work, id, False), "The account is switched off.")

    @expose("/on/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def on(self, pk: str) -> Any:
        """Switch an account on again."""
        return self._do(pk, lambda work, id: accounts.set_active(work, id, True), "The account is switched on.")

    @expose("/end_sessions/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def end_sessions(self, pk: str) -> Any:
        """End every session of an account."""
        why = "ended by an administrator"
        return self._do(pk, lambda work, id: accounts.end_sessions(work, id, why), "Every session is over.")

    @expose("/reset_factors/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def reset_factors(self, pk: str) -> Any:
        """Take the second factors of an account away."""
        done = "The second factors are gone, and every session is over."
        return self._do(pk, lambda work, id: factors.reset(work, _other(work, id)), done)

    @expose("/demand_change/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def demand_change(self, pk: str) -> Any:
        """Ask for a new password at the next sign-in."""
        return self._do(pk, accounts.demand_change, "A new password is asked for at the next sign-in.")

    @expose("/unlock/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def unlock(self, pk: str) -> Any:
        """Open an account again after too many wrong attempts."""
        return self._do(pk, accounts.unlock, "The account is open again.")

    @expose("/send_reset/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def send_reset(self, pk: str) -> Any:
        """Mail a link for a new password to an account's owner, or show it this once."""
        site, back = current.the_house().settings.public_url.rstrip("/"), url_for("AccountView.show", pk=pk)
        try:
            with self.work() as work:
                person = _other(work, self.find(work, pk).id)
                address = resets.send(work, site, person)
        except Refused as refusal:
            flash(str(refusal), "danger")
            return redirect(back)
        meaning = "It works once, for an hour, and ends every session of the account."
        return self.show_once("Link for a new password", address, person.email, meaning, back)

    def _do(self, pk: str, verb: Callable[[Work, int], Any], done: str) -> Any:
        self.act(lambda work: verb(work, self.find(work, pk).id), done)
        return redirect(url_for("AccountView.show", pk=forms.row_number(pk)))


def _other(work: Work, user_id: int) -> people.Person:
    """Return an account that is not one's own: one's own asks for proof first, on one's profile."""
    found = people.by_id(work, user_id)
    if found is None or found.id == work.actor.id:
        raise Refused("Do this for your own account on your profile page.")
    return found


def _memberships(work: Work, user_id: int) -> list[str]:
    held = select(Organisation.name, Membership.role).join(Membership, Membership.organisation_id == Organisation.id)
    rows = work.session.execute(held.where(Membership.user_id == user_id).order_by(Organisation.name).limit(20))
    return [f"{name} ({role})" for name, role in rows]
