"""Organisations and their members, by the forms of the panel."""

import io
import re

import pytest
from flask import Flask
from sqlalchemy import text

from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.web.security import roles
from connectpulse.web.theme import MOST_LISTED
from tests.journeys.panel_scene import Visitor, panel, visitor


@pytest.fixture
def app(house: House, organisation: int) -> Flask:
    return panel(house, organisation)


def test_nobody_changes_their_own_role(house: House, app: Flask) -> None:
    admin = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    with house.work(ADMINISTRATOR) as work:
        own = work.session.scalar(
            text("SELECT m.id FROM pulse_membership m JOIN ab_user u ON u.id = m.user_id WHERE u.username = 'admin'")
        )
    refused = admin.post(f"/members/edit/{own}", f"/members/edit/{own}", {"role": roles.ANALYST})
    assert refused.status_code == 422
    assert "your own role" in refused.text
    assert "your own role" in admin.post(f"/members/delete/{own}", "/profile/", follow_redirects=True).text


def test_faults_stand_beside_their_fields(app: Flask) -> None:
    admin = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    refused = admin.post("/members/add", "/members/add", {"email": "nonsense", "first_name": "", "role": "King"})
    assert refused.status_code == 422
    assert refused.text.count('class="fault"') == 1
    assert "is not one of" in refused.text
    settings = {"name": "Ours", "country": "QQ", "timezone": "Mars/Olympus", "opt_out_words": "bas, rukk"}
    refused = admin.post("/settings/", "/settings/", settings)
    assert "QQ is not a country code" in refused.text
    assert "no zone &#39;Mars/Olympus&#39;" in refused.text
    settings |= {"country": "ae", "timezone": "Asia/Dubai"}
    assert admin.post("/settings/", "/settings/", settings).status_code == 302
    assert 'value="bas, rukk"' in admin.get("/settings/").text


def test_new_organisation_begins_empty_and_can_be_entered(app: Flask) -> None:
    operator = visitor(app, roles.PLATFORM_ADMINISTRATOR)
    form = {"name": "Second", "country": "GB", "timezone": "Europe/London"}
    assert operator.post("/organisations/add", "/organisations/add", form).status_code == 302
    page = operator.get("/").text
    chosen = re.search(r'<option value="(\d+)" >Second</option>', page)
    assert chosen, page
    operator.post("/profile/organisation", "/", {"organisation": chosen[1]})
    home = operator.get("/").text
    assert "<h1>Second" in home
    assert "First steps" in home
    assert "switched to the organisation Second" in operator.get("/audit/list/").text


def test_one_searches_among_many_organisations_and_finds_only_ones_own(house: House, app: Flask) -> None:
    for _ in range(MOST_LISTED):
        factories.organisation(house)
    operator, analyst = visitor(app, roles.PLATFORM_ADMINISTRATOR), visitor(app, roles.ANALYST)
    page = operator.get("/").text
    assert 'data-pick="/profile/lookup"' in page
    assert page.count("<option value=") == 1
    found = operator.get("/profile/lookup?q=ORGANISATION").get_json()["results"]
    assert len(found) == MOST_LISTED + 1
    chosen = found[-1]["text"]
    again = operator.get("/profile/lookup", query_string={"q": chosen.lower()}).get_json()["results"]
    assert chosen in [each["text"] for each in again]
    middle = operator.get("/profile/lookup", query_string={"q": chosen[1:]}).get_json()["results"]
    assert middle == [], "names are found by their beginning, which an index answers"
    assert operator.get("/profile/lookup?q=%25").get_json()["results"] == []
    assert len(analyst.get("/profile/lookup").get_json()["results"]) == 1
    assert "data-pick" not in analyst.get("/").text


def test_switching_into_a_foreign_organisation_is_refused(house: House, app: Flask) -> None:
    operator = visitor(app, roles.PLATFORM_ADMINISTRATOR)
    operator.post(
        "/organisations/add", "/organisations/add", {"name": "Second", "country": "GB", "timezone": "Europe/London"}
    )
    with house.work(ADMINISTRATOR) as work:
        second = work.session.scalar(text("SELECT id FROM pulse_organisation WHERE name = 'Second'"))
    analyst = visitor(app, roles.ANALYST)
    page = analyst.post("/profile/organisation", "/", {"organisation": second}, follow_redirects=True).text
    assert "not a member of that organisation" in page
    assert "<h1>Second" not in page


def test_password_is_changed_only_by_who_knows_it(app: Flask) -> None:
    person = visitor(app, roles.ANALYST)

    def change(old: str, new: str) -> str:
        fields = {"old": old, "new": new, "again": new}
        return person.post("/profile/password", "/profile/", fields, follow_redirects=True).text

    assert "present password is not right" in change("wrong", "another-long-one")
    assert "at least 10" in change("correct-horse-battery", "short")
    assert "is changed" in change("correct-horse-battery", "another-long-one")
    assert Visitor(app.test_client()).sign_in("analyst").status_code == 401
    assert Visitor(app.test_client()).sign_in("analyst", "another-long-one").status_code == 302


def test_machines_ask_without_signing_in(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/healthz").text == "ok\n"
    assert client.get("/readyz").text == "ready\n"
    assert "connectpulse" in client.get("/metrics").text
    assert client.get("/health.json").get_json()["queue"]["is_healthy"] is True
    away = {"REMOTE_ADDR": "203.0.113.9"}
    assert client.get("/metrics", environ_base=away).status_code == 404
    assert client.get("/health.json", environ_base=away).status_code == 404


def test_another_password_ends_every_other_session(app: Flask) -> None:
    here, elsewhere = visitor(app, roles.ANALYST), visitor(app, roles.ANALYST)
    fields = {"old": "correct-horse-battery", "new": "another-long-one", "again": "another-long-one"}
    here.post("/profile/password", "/profile/", fields)
    assert here.get("/profile/").status_code == 200
    assert "/login/" in elsewhere.get("/profile/").location


def test_country_of_an_import_is_checked_and_choices_are_kept(app: Flask) -> None:
    person = visitor(app, roles.CAMPAIGN_MANAGER)
    file = (io.BytesIO(b"Phone,Town\n03001234567,Lahore\n"), "people.csv")
    page = person.post("/imports/add", "/imports/add", {"file": file}, content_type="multipart/form-data").location
    fields = {"column": ["address:phone", "new"], "new_list": "All", "region": "QQ"}
    refused = person.post(page.replace("show", "start"), page, fields)
    assert refused.status_code == 422
    assert "QQ is not a country code" in refused.text
    assert '<option value="new" selected>' in refused.text
    assert person.post(page.replace("show", "start"), page, fields | {"region": "pk"}).status_code == 302
