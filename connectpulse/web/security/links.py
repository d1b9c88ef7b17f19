"""Pages that links in mail lead to: an invitation, and a new password. Opening a link uses nothing up."""

from typing import Any

from flask import flash, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import no_cache
from flask_login import current_user, logout_user

from ...core.errors import NotFound, Refused
from ...core.services.access import invitations, people, resets
from .. import current
from . import accounts, joining
from .accounts import LEAST_PASSWORD


class InvitationView(BaseView):
    """An invitation, for whoever holds its link."""

    route_base = "/invitation"
    default_view = "show"

    @expose("/<token>", methods=["GET"])
    @no_cache
    def show(self, token: str) -> Any:
        """Show what the link offers."""
        return self._page(token)

    @expose("/<token>", methods=["POST"])
    def accept(self, token: str) -> Any:
        """Accept it: by joining with one's account, or by making one."""
        house = current.the_house()
        try:
            if current_user.is_authenticated:
                place = joining.answer_link(house, current.actor(), current_user.id, token)
                flash(f"You are a member of {place} now.", "success")
                return redirect(url_for("HomeView.index"))
            form = request.form
            if form.get("password", "") != form.get("again", ""):
                raise Refused("The password and its repetition differ.")
            joining.enrol(
                house, current.actor(), token, form.get("first_name", ""), form.get("last_name", ""),
                form.get("password", ""),
            )  # fmt: skip
        except (NotFound, Refused) as problem:
            return self._page(token, str(problem))
        flash("Your account is made. Sign in with your e-mail address and the password you have chosen.", "success")
        return redirect(url_for("SignInView.login"))

    def _page(self, token: str, problem: str = "") -> Any:
        with current.platform_work("show an invitation") as work:
            try:
                row = invitations.by_token(work, token)
            except NotFound as gone:
                return self.render_template("pulse/link_over.html", title="This invitation is over", why=str(gone)), 404
            person = people.by_email(work, row.email)
            page = self.render_template(
                "pulse/invitation.html", row=row, place=invitations.place_of(work, row), token=token, problem=problem,
                has_account=person is not None, least=LEAST_PASSWORD,
                is_mine=current_user.is_authenticated and person is not None and person.id == current_user.id,
                first_name=request.form.get("first_name", row.first_name),
                last_name=request.form.get("last_name", row.last_name),
            )  # fmt: skip
        return page, 422 if problem else 200


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
