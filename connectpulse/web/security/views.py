"""Signing in and out, one's own profile, and switching between organisations."""

from typing import Any

from flask import flash, redirect, request, session, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_appbuilder.security.views import AuthDBView
from flask_appbuilder.utils.base import get_safe_redirect
from flask_login import current_user, login_user, logout_user
from werkzeug.security import check_password_hash

from ...core.errors import Refused
from ...core.services import audit
from ...core.storage.models import Organisation
from .. import current, witness
from ..panel.forms import search_words
from . import accounts
from .accounts import LEAST_PASSWORD


class SignInView(AuthDBView):
    """Sign in with name or e-mail address and password; sign out by POST only."""

    @expose("/login/", methods=["GET", "POST"])
    @no_cache
    def login(self) -> Any:
        """Show the sign-in page, or sign in."""
        if current_user.is_authenticated:
            return redirect(url_for("HomeView.index"))
        name, is_wrong = "", False
        if request.method == "POST":
            name = request.form.get("username", "")[:320]
            user = self.appbuilder.sm.auth_user_db(name, request.form.get("password", "")[:1024])
            if user is not None:
                session.clear()
                login_user(user, remember=False)
                session[current.STAMP_KEY] = current.stamp(user)
                return redirect(get_safe_redirect(request.args.get("next", "")))
            is_wrong = True
        page = self.render_template("pulse/login.html", username=name, is_wrong=is_wrong)
        return page, (401 if is_wrong else 200)

    @expose("/logout/", methods=["POST"])
    def logout(self) -> Any:
        """Sign out."""
        user = self._get_authenticated_user()
        logout_user()
        session.clear()
        if user is not None:
            self.appbuilder.sm.on_user_logout(user)
        return redirect(url_for(f"{SignInView.__name__}.login"))


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
        return self.render_template("pulse/profile.html", least=LEAST_PASSWORD)

    @expose("/password", methods=["POST"])
    @has_access
    @permission_name("write")
    def password(self) -> Any:
        """Change one's own password; the old one must be known."""
        old, new = request.form.get("old", ""), request.form.get("new", "")
        try:
            self._change(old, new, request.form.get("again", ""))
        except Refused as refusal:
            flash(str(refusal), "danger")
        else:
            flash("Your password is changed.", "success")
        return redirect(url_for("ProfileView.show"))

    def _change(self, old: str, new: str, again: str) -> None:
        if not check_password_hash(current_user.password, old[:1024]):
            raise Refused("The present password is not right.")
        if new != again:
            raise Refused("The new password and its repetition differ.")
        with current.platform_work("change one's own password") as work:
            accounts.set_password(work, current_user.id, new)
            session[current.STAMP_KEY] = current.stamp(accounts.find(work, current_user.id))

    @expose("/lookup", methods=["GET"])
    @has_access
    @permission_name("read")
    def lookup(self) -> Any:
        """Return the organisations one may switch to whose names hold `q`."""
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
