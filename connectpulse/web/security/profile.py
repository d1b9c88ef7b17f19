"""One's own account: password, sessions, invitations, sign-ins, and which organisation one is in."""

from typing import Any

from flask import flash, redirect, request, session, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_login import current_user

from ...core.errors import NotFound, Refused
from ...core.services import audit
from ...core.services.access import factors, invitations, people, sessions, signing_in
from ...core.services.access.signing_in import Entered
from ...core.storage.models import Organisation
from .. import current, witness
from ..panel.forms import search_words
from . import accounts, joining, visits
from .accounts import LEAST_PASSWORD


class ProfileView(BaseView):
    """One's own account, and which organisation one is in."""

    route_base = "/profile"
    class_permission_name = "Profile"
    default_view = "show"

    @expose("/", methods=["GET"])
    @has_access
    @permission_name("read")
    def show(self) -> Any:
        """Show one's own account."""
        with current.platform_work("look at one's own account") as work:
            person = people.by_id(work, current_user.id)
            return self.render_template(
                "pulse/profile.html", least=LEAST_PASSWORD, factors=factors.of(work, current_user.id),
                sessions=sessions.open_of(work, current_user.id), here_id=_session_id(),
                sign_ins=signing_in.history(work, current_user.id),
                invitations=invitations.for_person(work, person) if person else [],
            )  # fmt: skip

    @expose("/session", methods=["POST"])
    @has_access
    @permission_name("write")
    def end_session(self) -> Any:
        """End one of one's own sessions."""
        with current.platform_work("end one's own session") as work:
            try:
                sessions.end(work, current_user.id, request.form.get("session", 0, int), "ended by its owner")
            except NotFound as gone:
                flash(str(gone), "danger")
            else:
                audit.record_named(
                    work, "user.sessions_ended", None, "User", current_user.id, current_user.username, ended=1
                )
                flash("That session is over.", "success")
        return redirect(url_for("ProfileView.show"))

    @expose("/sessions", methods=["POST"])
    @has_access
    @permission_name("write")
    def end_others(self) -> Any:
        """End all of one's sessions but this one."""
        with current.platform_work("end one's own sessions") as work:
            accounts.end_sessions(work, current_user.id, "ended by its owner", _session_id())
        flash("All other sessions are over.", "success")
        return redirect(url_for("ProfileView.show"))

    @expose("/invitation", methods=["POST"])
    @has_access
    @permission_name("write")
    def answer(self) -> Any:
        """Accept or decline an invitation to an organisation."""
        number, is_wanted = request.form.get("invitation", 0, int), request.form.get("answer") == "accept"
        try:
            place = joining.answer(current.the_house(), current.actor(), current_user.id, number, is_wanted)
        except (Refused, NotFound) as problem:
            flash(str(problem), "danger")
        else:
            flash(f"You are a member of {place} now." if is_wanted else "The invitation is declined.", "success")
        return redirect(url_for("ProfileView.show"))

    @expose("/lookup", methods=["GET"])
    @has_access
    @permission_name("read")
    def lookup(self) -> Any:
        """Return the organisations one may switch to whose names begin with `q`."""
        found = current.enterable(search_words())
        return {"results": [{"value": id, "text": name} for id, name in found]}

    @expose("/organisation", methods=["POST"])
    @has_access
    @permission_name("write")
    def organisation(self) -> Any:
        """Switch to another organisation."""
        chosen = request.form.get("organisation", type=int)
        if chosen is not None and current.may_enter(chosen):
            session[current.ORGANISATION_KEY] = chosen
            with current.platform_work("switch organisation") as work:
                row = work.session.get(Organisation, chosen)
                work.organisation = chosen
                audit.record(work, "organisation.entered", row)
        else:
            witness.denied(403)
            flash("You are not a member of that organisation.", "danger")
        return redirect(url_for("HomeView.index"))


class PasswordView(BaseView):
    """Changing one's own password, which somebody else may have asked for."""

    route_base = "/profile/password"
    class_permission_name = "Profile"
    default_view = "show"

    @expose("", methods=["GET"])
    @has_access
    @permission_name("read")
    def show(self) -> Any:
        """Show the form alone."""
        found = visits.open_session()
        return self.render_template(
            "pulse/renew_password.html", least=LEAST_PASSWORD, is_due=found is not None and found.must_change
        )

    @expose("", methods=["POST"])
    @has_access
    @permission_name("write")
    def change(self) -> Any:
        """Change one's own password; the old one must be known. Every other session ends."""
        found = visits.open_session()
        back = "PasswordView.show" if found is not None and found.must_change else "ProfileView.show"
        try:
            self._change(request.form.get("old", ""), request.form.get("new", ""), request.form.get("again", ""))
        except Refused as refusal:
            flash(str(refusal), "danger")
            return redirect(url_for(back))
        flash("Your password is changed. Every other session is over.", "success")
        return redirect(url_for("HomeView.index" if back == "PasswordView.show" else "ProfileView.show"))

    def _change(self, old: str, new: str, again: str) -> None:
        """Change the password and go on in a fresh session."""
        signing_in.prove_again(_again, current_user.id, old[:1024], _session_id())
        if new != again:
            raise Refused("The new password and its repetition differ.")
        if new == old:
            raise Refused("The new password is the old one. Choose another.")
        visit, chosen = visits.visit(), session.get(current.ORGANISATION_KEY)
        with current.platform_work("change one's own password") as work:
            accounts.set_password(work, current_user.id, new)
            token = sessions.start(work, current_user.id, visit, "password changed")
        visits.begin(Entered(current_user.id, token, visit.token), accounts.find(work, current_user.id))
        if chosen:
            session[current.ORGANISATION_KEY] = chosen


def _again() -> Any:
    return current.platform_work("prove again who one is")


def _session_id() -> int:
    found = visits.open_session()
    return found.id if found is not None else 0
