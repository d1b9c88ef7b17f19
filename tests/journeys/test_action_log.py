"""The action log as it is read in the panel: an organisation's acts, and the platform's own."""

import html
import io
import re

import pytest
from flask import Flask
from sqlalchemy import delete, func, select

from connectpulse.core.domain.audit import AuditAction
from connectpulse.core.services import audit, connections, contacts, records, suppressions, templates
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import AuditEntry, ContactList, Membership, Organisation
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.web.panel.noun import PAGE
from connectpulse.web.security import roles

from .panel_scene import panel, visitor

PLATFORM = "/audit/list/?of=platform"


@pytest.fixture
def app(house: House, organisation: int) -> Flask:
    made = panel(house, organisation)
    with house.work(ADMINISTRATOR, organisation) as work:
        records.create(work, ContactList(name="Customers"), "list.created")
    with house.work(ADMINISTRATOR) as work:
        for _ in range(PAGE + 1):
            audit.record(work, "platform.keys_rotated", rows=1)
    return made


def links(page: str) -> dict[str, str]:
    """Return the links of a page: where each leads, by its words."""
    found = re.findall(r'<a [^>]*href="([^"]*)"[^>]*>(.*?)</a>', page, re.DOTALL)
    return {re.sub("<[^>]*>", "", words).strip(): html.unescape(address) for address, words in found}


@pytest.mark.parametrize("role", [roles.PLATFORM_ADMINISTRATOR, roles.AUDITOR])
def test_both_logs_are_a_tab_away_from_each_other(app: Flask, role: str) -> None:
    person = visitor(app, role)
    ours = person.get("/audit/list/").text
    assert "created the list Customers" in ours
    assert "encrypted the stored credentials" not in ours
    theirs = person.get(links(ours)["The platform"]).text
    assert "encrypted the stored credentials" in theirs
    assert "created the list Customers" not in theirs
    assert "created the list Customers" in person.get(links(theirs)["This organisation"]).text


def test_an_act_of_the_platform_opens_and_leads_back(app: Flask) -> None:
    person = visitor(app, roles.AUDITOR)
    act = links(person.get(PLATFORM).text)["Amina Administrator encrypted the stored credentials anew."]
    shown = person.get(act)
    assert shown.status_code == 200
    assert "platform.keys_rotated" in shown.text
    assert links(shown.text)["Action log"] == PLATFORM


def test_searching_and_paging_stay_with_the_platform(app: Flask) -> None:
    person = visitor(app, roles.AUDITOR)
    page = person.get(PLATFORM).text
    assert '<input type="hidden" name="of" value="platform">' in page
    assert "of=platform" in links(page)["Older"]
    narrowed = person.get(f"{PLATFORM}&q=Amina&area=platform").text
    assert f"{PAGE + 1} acts" in narrowed
    assert "signed in" not in narrowed
    assert links(narrowed)["Clear"] == PLATFORM


def test_acts_are_chosen_by_what_any_declared_verb_is_about(house: House, organisation: int, app: Flask) -> None:
    house.registry.actions["sms.measured"] = AuditAction("sms.measured", "{actor} measured a text.")
    with house.work(ADMINISTRATOR, organisation) as work:
        audit.record(work, "sms.measured")
    person = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    page = person.get("/audit/list/").text
    offered = set(re.findall(r'<option value="(\w+)"', page))
    assert {verb.partition(".")[0] for verb in house.registry.actions} <= offered
    assert {"field", "sms", "campaign"} <= offered
    assert ">SMS</option>" in page
    narrowed = person.get("/audit/list/?area=sms").text
    assert "measured a text" in narrowed
    assert "created the list" not in narrowed


def test_acts_name_what_a_person_knows(house: House, organisation: int, app: Flask) -> None:
    admin, operator = visitor(app, roles.ORGANISATION_ADMINISTRATOR), visitor(app, roles.PLATFORM_ADMINISTRATOR)
    form = {"email": "zara@example.org", "first_name": "Zara", "role": roles.ANALYST}
    link = re.search(r"/invitation/[\w-]{43}", admin.post("/members/add", "/members/add", form).text)
    assert link
    chosen = dict.fromkeys(("password", "again"), "four random words")
    visitor(app).post(link[0], link[0], {"first_name": "Zara", "last_name": "Khan", **chosen})
    with house.work(ADMINISTRATOR, organisation) as work:
        latest = work.session.scalar(select(func.max(Membership.id)))
    admin.post(f"/members/edit/{latest}", f"/members/edit/{latest}", {"role": roles.APPROVER})
    admin.post(f"/members/delete/{latest}", "/profile/")
    file = (io.BytesIO(b"Phone,Town\n03001234567,Lahore\n"), "spring.csv")
    admin.post("/imports/add", "/imports/add", {"file": file}, content_type="multipart/form-data")
    with house.work(ADMINISTRATOR, organisation) as work:
        contacts.create_field(work, "Home town")
        made = templates.create(work, "Greeting", "sms", {"body": "Hello"})
        templates.revise(work, made.id, {"body": "Hello"}, "Salaam")
        templates.archive(work, made.id)
        templates.archive(work, made.id, is_archived=False)
    with house.work(ADMINISTRATOR) as work:
        line = connections.create(work, "Trial line", "simulator", {})
        connections.create_route(work, line.id, prefix="+92300", sender="Pulse")
    told = {*links(admin.get("/audit/list/").text), *links(operator.get(PLATFORM).text)}
    assert {
        "Admin Tester sent an invitation.",
        "Zara Khan accepted an invitation.",
        "Zara Khan added the member zara@example.org (Analyst).",
        "Admin Tester changed the role of the member zara@example.org (Approver).",
        "Admin Tester removed the member zara@example.org (Approver).",
        "Admin Tester uploaded the file spring.csv.",
        "Amina Administrator added the contact field Home town.",
        "Amina Administrator changed the template Salaam.",
        "Amina Administrator archived the template Salaam.",
        "Amina Administrator took the template Salaam out of the archive.",
        "Amina Administrator added the route for +92300… from Pulse over Trial line.",
    } <= told


def test_the_object_of_an_act_is_told_once(house: House, organisation: int, app: Flask) -> None:
    with house.work(ADMINISTRATOR, organisation) as work:
        suppressions.add_by_hand(work, "phone", "+923001234567", "*", "*", "manual")
    person = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    pages = links(person.get("/audit/list/").text)
    shown = person.get(pages["Amina Administrator created the list Customers."]).text
    assert re.search(
        r'<dt>About</dt><dd>(?:<bdi>)?<a href="/lists/show/1">Contact list Customers</a>(?:</bdi>)?</dd>', shown
    )
    shown = person.get(pages["Amina Administrator suppressed an address."]).text
    assert re.search(
        r'<dt>About</dt><dd>(?:<bdi>)?<a href="/suppressions/show/1">Suppression 1</a>(?:</bdi>)?</dd>', shown
    )


def test_what_an_act_was_about_is_followed_only_where_one_may(house: House, organisation: int, app: Flask) -> None:
    with house.work(ADMINISTRATOR, organisation) as work:
        gone = records.create(work, ContactList(name="Gone"), "list.created")
        work.session.flush()
        records.delete(work, gone, "list.deleted")
    with house.work(ADMINISTRATOR) as work:
        connections.create(work, "Trial line", "simulator", {})
    admin = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    page = admin.get("/audit/list/").text
    assert links(page)["Contact list Customers"] == "/lists/show/1"
    assert "Contact list Gone" in page
    assert "Contact list Gone" not in links(page), "leads to what is no more"
    operator = visitor(app, roles.PLATFORM_ADMINISTRATOR)
    theirs = links(operator.get(PLATFORM).text)
    assert operator.get(theirs["Connection Trial line"]).status_code == 200
    told = visitor(app, roles.AUDITOR)
    for words, address in links(told.get("/audit/list/").text).items():
        if words.startswith(("Contact list", "User", "Organisation")):
            assert told.get(address).status_code == 200, words


def test_an_organisations_act_is_not_shown_as_the_platforms(house: House, organisation: int, app: Flask) -> None:
    with house.work(ADMINISTRATOR, organisation) as work:
        entry = work.session.scalar(select(AuditEntry.id).where(AuditEntry.verb == "list.created"))
    person = visitor(app, roles.AUDITOR)
    assert person.get(f"/audit/show/{entry}").status_code == 200
    assert person.get(f"/audit/show/{entry}?of=platform").status_code == 404


def test_who_holds_no_role_on_the_platform_reads_their_organisations_log(app: Flask) -> None:
    person = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    page = person.get(PLATFORM).text
    assert "created the list Customers" in page
    assert "encrypted the stored credentials" not in page
    assert "The platform" not in links(page)


def test_without_an_organisation_the_platforms_log_is_shown(house: House, app: Flask) -> None:
    person = visitor(app, roles.PLATFORM_ADMINISTRATOR)
    with house.work(ADMINISTRATOR) as work, guard.platform_scope(work.session, "test"):
        work.session.execute(delete(Organisation))
    page = person.get("/audit/list/").text
    assert "encrypted the stored credentials" in page
    assert "This organisation" not in links(page)
    assert links(page)["The platform"] == PLATFORM
    assert "rotated" in person.get(links(page)["Amina Administrator encrypted the stored credentials anew."]).text
