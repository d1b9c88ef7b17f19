"""The page that an invitation's link leads to. Opening it uses nothing up, and tells nobody who has an account.

Whoever invites may hold the link themselves, where the site sends no mail: the page and its answers are therefore
the same, whether there is an account with the address or none.
"""

from typing import Any

from flask import flash, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import no_cache
from flask_login import current_user

from ...core.errors import NotFound, Refused
from ...core.services.access import invitations
from .. import current
from . import joining
from .accounts import LEAST_PASSWORD

_GO_ON = (
    "Sign in with your e-mail address and your password. Had you an account before, its password is as it was, "
    "and the invitation waits for your answer on your profile."
)


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
        flash(_GO_ON, "success")
        return redirect(url_for("SignInView.login"))

    @expose("/<token>/decline", methods=["POST"])
    def decline(self, token: str) -> Any:
        """Turn it down: whoever got the link may, with an account or without."""
        try:
            joining.decline_link(current.the_house(), current.actor(), token)
        except NotFound as gone:
            return self._over(str(gone))
        flash("The invitation is declined. Its link works no more.", "success")
        return redirect(url_for("HomeView.index" if current_user.is_authenticated else "SignInView.login"))

    def _page(self, token: str, problem: str = "") -> Any:
        with current.platform_work("show an invitation") as work:
            try:
                row = invitations.by_token(work, token)
            except NotFound as gone:
                return self._over(str(gone))
            page = self.render_template(
                "pulse/invitation.html", row=row, place=invitations.place_of(work, row), token=token, problem=problem,
                least=LEAST_PASSWORD,
                is_mine=current_user.is_authenticated and current_user.email.lower() == row.email.lower(),
                first_name=request.form.get("first_name", row.first_name),
                last_name=request.form.get("last_name", row.last_name),
            )  # fmt: skip
        return page, 422 if problem else 200

    def _over(self, why: str) -> Any:
        return self.render_template("pulse/link_over.html", title="This invitation is over", why=why), 404
