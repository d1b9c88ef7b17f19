"""One's own second factors: an authenticator app, recovery codes, passkeys."""

from collections.abc import Callable
from typing import Any

import segno
from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_login import current_user

from ...core.errors import Refused
from ...core.services.access import factors, passkeys, people, sessions, signing_in
from ...core.services.access.people import Person
from ...core.services.work import Work
from .. import current
from . import gate, visits


class FactorView(BaseView):
    """Second factors, changed only by who has lately proven to be the account's owner."""

    route_base = "/profile/factors"
    class_permission_name = "Profile"
    default_view = "show"

    @expose("/", methods=["GET"])
    @has_access
    @permission_name("read")
    def show(self) -> Any:
        """Show one's factors, and what can be done with them."""
        return self._page()

    @expose("/prove", methods=["POST"])
    @has_access
    @permission_name("write")
    def prove(self) -> Any:
        """Prove again who one is, by the password."""
        found = visits.open_session()
        try:
            signing_in.prove_again(
                _open_work, current_user.id, request.form.get("password", "")[:1024], found.id if found else 0
            )
        except Refused as refusal:
            flash(str(refusal), "danger")
        return redirect(url_for("FactorView.show"))

    @expose("/app/begin", methods=["POST"])
    @has_access
    @permission_name("write")
    def begin(self) -> Any:
        """Begin to set up an authenticator app."""
        return self._do(lambda work, person: factors.begin_totp(work, person.id))

    @expose("/app/confirm", methods=["POST"])
    @has_access
    @permission_name("write")
    def confirm(self) -> Any:
        """Set up the authenticator app by its first code; recovery codes are shown with it."""

        def act(work: Work, person: Person) -> Any:
            factors.confirm_totp(work, person, request.form.get("code", "")[:20])
            return factors.renew_codes(work, person) if not factors.of(work, person.id).codes_left else None

        return self._do(act, "Your authenticator app is set up.")

    @expose("/app/remove", methods=["POST"])
    @has_access
    @permission_name("write")
    def remove(self) -> Any:
        """Remove the authenticator app."""
        return self._do(lambda work, person: factors.remove_totp(work, person), "The authenticator app is removed.")

    @expose("/codes", methods=["POST"])
    @has_access
    @permission_name("write")
    def codes(self) -> Any:
        """Make the recovery codes anew and show them once."""

        def act(work: Work, person: Person) -> Any:
            if not factors.of(work, person.id).has_any:
                raise Refused("Set up an authenticator app or a passkey first.")
            return factors.renew_codes(work, person)

        return self._do(act)

    @expose("/passkey/options", methods=["POST"])
    @has_access
    @permission_name("write")
    def passkey_options(self) -> Any:
        """Return what the browser needs to make a passkey."""

        def act(work: Work, person: Person, site: passkeys.Site) -> dict[str, Any]:
            challenge, options = passkeys.offer(work, site, person)
            return {"challenge": str(challenge), "options": options}

        return self._answer(act)

    @expose("/passkey", methods=["POST"])
    @has_access
    @permission_name("write")
    def passkey(self) -> Any:
        """Keep the passkey a browser made."""
        said = request.get_json(silent=True)
        if not isinstance(said, dict) or not isinstance(said.get("answer"), dict):
            abort(400)

        def act(work: Work, person: Person, site: passkeys.Site) -> dict[str, Any]:
            challenge, name = visits.challenge_of(said), str(said.get("name") or "")
            passkeys.add(work, site, person, challenge, said["answer"], name)
            return {"next": url_for("FactorView.show")}

        return self._answer(act)

    @expose("/passkey/remove", methods=["POST"])
    @has_access
    @permission_name("write")
    def passkey_remove(self) -> Any:
        """Remove a passkey."""
        number = request.form.get("passkey", 0, int)
        return self._do(lambda work, person: passkeys.remove(work, person, number), "The passkey is removed.")

    def _do(self, act: Callable[[Work, Person], Any], done: str = "") -> Any:
        """Do something to one's factors; what is shown once is shown in the answer itself."""
        try:
            with _open_work() as work:
                shown = act(work, _proven(work))
        except Refused as refusal:
            flash(str(refusal), "danger")
            return redirect(url_for("FactorView.show"))
        if done:
            flash(done, "success")
        if isinstance(shown, list):
            return self.render_template("pulse/recovery_codes.html", codes=shown)
        return redirect(url_for("FactorView.show"))

    def _answer(self, act: Callable[[Work, Person, passkeys.Site], dict[str, Any]]) -> Any:
        """Do something to one's passkeys for a script of the page."""
        site = passkeys.site_of(current.the_house().settings.public_url)
        try:
            if site is None:
                raise Refused("This site's address allows no passkeys.")
            with _open_work() as work:
                return act(work, _proven(work), site)
        except Refused as refusal:
            return {"problem": str(refusal)}, 400

    def _page(self) -> Any:
        with _open_work() as work:
            person, found = people.by_id(work, current_user.id), visits.open_session()
            assert person is not None
            assert found is not None
            held = factors.of(work, person.id)
            secret = factors.pending_totp(work, person.id) if sessions.is_recent(work, found) else ""
            return self.render_template(
                "pulse/factors.html", factors=held, passkeys=passkeys.of(work, person.id), secret=_spaced(secret),
                picture=_picture(person, secret), is_recent=sessions.is_recent(work, found),
                has_passkeys=passkeys.site_of(current.the_house().settings.public_url) is not None,
                is_due=not held.has_any and gate.is_factor_due(),
            )  # fmt: skip


def _open_work() -> Any:
    return current.platform_work("change one's own factors")


def _proven(work: Work) -> Person:
    """Return the person of this request; raise Refused unless they have lately proven who they are."""
    found = visits.open_session()
    person = people.by_id(work, current_user.id)
    if found is None or person is None or not sessions.is_recent(work, found):
        raise Refused("Type your password first: it was a while ago.")
    return person


def _spaced(secret: str) -> str:
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))


def _picture(person: Person, secret: str) -> str:
    """Return the QR code of a secret as an image's address, empty without one."""
    if not secret:
        return ""
    code = segno.make(factors.address_of(person, secret), error="m")
    return str(code.svg_data_uri(scale=5, border=3, dark="#000", light="#fff"))
