"""Organisations and their members, by the forms of the panel."""

import io
import re
from datetime import UTC, datetime, timedelta

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


def invited(admin: Visitor, email: str, role: str = roles.ANALYST) -> str:
    """Invite somebody on a site without mail; return the path of the link that is shown once."""
    shown = admin.post("/members/add", "/members/add", {"email": email, "first_name": "Zara", "role": role})
    link = re.search(r"(/invitation/[\w-]{43})", shown.text)
    assert link, shown.text
    assert link[1] not in admin.get("/members/list/").text
    return link[1]


def test_invited_person_makes_an_account_by_the_link_once(app: Flask) -> None:
    admin, zara = visitor(app, roles.ORGANISATION_ADMINISTRATOR), Visitor(app.test_client())
    link = invited(admin, "Zara@Example.org")
    assert "zara@example.org" in admin.get("/members/list/").text
    page = zara.get(link).text
    assert "You are invited to Organisation" in page
    form = {"first_name": "Zara", "last_name": "Khan", "password": "four random words", "again": "four random word"}
    assert "differ" in zara.post(link, link, form).text
    assert zara.post(link, link, form | {"again": form["password"]}).status_code == 302
    assert zara.get(link).status_code == 404
    assert zara.sign_in("zara@example.org", "four random words").status_code == 302
    assert zara.get("/campaigns/list/").status_code == 200
    assert zara.get("/contacts/list/").status_code == 403
    assert "not here yet" not in admin.get("/members/list/").text


def test_nobody_is_enrolled_who_has_an_account_before_they_accept(app: Flask) -> None:
    admin = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    link = invited(admin, "auditor@example.org")
    assert "auditor" not in admin.get("/members/list/").text.partition("not here yet")[2].partition("</section>")[2]
    stranger, other = Visitor(app.test_client()), visitor(app, roles.ANALYST)
    form = {"first_name": "X", "password": "four random words", "again": "four random words"}
    token = stranger.post(link, "/login/", form)
    assert token.status_code == 422
    assert "There is an account with this name or e-mail address already." in token.text
    assert "This invitation is for auditor@example.org" in other.post(link, "/profile/").text
    auditor = visitor(app, roles.AUDITOR)
    profile = auditor.get("/profile/").text
    number = re.search(r'name="invitation" value="(\d+)"', profile)
    assert number, profile
    assert other.post(
        "/profile/invitation", "/profile/", {"invitation": number[1], "answer": "accept"}, follow_redirects=True
    ).text.count("used or withdrawn")
    answer = {"invitation": number[1], "answer": "accept"}
    assert "You are a member" in auditor.post("/profile/invitation", "/profile/", answer, follow_redirects=True).text
    assert "auditor@example.org" in admin.get("/members/list/").text
    assert auditor.get(link).status_code == 404


def test_an_invitation_is_withdrawn_replaced_and_grows_old(house: House, app: Flask) -> None:
    admin, stranger = visitor(app, roles.ORGANISATION_ADMINISTRATOR), Visitor(app.test_client())
    first, second = invited(admin, "zara@example.org"), invited(admin, "zara@example.org")
    assert (stranger.get(first).status_code, stranger.get(second).status_code) == (404, 200)
    number = re.search(r"/members/withdraw/(\d+)", admin.get("/members/list/").text)
    assert number
    operator = visitor(app, roles.PLATFORM_ADMINISTRATOR)
    operator.post(f"/accounts/withdraw/{number[1]}", "/accounts/list/")
    assert stranger.get(second).status_code == 200  # it is not the platform's
    admin.post(f"/members/withdraw/{number[1]}", "/members/list/")
    assert stranger.get(second).status_code == 404
    third = invited(admin, "zara@example.org")
    house.clock = lambda: datetime.now(UTC) + timedelta(days=7, seconds=1)
    assert stranger.get(third).status_code == 404


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
