"""Files in the panel: uploaded on their page or in a form, offered again, saved and never opened, theirs alone."""

import io
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from connectpulse.core.services import files, templates
from connectpulse.core.storage.models import File, Template
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.web.security import roles
from tests.journeys.panel_scene import Visitor, panel, visitor
from tests.plugins.poster import PDF, PNG

ADD = "/templates/add?channel=poster"


@pytest.fixture
def organisation(poster_house: House) -> int:
    return factories.organisation(poster_house)


@pytest.fixture
def app(poster_house: House, organisation: int) -> Flask:
    return panel(poster_house, organisation)


@pytest.fixture
def manager(app: Flask) -> Visitor:
    return visitor(app, roles.CAMPAIGN_MANAGER)


def sent(content: bytes = PNG, name: str = "logo.png") -> tuple[io.BytesIO, str]:
    return io.BytesIO(content), name


def kept(house: House, organisation: int, content: bytes = PNG, name: str = "logo.png") -> int:
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        return files.keep(work, name, content).id


def newest(house: House, organisation: int) -> dict[str, Any]:
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        last = work.session.scalars(select(Template.id).order_by(Template.id.desc()).limit(1)).one()
        return templates.current(work, last).content


def names(house: House, organisation: int) -> set[str]:
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        return set(work.session.scalars(select(File.name)))


def test_files_are_uploaded_listed_and_deleted(manager: Visitor, poster_house: House, organisation: int) -> None:
    assert manager.post("/files/add", "/files/add").status_code == 422
    mixed = manager.post("/files/add", "/files/add", {"file": [sent(), sent(PNG, "offer.pdf"), sent(b"", "none.txt")]})
    assert mixed.status_code == 422
    assert "none.txt: this file is empty." in mixed.text
    assert "offer.pdf: this should be application/pdf, but what is in it is image/png." in mixed.text
    done = manager.post("/files/add", "/files/add", {"file": [sent(PDF, "offer.pdf")]}, follow_redirects=True)
    assert "The file is kept." in done.text
    assert names(poster_house, organisation) == {"logo.png", "offer.pdf"}
    page = manager.get("/files/list/?kind=image/&q=logo").text
    assert "logo.png" in page
    assert "offer.pdf" not in page
    assert "139 bytes of 1,024 MB are in use." in page
    pk = kept(poster_house, organisation, PDF, "offer.pdf")
    manager.post(f"/files/delete/{pk}", f"/files/show/{pk}")
    assert names(poster_house, organisation) == {"logo.png"}


def test_a_file_is_saved_and_never_opened(manager: Visitor, poster_house: House, organisation: int) -> None:
    html = kept(poster_house, organisation, b"<script>alert(1)</script>", 'سلام "x".html')
    answer = manager.get(f"/files/download/{html}")
    assert answer.get_data() == b"<script>alert(1)</script>"
    assert answer.headers["Content-Disposition"].startswith("attachment; ")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"


def test_a_template_takes_new_files_and_old_ones_without_a_script(
    manager: Visitor, poster_house: House, organisation: int
) -> None:
    old = kept(poster_house, organisation, PDF, "offer.pdf")
    page = manager.get(ADD).text
    assert f'<option value="{old}">offer.pdf (' in page
    assert 'formenctype="multipart/form-data"' in page
    form = {"name": "Spring", "body": "Salaam", "leaflets": ["", str(old)], "upload-picture": sent()}
    assert manager.post(ADD, ADD, form).status_code == 302
    picture = kept(poster_house, organisation)
    assert newest(poster_house, organisation) == {"body": "Salaam", "picture": picture, "leaflets": [old]}


def test_files_are_taken_out_and_put_in(manager: Visitor, poster_house: House, organisation: int) -> None:
    picture, old = kept(poster_house, organisation), kept(poster_house, organisation, PDF, "offer.pdf")
    with poster_house.work(factories.ADMINISTRATOR, organisation) as work:
        content = {"body": "Salaam", "picture": picture, "leaflets": [old]}
        pk = templates.create(work, "Spring", "poster", content).id
    page = f"/templates/edit/{pk}"
    assert f'value="{picture}" checked' in manager.get(page).text
    form = {"name": "Spring", "body": "Salaam", "picture": [str(picture), ""], "upload-leaflets": sent(PNG + b"2")}
    assert manager.post(page, page, form).status_code == 302
    assert newest(poster_house, organisation) == {
        "body": "Salaam", "picture": picture, "leaflets": [kept(poster_house, organisation, PNG + b"2")],
    }  # fmt: skip
    manager.post(page, page, {"name": "Spring", "body": "Salaam"})
    assert newest(poster_house, organisation) == {"body": "Salaam", "picture": None, "leaflets": []}
    refused = manager.post(page, page, {"name": "Spring", "body": "Salaam", "picture": str(old)})
    assert refused.status_code == 422
    assert "Picture: offer.pdf is application/pdf; this must be image/*." in refused.text


def test_a_fault_elsewhere_loses_no_upload(manager: Visitor, poster_house: House, organisation: int) -> None:
    form = {"name": "Spring", "body": "", "upload-picture": sent(), "upload-leaflets": [sent(PNG, "offer.pdf")]}
    answer = manager.post(ADD, ADD, form)
    assert answer.status_code == 422
    assert f'value="{kept(poster_house, organisation)}" checked' in answer.text
    assert "Leaflets: offer.pdf: this should be application/pdf" in answer.text


def test_a_file_is_kept_as_soon_as_it_is_chosen(manager: Visitor, poster_house: House, organisation: int) -> None:
    form = {"upload-leaflets": [sent(PDF, "offer.pdf"), sent(PNG, "x.pdf")]}
    answer = manager.post("/files/upload/leaflets", ADD, form)
    assert f'name="leaflets" value="{kept(poster_house, organisation, PDF, "offer.pdf")}" checked' in answer.text
    assert "x.pdf: this should be application/pdf" in answer.text


def test_what_is_used_says_by_what(manager: Visitor, poster_house: House, organisation: int) -> None:
    picture = kept(poster_house, organisation)
    with poster_house.work(factories.ADMINISTRATOR, organisation) as work:
        templates.create(work, "Spring", "poster", {"body": "Salaam", "picture": picture})
    page = f"/files/show/{picture}"
    assert "the template Spring" in manager.get(page).text
    answer = manager.post(f"/files/delete/{picture}", page, follow_redirects=True)
    assert "logo.png is used by the template Spring. Take it out there first." in answer.text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"logo.png (70 bytes)", "offer.pdf (69 bytes)"}),
        ("accept=image/*", {"logo.png (70 bytes)"}),
        ("accept=application/pdf,image/png", {"logo.png (70 bytes)", "offer.pdf (69 bytes)"}),
        ("most=69", {"offer.pdf (69 bytes)"}),
        ("q=off", {"offer.pdf (69 bytes)"}),
        ("most=x&accept=%25/*", set()),
    ],
)  # fmt: skip
def test_files_that_fit_are_found(
    manager: Visitor, poster_house: House, organisation: int, query: str, found: set[str]
) -> None:
    kept(poster_house, organisation)
    kept(poster_house, organisation, PDF, "offer.pdf")
    kept(poster_house, factories.organisation(poster_house), b"theirs", "theirs.txt")
    told = manager.get(f"/files/lookup?{query}").get_json()["results"]
    assert {each["text"] for each in told} == found


def test_how_a_draft_looks_is_a_document_without_rights(
    manager: Visitor, poster_house: House, organisation: int
) -> None:
    picture = kept(poster_house, organisation)
    form = {"body": "<Salaam>" + "x" * 100_000, "picture": str(picture)}
    answer = manager.post("/templates/document/poster", ADD, form)
    assert "<h1>&lt;Salaam&gt;x" in answer.text
    assert "data:image/png;base64," in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'; ")
    assert "frame-ancestors 'self'" in policy
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    around = manager.get(ADD).headers
    assert "frame-src 'self'" in around["Content-Security-Policy"]
    assert around["X-Frame-Options"] == "DENY"
    assert manager.post("/templates/document/pigeon", ADD).status_code == 404


def test_how_a_template_looks_is_shown_on_its_page(
    manager: Visitor, app: Flask, poster_house: House, organisation: int
) -> None:
    with poster_house.work(factories.ADMINISTRATOR, organisation) as work:
        pk = templates.create(work, "Spring", "poster", {"body": "Salaam"}).id
    assert f'<iframe sandbox="" src="/templates/shown/{pk}"' in manager.get(f"/templates/show/{pk}").text
    assert "<h1>Salaam</h1>" in manager.get(f"/templates/shown/{pk}").text
