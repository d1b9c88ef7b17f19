"""The auditors' page: searching by who, what, on what and when; what changed; whether it holds; what is taken along."""

import hashlib
import io
import json
import re
import zipfile
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from connectpulse.core.services import audit, jobs, records
from connectpulse.core.services.action_log import denials
from connectpulse.core.services.work import SYSTEM
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import AuditEntry, AuditSearch, ContactList
from connectpulse.core.storage.stores import places
from connectpulse.core.storage.trust import trust, unsealed
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.web.security import roles

from .panel_scene import Visitor, panel, visitor


@pytest.fixture
def app(house: House, organisation: int, tmp_path: Path) -> Flask:
    places.set(archive=str(tmp_path), backup=str(tmp_path), ledger=str(tmp_path))
    made = panel(house, organisation)
    with house.work(ADMINISTRATOR, organisation) as work:
        row = records.create(work, ContactList(name="Spring"), "list.created")
        row.name = "Spring offers"
        records.update(work, row, "list.updated")
        records.create(work, ContactList(name="Autumn"), "list.created")
    return made


@pytest.fixture
def auditor(app: Flask) -> Visitor:
    return visitor(app, roles.AUDITOR)


def told(page: str) -> list[str]:
    """Return the sentences of a page of the log."""
    return re.findall(r'<a href="/audit/show/[^"]*">([^<]*)</a>', page)


def verbs(house: House) -> list[str]:
    with house.work(ADMINISTRATOR) as work, guard.platform_scope(work.session, "test"):
        return list(work.session.scalars(select(AuditEntry.verb).order_by(AuditEntry.id)))


def test_acts_are_found_by_who_what_on_what_and_when(auditor: Visitor) -> None:
    assert "Amina Administrator created the list Spring." in told(auditor.get("/audit/list/").text)
    for query, count in (
        ("on=spring", 2),
        ("on=Autumn", 1),
        ("q=amina&area=list", 3),
        ("q=Zara", 0),
        ("on=x", 0),
        ("verb=list.updated", 1),
    ):
        found = told(auditor.get(f"/audit/list/?{query}").text)
        assert len([each for each in found if "list" in each]) == count, query
    assert told(auditor.get("/audit/list/?until=2025-06-30").text) == []
    assert told(auditor.get("/audit/list/?from=2025-01-01&area=list").text) != []
    for nonsense in ("from=x", "until=0001-01-01", "from=9999-12-31", "until=9999-12-30", "on=%00", "from=2026-13-45"):
        assert auditor.get(f"/audit/list/?{nonsense}").status_code == 200, nonsense


def test_what_was_changed_stands_side_by_side(auditor: Visitor) -> None:
    page = auditor.get("/audit/list/?on=Spring offers").text
    shown = auditor.get(re.findall(r'href="(/audit/show/[^"]*)"', page)[0]).text
    assert "<del>Spring</del>" in shown
    assert "<ins>Spring offers</ins>" in shown


def test_the_log_is_verified_at_a_click(house: House, auditor: Visitor) -> None:
    assert "not verified yet" in auditor.get("/audit/list/").text
    assert auditor.post("/audit/check", "/audit/list/").status_code == 302
    assert "verifying" in auditor.get("/audit/progress").text
    with house.work(SYSTEM) as work:
        waiting = jobs.due(work)
    for job in waiting:
        jobs.run(house.work, job, "test")
    done = auditor.get("/audit/progress").text
    assert "Verified until" in done
    assert "hx-get" not in done
    assert "audit.verified" in verbs(house)
    assert "not verified yet" in auditor.get("/audit/list/?of=platform").text


def test_what_is_found_is_taken_along_signed(house: House, auditor: Visitor) -> None:
    answer = auditor.post("/audit/export?area=list&on=Spring", "/audit/list/")
    assert answer.mimetype == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        lines = archive.read("entries.jsonl")
        manifest = unsealed(json.loads(archive.read("manifest.json")), trust.public_key)
    assert hashlib.sha256(lines).hexdigest() == manifest["sha256"]
    assert [json.loads(line)["verb"] for line in lines.splitlines()] == ["list.created", "list.updated"]
    assert manifest["search"] == {"area": "list", "on": "Spring"}
    assert verbs(house)[-1] == "audit.exported"


def test_searches_are_kept_for_their_reader_alone(house: House, app: Flask, auditor: Visitor) -> None:
    kept = {"name": "Lists of spring"}
    auditor.post("/audit/keep?area=list&on=Spring", "/audit/list/", kept)
    assert '/audit/list/?on=Spring&amp;area=list">Lists of spring</a>' in auditor.get("/audit/list/").text
    other = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    assert ">Lists of spring</a>" not in other.get("/audit/list/").text
    with house.work(ADMINISTRATOR) as work:
        number = work.session.scalars(select(AuditSearch.id)).one()
    assert other.post(f"/audit/drop/{number}", "/audit/list/").status_code == 404
    assert auditor.post(f"/audit/drop/{number}", "/audit/list/").status_code == 302
    assert ">Lists of spring</a>" not in auditor.get("/audit/list/").text
    auditor.post("/audit/keep", "/audit/list/", {"name": "All"})
    assert "Search for something first" in auditor.get("/audit/list/").text


def test_what_a_reader_sees_of_people_is_written_down_once_a_page(house: House, organisation: int, app: Flask) -> None:
    with house.work(ADMINISTRATOR, organisation) as work:
        made = factories.contact(work, "+923001234567", "Zara").id
    person = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    before = len(verbs(house))
    for url in (f"/contacts/show/{made}", "/contacts/list/?q=03001234567", "/messages/list/", "/replies/list/",
                "/members/list/", "/lists/list/", "/"):  # fmt: skip
        assert person.get(url).status_code == 200
    seen = ["contact.read", "contact.listed", "message.listed", "reply.listed", "member.listed"]
    assert verbs(house)[before:] == seen
    with house.work(ADMINISTRATOR, organisation) as work:
        entry = work.session.scalars(select(AuditEntry).where(AuditEntry.verb == "contact.listed")).one()
        assert entry.detail == {"page": "ContactView.list", "searched": True}
        read = work.session.scalars(select(AuditEntry).where(AuditEntry.verb == "contact.read")).one()
        assert (read.object_id, read.actor_name) == (str(made), "Admin Tester")


def test_what_is_denied_or_refused_is_written_down_and_a_flood_is_counted(
    house: House, organisation: int, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(denials, "MINUTE", 1e9)
    with house.work(ADMINISTRATOR, factories.organisation(house)) as work:
        foreign = factories.contact(work, "+923001234567", "Hers").id
    person = visitor(app, roles.CAMPAIGN_MANAGER)
    before = len(verbs(house))
    assert person.get(f"/contacts/show/{foreign}").status_code == 404
    assert person.get("/members/list/").status_code == 403
    assert person.post("/lists/add", "/lists/add", {"name": "Autumn"}).status_code == 422
    assert verbs(house)[before:] == ["access.denied", "access.denied", "act.refused"]
    for _ in range(40):
        person.get(f"/contacts/show/{foreign}")
    assert verbs(house)[before:].count("access.denied") <= 20
    with house.work(ADMINISTRATOR, organisation) as work:
        denied = select(AuditEntry).where(AuditEntry.verb == "access.denied").order_by(AuditEntry.id)
        first = work.session.scalars(denied).first()
        assert first is not None
        assert (first.object_type, first.object_id, first.detail["status"]) == ("Contact", str(foreign), "404")


def test_a_forged_callback_is_written_down(house: House, app: Flask) -> None:
    assert app.test_client().post("/callbacks/77/guessed", data=b"{}").status_code == 404
    assert verbs(house)[-1] == "callback.forged"


def test_a_name_that_was_forgotten_reads_as_somebody(house: House, organisation: int, auditor: Visitor) -> None:
    from connectpulse.core.domain.retention import Subject

    with house.work(SYSTEM, organisation) as work:
        work.registry.subjects["pulse_audit"].erase(work, Subject(organisation, user_id=1))
        audit.record(work, "audit.verified")
    page = auditor.get("/audit/list/").text
    assert "Amina" not in page
    assert "Somebody created the list Spring." in page
