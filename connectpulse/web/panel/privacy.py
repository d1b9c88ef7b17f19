"""The public pages: the policy, its history, what changed, and who receives data on the operator's behalf."""

from typing import Any

from flask import abort, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_login import current_user

from ...core.domain import policy_text
from ...core.errors import NotFound
from ...core.services.disclosure import register
from ...core.services.policy import acceptance, operator, versions
from ...core.services.work import Work
from ...core.storage.models import PolicyVersion
from .. import current
from ..security.roles import READ, WRITE


def about(work: Work, version: PolicyVersion) -> dict[str, Any]:
    """Return what a page shows of a version: its text as blocks, and its dates."""
    return {"version": version, "blocks": policy_text.blocks(version.text)}


class PrivacyView(BaseView):
    """What anybody may read, signed in or not."""

    route_base = "/privacy"
    class_permission_name = "Privacy"
    default_view = "show"

    @expose("/", methods=["GET"])
    def show(self) -> Any:
        """Show the policy in force, or the coming one where none holds yet."""
        with current.platform_work("show the policy") as work:
            holding, newest = versions.in_force(work), versions.newest(work)
            shown = holding or newest
            coming = newest if newest is not None and newest is not shown else None
            return self.render_template(
                "pulse/policy_public.html", coming=coming, is_holding=holding is not None, facts=operator.facts(work),
                **(about(work, shown) if shown else {"version": None, "blocks": []}),
            )  # fmt: skip

    @expose("/history", methods=["GET"])
    def history(self) -> Any:
        """List every published version."""
        with current.platform_work("show the policy") as work:
            return self.render_template(
                "pulse/policy_history.html", versions=versions.published(work), holding=versions.in_force(work),
                today=work.clock().date(),
            )  # fmt: skip

    @expose("/version/<digest>", methods=["GET"])
    def version(self, digest: str) -> Any:
        """Show one version as it was published."""
        with current.platform_work("show the policy") as work:
            shown, holding = self._find(work, digest), versions.in_force(work)
            is_old = holding is not None and shown.id < holding.id
            return self.render_template(
                "pulse/policy_public.html", coming=None, is_holding=holding is not None and shown.id == holding.id,
                is_old=is_old, facts=operator.facts(work), **about(work, shown),
            )  # fmt: skip

    @expose("/changes/<digest>", methods=["GET"])
    def changes(self, digest: str) -> Any:
        """Show what a version says differently from the one before it, word by word."""
        with current.platform_work("show the policy") as work:
            shown = self._find(work, digest)
            before = versions.before(work, shown)
            changes = policy_text.compare(before.text, shown.text) if before else []
            return self.render_template("pulse/policy_changes.html", version=shown, before=before, changes=changes)

    @expose("/processors", methods=["GET"])
    def processors(self) -> Any:
        """List the companies that receive data to deliver what is sent."""
        with current.platform_work("show the processors") as work:
            return self.render_template("pulse/processors.html", processors=register.processors(work))

    def _find(self, work: Work, digest: str) -> PolicyVersion:
        try:
            return versions.by_digest(work, digest[:64])
        except (NotFound, ValueError):
            abort(404)


class ConsentView(BaseView):
    """Accepting the policy."""

    route_base = "/consent"
    class_permission_name = "Consent"
    default_view = "show"

    @expose("/", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self) -> Any:
        """Show what is to be accepted, with what changed."""
        with current.work() as work:
            standing = acceptance.standing(work, current_user.id)
            version = None if standing.is_accepted else work.session.get(PolicyVersion, standing.version_id)
            version = version or acceptance.coming(work, current_user.id)
            if version is None:
                return redirect(url_for("HomeView.index"))
            before = versions.before(work, version)
            changes = policy_text.compare(before.text, version.text) if before else []
            return self.render_template(
                "pulse/consent.html", is_blocked=standing.is_blocked, changes=changes, **about(work, version)
            )

    @expose("/accept", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def accept(self) -> Any:
        """Accept a version, named by its digest so that nobody accepts what they did not see."""
        with current.work() as work:
            acceptance.accept(work, request.form.get("digest", "")[:64])
        return redirect(url_for("HomeView.index"))
