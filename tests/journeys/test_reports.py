"""Pages that show what would otherwise be lost: plugins' reports, stray messages, own words for an opt-out."""

import io
from collections.abc import Sequence
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from connectpulse.core.domain.faces import Report
from connectpulse.core.services import imports, jobs
from connectpulse.core.services.work import Work
from connectpulse.core.storage.models import Organisation, StrayMessage
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.web.security import roles

from .panel_scene import panel, visitor


def rows(work: Work, limit: int) -> Sequence[Sequence[Any]]:
    return [(work.clock(), work.organisation_id, "=1+1 <b>", None)][:limit]


@pytest.fixture
def app(house: House, organisation: int) -> Flask:
    house.registry.reports["acme_calls"] = Report("acme_calls", "Calls by day", ("Day", "Calls", "Note", "Left"), rows)
    return panel(house, organisation)


def test_a_report_is_a_page_and_a_file(app: Flask, organisation: int) -> None:
    person = visitor(app, roles.ANALYST)
    assert "Calls by day" in person.get("/reports/").text
    page = person.get("/reports/show/acme_calls")
    assert page.status_code == 200
    assert "=1+1 &lt;b&gt;" in page.text
    file = person.get("/reports/download/acme_calls")
    assert file.mimetype == "text/csv"
    first, second = file.text.lstrip("\ufeff").splitlines()
    assert first == "Day,Calls,Note,Left"
    assert second.endswith(f",{organisation},'=1+1 <b>,")
    assert person.get("/reports/show/nothing").status_code == 404
    assert person.get("/reports/download/nothing").status_code == 404


def test_stray_messages_are_read_by_those_who_run_the_platform(app: Flask, house: House) -> None:
    with house.work(ADMINISTRATOR) as work:
        said = {"connection_id": 1, "channel": "sms", "recipient": "8558", "body": "Stop", "received_at": work.clock()}
        work.session.add(StrayMessage(address="+923001234567", is_opt_out=True, owners=2, **said))
    person = visitor(app, roles.PLATFORM_ADMINISTRATOR)
    assert "+923001234567" in person.get("/strays/list/?kind=stop").text
    assert "+923001234567" not in person.get("/strays/list/?kind=reply").text
    with house.work(ADMINISTRATOR) as work:
        stray = work.session.scalars(select(StrayMessage.id)).one()
    assert "All of them stopped writing" in person.get(f"/strays/show/{stray}").text
    assert visitor(app, roles.ORGANISATION_ADMINISTRATOR).get("/strays/list/").status_code in (302, 403)


def test_an_organisation_says_what_means_stop(app: Flask, house: House, organisation: int) -> None:
    person = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    fields = {"name": "Ours", "country": "PK", "timezone": "Asia/Karachi", "replaces_opt_out_words": "y"}
    answer = person.post("/settings/", "/settings/", {**fields, "opt_out_words": " , "})
    assert answer.status_code == 422
    assert "write at least one" in answer.text
    words = {"opt_out_words": "bas, rukk", "opt_out_reply": "Done.", "opt_out_reply_ur": "ٹھیک ہے"}
    assert person.post("/settings/", "/settings/", fields | words).status_code == 302
    with house.work(ADMINISTRATOR, organisation) as work:
        row = work.session.get_one(Organisation, organisation)
        assert row.opt_out_words == ["bas", "rukk"]
        assert row.replaces_opt_out_words
        assert row.opt_out_replies == {"en": "Done.", "ur": "ٹھیک ہے"}
    assert "ٹھیک ہے" in person.get("/settings/").text


def test_a_sign_that_only_looks_like_a_digit_breaks_no_form(app: Flask) -> None:
    person = visitor(app, roles.ORGANISATION_ADMINISTRATOR)
    for odd in ("²", "٣", "9" * 40):
        fields = {"name": "", "channel": "sms", "purpose": "promotional", "list_ids": odd, "template_id": odd}
        assert person.post("/campaigns/add", "/campaigns/add", fields).status_code == 422


def test_an_import_says_how_many_of_its_faults_are_kept(
    app: Flask, house: House, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "FAULTS_KEPT", 3)
    with house.work(ADMINISTRATOR, organisation) as work:
        given = imports.upload(work, "p.csv", io.BytesIO(b"phone\n" + b"nonsense\n" * 5))
        imports.start(work, given.id, ["address:phone"], new_list="All")
        import_id = given.id
    while True:
        with house.work(ADMINISTRATOR) as work:
            due = jobs.due(work)
        if not due:
            break
        for job_id in due:
            jobs.run(house.work, job_id, "test-worker")
    page = visitor(app, roles.CAMPAIGN_MANAGER).get(f"/imports/show/{import_id}").text
    assert "The first 3 as a file" in page
    assert "5 rows were not taken; the first 3 are kept" in page
    assert "All of them" not in page
