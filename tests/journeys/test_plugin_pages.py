"""What plugins bring to the panel, in a real browser: duties on the System page, a door for people, charts."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask_appbuilder import BaseView

from connectpulse.core.domain.doors import Answer, Door, Knock
from connectpulse.core.domain.faces import View
from connectpulse.core.domain.jobs import Duty
from connectpulse.core.errors import NotFound, Refused
from connectpulse.core.services import jobs, periodic
from connectpulse.core.services.work import SYSTEM, Work
from connectpulse.core.storage import guard
from connectpulse.house import House
from connectpulse.web.pages import READ, chart, expose, has_access, permission_name
from connectpulse.web.security import roles
from tests.journeys.browsing import DESKTOP, PHONE, browser, person
from tests.journeys.live import served
from tests.journeys.panel_scene import panel

DAYS = [(f"{day} November", Decimal(day * 37 % 101) + Decimal("0.5")) for day in range(1, 31)]
CHANNELS = [("SMS", Decimal(12_400)), ("WhatsApp", 3_100), ("Voice, to a destination with a long name", 250)]


class SpendingView(BaseView):
    route_base = "/spending"
    class_permission_name = "Spending"
    default_view = "show"

    @expose("/", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self) -> Any:
        drawn = chart.columns("Units a day", DAYS, "units") + chart.bars("By channel", CHANNELS, "units")
        return self.render_template("acme/spending.html", drawn=drawn)


def _stop(work: Work, knock: Knock) -> Answer:
    if knock.rest != "abc":
        raise NotFound("This link was used or is too old. Sign in to change what you get.")
    if knock.method == "POST":
        return Answer(title="It is done", text="You get no more reminders about this balance.")
    return Answer(
        title="Stop these reminders?", text="Reminders about a low balance end.\n\nEverything else goes on.",
        button="Yes, stop them",
    )  # fmt: skip


def _fail(work: Work) -> None:
    raise Refused("The books of Tuesday do not agree: 3 units too many.")


@pytest.fixture
def site(house: House, organisation: int, tmp_path: Any) -> Any:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "spending.html").write_text(
        '{% extends "pulse/shell.html" %}{% from "pulse/_parts.html" import head with context %}'
        "{% block title %}Spending{% endblock %}"
        "{% block content %}{{ head('Spending') }}<div class=\"card\">{{ drawn }}</div>{% endblock %}"
    )
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "note.txt").write_text("a file of the plugin")
    (tmp_path / "secret.txt").write_text("not for everybody")
    registry = house.registry
    registry.packages["acme"] = tmp_path
    registry.doors["acme/stop"] = Door("stop", _stop, methods=("GET", "POST"))
    registry.views.append(View(SpendingView, "Spending", "Money", "fa-coins", {READ: (roles.PLATFORM_ADMINISTRATOR,)}))
    registry.duties |= {
        "acme.compare": Duty("acme.compare", "Comparing the books", timedelta(days=1), step=_fail),
        "acme.tidy": Duty("acme.tidy", "Ending carts nobody came back to", timedelta(hours=1), step=lambda work: None),
        "acme.later": Duty("acme.later", "Asking the gateway", timedelta(minutes=5), step=lambda work: None),
    }
    with house.work(SYSTEM) as work, guard.platform_scope(work.session, "test"):
        later = registry.duties.pop("acme.later")
        periodic.wake(work)
        registry.duties["acme.later"] = later
        due = jobs.due(work)
    for job_id in due:
        jobs.run(house.work, job_id, "worker")
    return panel(house, organisation)


@pytest.mark.peer("chromium")
@pytest.mark.parametrize(("size", "theme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"])
def test_what_a_plugin_shows_fits_in(site: Any, size: dict[str, int], theme: str) -> None:
    with served(site) as address, browser() as started, person(started, address, size, theme) as someone:
        someone.open("/hooks/acme/stop/abc")
        someone.sees("Everything else goes on.")
        someone.shoot("door")
        someone.press("Yes, stop them")
        someone.sees("You get no more reminders about this balance.")
        someone.shoot("door-done")
        someone.sign_in(roles.PLATFORM_ADMINISTRATOR)
        someone.open("/system/")
        someone.sees("The books of Tuesday do not agree: 3 units too many.")
        someone.sees("Ending carts nobody came back to")
        someone.shoot("duties")
        someone.open("/spending/")
        someone.sees("12,400 units")
        someone.shoot("charts")


def test_only_files_of_its_folder_are_served(site: Any) -> None:
    asking = site.test_client()
    with asking.get("/assets/plugins/acme/note.txt") as answer:
        assert answer.text == "a file of the plugin"
    for path in ("acme/../secret.txt", "acme/%2e%2e/secret.txt", "other/note.txt", "acme/nothing.txt"):
        assert asking.get(f"/assets/plugins/{path}").status_code == 404
