"""Signing in and out, in one step or two, and asking for a new password."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flask import redirect, request, session, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import no_cache
from flask_appbuilder.security.sqla.models import User
from flask_appbuilder.security.views import AuthDBView
from flask_appbuilder.utils.base import get_safe_redirect
from flask_login import current_user, logout_user

from ...core.errors import Refused, Wait
from ...core.services import audit
from ...core.services.access import passkeys, resets, sessions, signing_in
from ...core.services.access.signing_in import Entered
from ...core.services.notices import mail
from .. import current
from . import visits

NEXT_KEY = "next"
open_work = partial(current.platform_work, "sign in")


class SignInView(AuthDBView):
    """Sign in by password, by password and second factor, or by passkey; sign out by POST only."""

    @expose("/login/", methods=["GET", "POST"])
    @no_cache
    def login(self) -> Any:
        """Show the sign-in page, or sign in."""
        if current_user.is_authenticated:
            return redirect(url_for("HomeView.index"))
        if request.method == "GET":
            return self._page()
        name = request.form.get("username", "")[:320].replace("\x00", "")
        password = request.form.get("password", "")[:1024]
        try:
            entered = signing_in.by_password(open_work, visits.visit(), name, password)
        except Refused as refusal:
            return self._refused(refusal, partial(self._page, name))
        if not entered.is_half:
            return redirect(self._enter(entered))
        visits.begin_half(entered)
        session[NEXT_KEY] = request.args.get("next", "")[:300]
        return redirect(url_for("SignInView.second"))

    @expose("/login/second", methods=["GET", "POST"])
    @no_cache
    def second(self) -> Any:
        """Ask for the second factor, or take a code."""
        half = session.get(visits.HALF_KEY, "")
        if current_user.is_authenticated or not half:
            return redirect(url_for("SignInView.login"))
        if request.method == "GET":
            return self._second_page()
        try:
            entered = signing_in.by_code(open_work, visits.visit(), half, request.form.get("code", ""))
        except Refused as refusal:
            return self._refused(refusal, self._second_page)
        return redirect(self._enter(entered, session.get(NEXT_KEY, "")))

    @expose("/login/passkey/options", methods=["POST"])
    def passkey_options(self) -> Any:
        """Return what the browser needs to use a passkey."""
        site = _site()
        if site is None:
            return {"problem": "This site's address allows no passkeys."}, 400
        try:
            challenge, options = signing_in.ask_passkey(open_work, site, session.get(visits.HALF_KEY, ""))
        except Refused as refusal:
            return {"problem": str(refusal)}, 400
        return {"challenge": str(challenge), "options": options}

    @expose("/login/passkey", methods=["POST"])
    def passkey(self) -> Any:
        """Sign in by what a passkey signed; answers where to go."""
        said, site = request.get_json(silent=True), _site()
        if site is None or not isinstance(said, dict) or not isinstance(said.get("answer"), dict):
            return {"problem": "The browser's answer cannot be read."}, 400
        half, wanted = session.get(visits.HALF_KEY, ""), session.get(NEXT_KEY) or request.args.get("next", "")
        try:
            entered = signing_in.by_passkey(
                open_work, visits.visit(), site, visits.challenge_of(said), said["answer"], half
            )
        except Refused as refusal:
            return {"problem": str(refusal)}, 401
        return {"next": self._enter(entered, wanted)}

    @expose("/forgotten/", methods=["GET", "POST"])
    @no_cache
    def forgotten(self) -> Any:
        """Mail a link for a new password; the answer is the same whether or not there is such an account."""
        is_asked = request.method == "POST"
        if is_asked:
            typed = request.form.get("username", "")[:320].replace("\x00", "")
            with open_work() as work:
                resets.ask(work, current.the_house().settings.public_url.rstrip("/"), typed)
        return self.render_template("pulse/forgotten.html", is_asked=is_asked, is_mailed=mail.is_sent_here())

    @expose("/logout/", methods=["POST"])
    def logout(self) -> Any:
        """Sign out."""
        found = visits.open_session()
        if found is not None and current_user.is_authenticated:
            with current.platform_work("sign out") as work:
                sessions.end(work, found.user_id, found.id, "signed out")
                audit.record_named(work, "user.signed_out", None, "User", current_user.id, current_user.username)
        logout_user()
        session.clear()
        answer = redirect(url_for("SignInView.login"))
        answer.headers["Clear-Site-Data"] = '"cache"'  # not "cookies": the browser stays one its owner is known by
        return answer

    def _enter(self, entered: Entered, wanted: str | None = None) -> str:
        """Give this browser its session; return where its person goes now."""
        wanted = request.args.get("next", "") if wanted is None else wanted
        visits.begin(entered, current.the_session().get_one(User, entered.user_id))
        return str(get_safe_redirect(wanted)) if wanted else url_for("HomeView.index")

    def _page(self, name: str = "", problem: str = "") -> Any:
        return self.render_template(
            "pulse/login.html", username=name, problem=problem, has_passkeys=_site() is not None
        )

    def _second_page(self, problem: str = "") -> Any:
        return self.render_template("pulse/second.html", problem=problem, has_passkeys=_site() is not None)

    def _refused(self, refusal: Refused, page: Callable[..., Any]) -> Any:
        """Show a page again with what was wrong."""
        if isinstance(refusal, Wait):
            return page(problem=str(refusal)), refusal.status, {"Retry-After": str(refusal.seconds)}
        return page(problem=str(refusal)), 401


def _site() -> passkeys.Site | None:
    return passkeys.site_of(current.the_house().settings.public_url)
