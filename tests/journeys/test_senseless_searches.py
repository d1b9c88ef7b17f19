"""Searches of the action log that make no sense: each fault stands beside its field, and nothing passes for found."""

import html
import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from connectpulse.core.services import records
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import AuditEntry, AuditSearch, ContactList
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.web.security import roles

from .panel_scene import Visitor, panel, visitor

TODAY = datetime.now(UTC).date()
LATER = (TODAY + timedelta(days=3)).isoformat()


@pytest.fixture
def app(house: House, organisation: int) -> Flask:
    made = panel(house, organisation)
    with house.work(ADMINISTRATOR, organisation) as work:
        records.create(work, ContactList(name="Spring"), "list.created")
    return made


@pytest.fixture
def auditor(app: Flask) -> Visitor:
    return visitor(app, roles.AUDITOR)


def faults(page: str) -> dict[str, str]:
    """Return what is said beside the fields, by field; each is tied to a field that is marked."""
    found = re.findall(r'<span class="fault" dir="auto" id="fault-(\w+)">([^<]*)</span>', page)
    for name, _ in found:
        assert re.search(rf'name="{name}"[^>]* aria-invalid="true" aria-describedby="fault-{name}"', page), name
    return {name: html.unescape(said) for name, said in found}


def told(page: str) -> list[str]:
    return re.findall(r'<a href="/audit/show/[^"]*">([^<]*)</a>', page)


@pytest.mark.parametrize(
    ("query", "field", "says"),
    [
        ("from=2026-13-45", "from", "“2026-13-45” is no day. Write it like"),
        ("until=yesterday", "until", "“yesterday” is no day"),
        (f"until={LATER}", "until", f"{LATER} is still to come. Write"),
        (f"from={LATER}", "from", f"{LATER} is still to come. Write"),
        ("until=0001-01-01", "until", "No log is older than 2025-01-01. Write that day or a later one."),
        ("from=2025-03-02&until=2025-03-01", "until", "The end lies before the beginning. Write 2025-03-02 or a later"),
        ("verb=list.eaten", "verb", "There is no verb “list.eaten”. Choose one"),
        ("area=nothing", "area", "Nothing is about “nothing”. Choose one of the list."),
    ],
)
def test_what_makes_no_sense_is_said_beside_its_field(auditor: Visitor, query: str, field: str, says: str) -> None:
    answer = auditor.get(f"/audit/list/?{query}")
    assert answer.status_code == 200
    said = faults(answer.text)
    assert list(said) == [field]
    assert says in said[field]
    assert told(answer.text) == [], "a search that was not made found something"
    assert "Nothing was searched for" in answer.text


def test_every_fault_is_told_at_once(auditor: Visitor) -> None:
    page = auditor.get(f"/audit/list/?from=x&until={LATER}&verb=a.b&area=c").text
    assert set(faults(page)) == {"from", "until", "verb", "area"}


def test_names_of_nobody_and_nothing_are_told(auditor: Visitor) -> None:
    said = faults(auditor.get("/audit/list/?q=Zebedee&on=Winter").text)
    assert "Nobody whose name begins with “Zebedee” did anything in these days." in said["q"]
    assert "Nothing called “Winter”, nor with that number, was touched in these days." in said["on"]
    page = auditor.get("/audit/list/?q=Zebedee&on=Spring").text
    assert list(faults(page)) == ["q"]
    assert "Nothing fits this search." in page
    sense = auditor.get("/audit/list/?on=Spring&area=member")
    assert faults(sense.text) == {}
    assert "Nothing fits this search." in sense.text


def test_a_search_that_makes_sense_is_answered_as_before(auditor: Visitor) -> None:
    page = auditor.get(f"/audit/list/?from={TODAY}&verb=list.created&on=spring&q=amina&area=list").text
    assert faults(page) == {}
    assert told(page) == ["Amina Administrator created the list Spring."]


def test_a_verb_of_a_plugin_that_is_gone_is_found(house: House, organisation: int, auditor: Visitor) -> None:
    action = house.registry.actions.pop("list.created")
    try:
        page = auditor.get("/audit/list/?verb=list.created").text
    finally:
        house.registry.actions["list.created"] = action
    assert faults(page) == {}
    assert len(told(page)) == 1


def test_nothing_is_taken_along_or_kept_of_what_makes_no_sense(house: House, auditor: Visitor) -> None:
    answer = auditor.post("/audit/export?from=x&area=list", "/audit/list/", follow_redirects=True)
    assert answer.mimetype == "text/html"
    assert "“x” is no day" in faults(answer.text)["from"]
    auditor.post("/audit/keep?verb=a.b", "/audit/list/", {"name": "Senseless"})
    with house.work(ADMINISTRATOR) as work, guard.platform_scope(work.session, "test"):
        assert list(work.session.scalars(select(AuditSearch))) == []
        assert "audit.exported" not in work.session.scalars(select(AuditEntry.verb)).all()
