"""The page that a link for a new password leads to. Opening a link uses nothing up."""

from typing import Any

from flask import flash, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import no_cache
from flask_login import logout_user

from ...core.errors import NotFound, Refused
from ...core.services.access import resets
from .. import current
from . import accounts
from .accounts import LEAST_PASSWORD


class NewPasswordView(BaseView):
    """A new password, for whoever holds the link that was mailed to the account's owner."""

    route_base = "/password"
    default_view = "show"

    @expose("/<token>", methods=["GET"])
    @no_cache
    def show(self, token: str) -> Any:
        """Show the form."""
        return self._page(token)

    @expose("/<token>", methods=["POST"])
    def choose(self, token: str) -> Any:
        """Set the password; every session of the account ends, and the link is used up."""
        new = request.form.get("new", "")
        try:
            if new != request.form.get("again", ""):
                raise Refused("The new password and its repetition differ.")
            with current.platform_work("choose a new password") as work:
                person = resets.open_for(work, token, spend=True)
                accounts.set_password(work, person.id, new)
        except (NotFound, Refused) as problem:
            return self._page(token, str(problem))
        logout_user()
        flash("Your password is changed and every session is over. Sign in with the new one.", "success")
        return redirect(url_for("SignInView.login"))

    def _page(self, token: str, problem: str = "") -> Any:
        with current.platform_work("show the form for a new password") as work:
            try:
                person = resets.open_for(work, token)
            except NotFound as gone:
                return self.render_template("pulse/link_over.html", title="This link is over", why=str(gone)), 404
            page = self.render_template(
                "pulse/new_password.html", username=person.username, token=token, problem=problem, least=LEAST_PASSWORD
            )
        return page, 422 if problem else 200
