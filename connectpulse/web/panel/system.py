"""What operators read: the plugins, and how the site does."""

from typing import Any

from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name

from ...core.services import overview, periodic, setting_up
from .. import current
from ..security.roles import READ


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
                unset=setting_up.unset(work, house.settings),
            )  # fmt: skip
