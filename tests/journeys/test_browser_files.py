"""Files and the look of a content in a real browser: chosen, seen at once, at two widths, in a frame without rights."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from connectpulse.core.services import templates
from connectpulse.core.storage.models import Template
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.web.security import roles
from tests.journeys import browsing, live
from tests.journeys.browsing import Person
from tests.journeys.panel_scene import panel
from tests.plugins.poster import PDF, PNG

pytestmark = pytest.mark.peer("chromium")


@pytest.fixture
def address(poster_house: House) -> Iterator[str]:
    app = panel(poster_house, factories.organisation(poster_house))
    with live.served(app) as address:
        yield address


@pytest.fixture
def pictures(tmp_path: Path) -> tuple[Path, Path]:
    for name, content in (("logo.png", PNG), ("offer.pdf", PDF)):
        (tmp_path / name).write_bytes(content)
    return tmp_path / "logo.png", tmp_path / "offer.pdf"


def upload_one(person: Person, leaflet: Path) -> None:
    person.open("/files/list/")
    person.shoot("files-none")
    person.follow("Upload files")
    person.page.get_by_label("Files", exact=True).set_input_files(leaflet)
    person.shoot("file-upload")
    person.press("Upload")
    person.sees("The file is kept.")
    person.shoot("files")
    person.follow("offer.pdf")
    person.sees("Used by")
    person.shoot("file")


def write(person: Person, logo: Path) -> None:
    page = person.page
    person.open("/templates/add?channel=poster")
    person.fill("Name", "Spring")
    person.fill("Text", "Salaam")
    seen = page.frame_locator(".look iframe:only-child")
    expect(seen.get_by_role("heading")).to_have_text("Salaam")
    expect(seen.get_by_role("heading")).to_have_css("color", "rgb(1, 2, 3)")
    page.get_by_label("Upload for Picture").set_input_files(logo)
    expect(page.get_by_label("logo.png")).to_be_checked()
    expect(seen.get_by_role("presentation")).to_have_js_property("naturalWidth", 1)
    person.choose("A file kept before, for Leaflets", "offer.pdf")
    expect(page.locator("#preview")).to_contain_text("1")
    person.shoot("template-form")


def switch(person: Person) -> None:
    page = person.page
    frame = page.locator(".look iframe")
    person.press("Desktop")
    assert page.evaluate("document.querySelector('.look iframe').offsetWidth") == 1000
    person.press("Phone")
    assert page.evaluate("document.querySelector('.look iframe').offsetWidth") == 390
    box, room = frame.bounding_box(), page.locator(".look-room").bounding_box()
    assert box is not None
    assert room is not None
    assert room["x"] - 1 <= box["x"] <= box["x"] + box["width"] <= room["x"] + room["width"] + 1
    person.shoot("template-form-phone")


@pytest.mark.parametrize(("size", "theme"), [(browsing.PHONE, "dark")])
def test_a_poster_is_written(
    poster_house: House, address: str, chromium: Browser, pictures: tuple[Path, Path], size: dict[str, int], theme: str
) -> None:
    with browsing.person(chromium, address, size, theme) as somebody:
        somebody.sign_in(roles.CAMPAIGN_MANAGER)
        upload_one(somebody, pictures[1])
        write(somebody, pictures[0])
        switch(somebody)
        history = somebody.page.evaluate("history.length")
        somebody.fill("Text", "Khuda hafiz")
        seen = somebody.page.frame_locator(".look iframe:only-child")
        expect(seen.get_by_role("heading")).to_have_text("Khuda hafiz")
        assert somebody.page.evaluate("history.length") == history
        assert somebody.page.frames[-1].evaluate("self.origin") == "null"
        somebody.press("Save")
        somebody.sees("Version 1")
        shown = somebody.page.frame_locator(".look iframe")
        expect(shown.get_by_role("heading")).to_have_text("Khuda hafiz")
        assert somebody.page.frames[-1].title() == "Poster", "no script ran"
        somebody.shoot("template")
        somebody.complaints[:] = [each for each in somebody.complaints if not _is_the_script(each)]
    with poster_house.work(factories.ADMINISTRATOR, 1) as work:
        content = templates.current(work, work.session.query(Template).one().id).content
    assert content["picture"]
    assert len(content["leaflets"]) == 1


def _is_the_script(complaint: str) -> bool:
    """Return whether a complaint is about the script of the poster, which may not run."""
    return complaint.startswith("Blocked script execution in") and "sandboxed" in complaint
