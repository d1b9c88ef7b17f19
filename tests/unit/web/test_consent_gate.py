"""The gate of the policy and the public pages, over HTTP."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import text

from connectpulse.core.services.policy import operator, versions
from connectpulse.core.services.support import requests
from connectpulse.core.services.support.requests import Asker
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.web.security import roles
from tests.journeys.panel_scene import Visitor, panel, visitor
from tests.unit.core.services.test_policy import FACTS

ASKED = {"name": "Vera", "email": "vera@example.org", "subject": "A matter", "body": "Hello"}


@pytest.fixture
def app(house: House, organisation: int) -> Flask:
    return panel(house, organisation)


def publish(house: House, *, is_material: bool, in_days: int = 0) -> str:
    with house.work(factories.ADMINISTRATOR) as work:
        operator.change(work, FACTS)
        draft, today = versions.begin(work), work.clock().date()
        versions.change(
            work,
            {
                "source": draft.source + f"\n\nAnd {in_days}.", "revised_on": today, "is_material": is_material,
                "effective_on": today + timedelta(days=in_days),
            },
        )  # fmt: skip
        return versions.publish(work).digest or ""


def methods(house: House) -> list[str]:
    with house.engine.connect() as connection:
        return list(connection.scalars(text("SELECT method FROM pulse_acceptance")))


def test_the_blocked_can_read_accept_ask_and_leave_and_nothing_else(house: House, app: Flask) -> None:
    person = visitor(app, roles.CAMPAIGN_MANAGER)
    assert person.get("/campaigns/list/").status_code == 200
    digest = publish(house, is_material=True)
    for path in ("/", "/campaigns/list/", "/contacts/add", "/profile/", "/notices/", "/help/"):
        answer = person.get(path)
        assert (answer.status_code, answer.location) == (303, "/consent/"), path
    assert person.post("/lists/add", "/consent/", {"name": "Mine"}).location == "/consent/"
    live = person.get("/home/live", headers={"HX-Request": "true"})
    assert (live.status_code, "accept the privacy policy" in live.text) == (403, True)
    for path in ("/consent/", "/privacy/", "/privacy/history", "/privacy/processors", "/contact/"):
        assert person.get(path).status_code == 200, path
    assert methods(house) == []
    assert person.post("/consent/accept", "/consent/", {"digest": "0" * 64}).status_code == 404
    assert person.post("/consent/accept", "/consent/", {"digest": digest}).location == "/"
    assert person.get("/campaigns/list/").status_code == 200
    assert methods(house) == ["explicit"]


def test_the_blocked_can_sign_out(house: House, app: Flask) -> None:
    person = visitor(app, roles.ANALYST)
    publish(house, is_material=True)
    assert person.post("/logout/", "/consent/").location == "/login/"


def test_going_on_accepts_an_immaterial_policy(house: House, app: Flask) -> None:
    person = visitor(app, roles.ANALYST)
    publish(house, is_material=False)
    assert person.get("/privacy/").status_code == 200
    assert methods(house) == []
    assert person.get("/campaigns/list/").status_code == 200
    assert person.get("/campaigns/list/").status_code == 200
    assert methods(house) == ["implied"]
    with house.engine.connect() as connection:
        said = connection.execute(
            text("SELECT actor_name, actor_address FROM pulse_audit WHERE verb = 'policy.accepted'")
        ).one()
    assert tuple(said) == ("Analyst Tester", "127.0.0.1")


def test_a_coming_change_is_announced_on_every_page(house: House, app: Flask) -> None:
    person = visitor(app, roles.ANALYST)
    publish(house, is_material=False)
    publish(house, is_material=True, in_days=10)
    page = person.get("/campaigns/list/")
    assert "you must accept it to go on after that" in page.text
    tomorrow = datetime.now(UTC) + timedelta(days=10)
    house.clock = lambda: tomorrow
    again = visitor(app, roles.ANALYST)  # by then the first session is over
    answer = again.get("/campaigns/list/")
    assert (answer.status_code, answer.location) == (303, "/consent/")


def test_the_public_reads_every_version_and_what_changed(house: House, app: Flask) -> None:
    assert "No privacy policy has been published yet" in visitor(app).get("/privacy/").text
    first = publish(house, is_material=False)
    second = publish(house, is_material=True, in_days=10)
    stranger = visitor(app)
    page = stranger.get("/privacy/").text
    assert first in page
    assert "A new version holds from" in page
    assert "privacy@example.com" in page
    changes = stranger.get(f"/privacy/changes/{second}").text
    assert "<ins>" in changes
    assert "And 10." in changes.partition("<ins>")[2]
    assert stranger.get("/privacy/history").text.count("/privacy/version/") == 2
    for digest in ("0" * 64, "x", "%00"):
        assert stranger.get(f"/privacy/version/{digest}").status_code == 404
    assert "/privacy/" in stranger.get("/login/").text


def test_whoever_writes_from_outside_is_limited_and_machines_are_ignored(house: House, app: Flask) -> None:
    stranger = Visitor(app.test_client())
    assert stranger.post("/contact/", "/contact/", ASKED | {"website": "spam"}).status_code == 200
    with house.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM pulse_support_request")) == 0
    answers = [
        stranger.post("/contact/", "/contact/", ASKED | {"email": f"v{number}@example.org"}).status_code
        for number in range(11)
    ]
    assert answers[:9] == [200] * 9
    assert answers[-1] == 429
    with house.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM pulse_support_request")) == 9


def test_a_thread_opens_with_its_link_only(house: House, app: Flask) -> None:
    with house.work(factories.ADMINISTRATOR) as work:
        request = requests.open_request(work, Asker("Vera", "vera@example.org"), "A matter", "<script>1</script>")
        path, request_id = requests.thread_path(request), request.id
    stranger = visitor(app)
    page = stranger.get(path)
    assert "&lt;script&gt;" in page.text
    assert stranger.get(path[:-3] + "000").status_code == 404
    assert stranger.post(path, path, {"body": "More"}).status_code == 302
    assert "More" in stranger.get(path).text
    member = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    assert member.get(f"/support/show/{request_id}").status_code == 403
    assert member.get(f"/help/show/{request_id}").status_code == 404


def test_the_inventory_is_a_file_too(house: House, app: Flask) -> None:
    auditor = visitor(app, roles.AUDITOR)
    found = auditor.get("/policy/inventory?format=json").json["personal_data"]
    assert {"table", "column", "kind", "category", "purpose", "kept", "owner", "is_found"} <= set(found[0])
    assert auditor.post("/policy/publish", "/notices/choices").status_code == 403
