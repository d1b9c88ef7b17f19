"""The System page shows what was set aside, and lets the operator have it tried again."""

import pytest
from playwright.sync_api import Browser

from connectpulse.core.domain.jobs import Job
from connectpulse.core.domain.message import MessageState
from connectpulse.core.domain.provider import Receipt
from connectpulse.core.services.desk import ServiceDesk
from connectpulse.core.services.work import SYSTEM
from connectpulse.core.storage.models import Job as Row
from connectpulse.house import House
from connectpulse.web.security import roles

from . import browsing, live
from .panel_scene import panel, visitor


def _set_aside(house: House, organisation: int) -> int:
    """Set an event and a job aside; return the job's number."""
    ServiceDesk(house.work, "w1", "").take_in(7, [Receipt("what\ud800ever", MessageState.DELIVERED)])
    house.registry.jobs["sour"] = Job("sour", step=lambda work, subject_id: False)
    with house.work(SYSTEM) as work:
        row = Row(kind="sour", subject_id=5, organisation_id=organisation, state="failed", error="<b>no</b>")
        told = Row(
            kind="import", subject_id=6, organisation_id=organisation, state="failed", error="It failed 6 times."
        )
        work.session.add_all([row, told])
        work.session.flush()
        return row.id


@pytest.mark.peer("chromium")
@pytest.mark.parametrize("size", [browsing.DESKTOP, browsing.PHONE], ids=["desktop", "phone"])
def test_it_is_read_and_tried_again_on_a_phone_as_well(
    house: House, organisation: int, chromium: Browser, size: dict[str, int]
) -> None:
    theme = "dark" if size is browsing.PHONE else "light"
    _set_aside(house, organisation)
    with (
        live.served(panel(house, organisation)) as address,
        browsing.person(chromium, address, size, theme) as person,
    ):
        person.sign_in(roles.PLATFORM_ADMINISTRATOR)
        person.open("/system/")
        person.sees("Set aside")
        person.shoot("set-aside")


def test_the_operator_sees_why_and_lets_it_be_tried_again(house: House, organisation: int) -> None:
    job_id = _set_aside(house, organisation)
    app = panel(house, organisation)
    person = visitor(app, roles.PLATFORM_ADMINISTRATOR)
    page = person.get("/system/").text
    assert "1 event(s) told by connection 7" in page
    assert "&lt;b&gt;no&lt;/b&gt;" in page
    assert "1 event(s) of providers were set aside" in page
    answer = person.post("/system/again/told/7", "/system/", follow_redirects=True)
    assert "It is being worked off again." in answer.text
    assert "told by connection 7" not in answer.text
    assert "not set aside any more" not in answer.text
    answer = person.post(f"/system/again/job/{job_id}", "/system/", follow_redirects=True)
    assert "It is being tried again." in answer.text
    again = person.post(f"/system/again/job/{job_id}", "/profile/", follow_redirects=True)
    assert "This job is not set aside any more." in again.text
    assert person.post("/system/again/job/word", "/profile/").status_code == 404
    admin = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    assert admin.post("/system/again/told/7", "/profile/").status_code in (302, 403)
