"""What operators read: the plugins, and how the site does."""

from collections.abc import Callable
from typing import Any

from flask import abort, flash, redirect, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name

from ...core.errors import NotFound
from ...core.services import aside, overview, periodic, setting_up
from ...core.services.work import Work
from .. import current
from ..security.roles import READ, WRITE
from . import forms


class SystemView(BaseView):
    """Health and plugins, for the operator."""

    route_base = "/system"
    class_permission_name = "System"
    default_view = "show"

    @expose("/", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self) -> Any:
        """Show the checks, what is yet to be set up, the plugins, and why any of them was refused."""
        house = current.the_house()
        with current.platform_work("look at the platform's health") as work:
            return self.render_template(
                "pulse/system.html", checks=overview.health(work), registry=house.registry,
                attention=overview.platform_attention(work), duties=periodic.last_runs(work),
                told_aside=aside.told_aside(work),
                failed_jobs=aside.failed_jobs(work), unset=setting_up.unset(work, house.settings),
            )  # fmt: skip

    @expose("/again/told/<connection_id>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def retry_told(self, connection_id: str) -> Any:
        """Let what a connection's provider told and was set aside be worked off once more."""
        return _again(connection_id, aside.retry_told, "It is being worked off again.")

    @expose("/again/job/<job_id>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def retry_job(self, job_id: str) -> Any:
        """Let a job that was given up be tried again."""
        return _again(job_id, aside.retry_job, "It is being tried again.")


def _again(typed: str, act: Callable[[Work, int], Any], sentence: str) -> Any:
    try:
        with current.platform_work("try again what was set aside") as work:
            act(work, forms.row_number(typed))
    except ValueError:
        abort(404)
    except NotFound as gone:
        flash(str(gone), "warning")
    else:
        flash(sentence, "success")
    return redirect(url_for("SystemView.show"))
