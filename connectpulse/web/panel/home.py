"""The home page: what is going on, what needs somebody, and the first steps of a new organisation."""

from typing import Any

import structlog
from flask import redirect, url_for
from flask_appbuilder import IndexView, expose
from flask_login import current_user

from ...core.domain.personal import Use
from ...core.services import overview, uses
from ...core.services.work import Work
from .. import current
from ..security.roles import AUDITOR, PLATFORM_ADMINISTRATOR
from .campaigns import state_badge

log = structlog.get_logger(__name__)

TARGETS = {
    "campaign": "CampaignView.show", "import": "ImportView.show", "sender": "SenderView.show",
    "connection": "ConnectionView.show",
}  # fmt: skip


class HomeView(IndexView):
    route_base = ""
    default_view = "index"

    @expose("/", methods=["GET"])
    def index(self) -> Any:
        """Show the home page; strangers are asked to sign in."""
        if not current_user.is_authenticated:
            return redirect(url_for("SignInView.login"))
        is_platform = bool(current.role_names() & {PLATFORM_ADMINISTRATOR, AUDITOR})
        platform = []
        if is_platform:
            with current.platform_work("look at the platform's health") as work:
                platform = overview.platform_attention(work)
        if current.organisation_id() is None:
            may_create = PLATFORM_ADMINISTRATOR in current.role_names()
            return self.render_template(
                "pulse/no_organisation.html", attention=platform, targets=TARGETS, may_create=may_create
            )
        with current.work() as work:
            return self.render_template(
                "pulse/home.html", live=overview.live_campaigns(work), recent=overview.recent_campaigns(work),
                attention=[*overview.attention(work), *platform], steps=overview.first_steps(work), targets=TARGETS,
                cards=_cards(work), state_badge=state_badge,
            )  # fmt: skip

    @expose("/home/live", methods=["GET"])
    def live(self) -> Any:
        """Return the part of the home page that changes while campaigns run."""
        if not current_user.is_authenticated or current.organisation_id() is None:
            return "", 204
        with current.work() as work:
            return self.render_template("pulse/_live.html", live=overview.live_campaigns(work), state_badge=state_badge)


def _cards(work: Work) -> list[tuple[str, str, str]]:
    """Return the plugins' figures as icon, title and text; one that fails is left out."""
    found = []
    for card in work.registry.cards.values():
        try:
            with uses.within(work, Use.REPORT):
                value = card.value(work)
        except Exception:
            log.exception("card_failed", card=card.name)
            continue
        if value is not None:
            found.append((card.icon, card.title, value))
    return found
