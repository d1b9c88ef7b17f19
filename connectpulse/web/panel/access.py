"""Every sign-in of the platform, and which roles must have a second factor."""

from typing import Any, ClassVar

from flask import flash, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_appbuilder.security.sqla.models import User
from sqlalchemy import ColumnElement, select

from ...core.services.access import factors
from ...core.storage.models import SignIn
from .. import current
from ..security.roles import READ, WRITE
from .cells import Column, Filter, badge
from .dates import moment
from .noun import NounView


def _who(row: SignIn) -> str:
    user = current.the_session().get(User, row.user_id) if row.user_id else None
    return user.get_full_name() if user is not None else "nobody"


class SignInLogView(NounView):
    model = SignIn
    noun, plural, icon = "Sign-in", "Sign-ins", "fa-right-to-bracket"
    class_permission_name = "Accounts"
    route_base = "/sign-ins"
    is_platform = True
    can_add = can_edit = can_delete = False
    empty_hint = "Every attempt to sign in is kept here for 180 days, the failed ones as well."
    search_hint = "E-mail address"
    columns = (
        Column("When", lambda row: moment(row.at)),
        Column("Who", _who),
        Column("How", lambda row: row.reason if row.is_good else badge(row.reason, "bad")),
        Column("Browser", lambda row: row.device),
        Column("Address", lambda row: row.address),
    )
    filters = (
        Filter("result", "Result", (("good", "signed in"), ("bad", "failed")),
               lambda value: SignIn.is_good.is_(value == "good")),
    )  # fmt: skip
    include_route_methods: ClassVar[set[str]] = {"list"}

    def search(self, words: str) -> ColumnElement[bool]:
        return SignIn.user_id.in_(select(User.id).where(User.email.istartswith(words, autoescape=True)))


class AccessRuleView(BaseView):
    """Which roles must have a second factor."""

    route_base = "/access-rules"
    class_permission_name = "Accounts"
    default_view = "show"

    @expose("/", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self) -> Any:
        """Show which roles must have a second factor."""
        with current.platform_work("read the rules of access") as work:
            required = factors.required_roles(work)
            lacking = factors.lacking(work)
            held = work.registry.roles.values()
        lines = [(role.name, role.explanation, role.name in required, lacking.get(role.name, 0)) for role in held]
        return self.render_template("pulse/access_rules.html", lines=lines, may_write=current.may(WRITE, "Accounts"))

    @expose("/", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def save(self) -> Any:
        """Change which roles must have a second factor."""
        with current.platform_work("change the rules of access") as work:
            chosen = frozenset(request.form.getlist("roles")) & work.registry.roles.keys()
            factors.require(work, chosen)
        flash(
            "The rules are saved. Whoever lacks a second factor is asked to set one up with the next click.", "success"
        )
        return redirect(url_for("AccessRuleView.show"))
