"""The page of backups: an administrator makes one and watches, an auditor reads, and takes the evidence."""

import io
import re
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from connectpulse.commands import backups
from connectpulse.core.services.backups import plan, running, watch
from connectpulse.core.services.evidence import bundle
from connectpulse.core.services.work import SYSTEM
from connectpulse.core.storage.embedded import EmbeddedServer
from connectpulse.core.storage.trust import trust
from connectpulse.testing import factories
from connectpulse.web.security import roles
from tests.unit.core.services.backup_scene import BackedUp, backed_up

from . import browsing, live
from .panel_scene import panel, visitor

pytestmark = pytest.mark.slow


@pytest.fixture
def site(database_server: EmbeddedServer, database_url: str, tmp_path: Path) -> Iterator[BackedUp]:
    with backed_up(database_server, database_url, tmp_path) as made:
        yield made


def drilled(site: BackedUp) -> None:
    backups.drill(site.settings, site.identity, "latest", lambda sentence: None)
    watch.reconcile(site.house.work)


def test_backups_are_read_by_auditors_and_made_by_administrators(site: BackedUp) -> None:
    app = panel(site.house, factories.organisation(site.house))
    administrator, auditor = visitor(app, roles.PLATFORM_ADMINISTRATOR), visitor(app, roles.AUDITOR)
    assert "There is no backup yet" in auditor.get("/backups/list/").text
    assert "Back up now" not in auditor.get("/backups/list/").text
    assert auditor.post("/backups/make", "/profile/").status_code == 403
    assert administrator.post("/backups/make", "/backups/list/").status_code == 302
    assert "Back up now" not in administrator.get("/backups/list/").text
    again = administrator.post("/backups/make", "/profile/", follow_redirects=True)
    assert "being made already" in again.text
    assert "waits for a worker" in auditor.get("/backups/progress?of=1").text
    assert running.run(site.house.work, 1, "test")
    assert "The backup is made." in auditor.get("/backups/progress?of=1").text
    assert "The backup is made." in auditor.get("/backups/list/?ended=1").text
    assert re.search(r"<td[^>]*>\s*(?:<bdi>)?\d+ seconds(?:</bdi>)?\s*</td>", auditor.get("/backups/list/").text), (
        "how old it is"
    )
    assert site.row(1).digest in auditor.get("/backups/show/1").text
    assert auditor.get("/backups/drill/1").status_code == 404
    for nonsense in ("abc", "-1", "9" * 30):
        assert auditor.get(f"/backups/list/?ended={nonsense}").status_code == 200
        assert auditor.get(f"/backups/drill/{nonsense}").status_code == 404
        assert auditor.get(f"/backups/progress?of={nonsense}").status_code == 200
    for role in (roles.ORGANISATION_ADMINISTRATOR, roles.ANALYST):
        stranger = visitor(app, role)
        for page in ("list/", "show/1", "progress", "evidence"):
            assert stranger.get(f"/backups/{page}").status_code == 403


def test_the_evidence_is_taken_and_its_taking_written_down(site: BackedUp) -> None:
    app = panel(site.house, factories.organisation(site.house))
    answer = visitor(app, roles.AUDITOR).get("/backups/evidence")
    assert answer.mimetype == "application/zip"
    said = bundle.verify(answer.data, trust.public_key)
    assert len(said["rows"]) == 38
    assert zipfile.ZipFile(io.BytesIO(answer.data)).testzip() is None
    assert "took the evidence" in visitor(app, roles.AUDITOR).get("/audit/list/?of=platform").text


def test_it_is_said_how_backups_begin(site: BackedUp) -> None:
    plan.use("", 2, (14, 8, 12))
    app = panel(site.house, factories.organisation(site.house))
    text = visitor(app, roles.PLATFORM_ADMINISTRATOR).get("/backups/list/").text
    assert "connectpulse backup keys" in text
    assert "Back up now" not in text


@pytest.mark.peer("chromium")
def test_an_administrator_watches_a_backup_being_made(site: BackedUp) -> None:
    app = panel(site.house, factories.organisation(site.house))
    with live.served(app) as address, browsing.browser() as chromium:
        with browsing.person(chromium, address, browsing.DESKTOP) as person:
            person.sign_in(roles.PLATFORM_ADMINISTRATOR)
            person.open("/backups/list/")
            person.shoot("backups-empty")
            person.press("Back up now")
            person.sees("A backup waits for a worker.")
            person.shoot("backups-waiting")
            maker = threading.Thread(target=running.run, args=(site.house.work, 1, "test"))
            maker.start()
            person.sees("The backup is made.")
            maker.join()
            expect(person.page.locator("table .badge", has_text="made")).to_be_visible()
            expect(person.page.get_by_role("button", name="Back up now")).to_be_visible()
            person.shoot("backups-made")
            person.follow(site.row(1).name)
            person.sees(site.row(1).digest)
            person.shoot("backup")
        drilled(site)
        for size, theme in ((browsing.DESKTOP, "dark"), (browsing.PHONE, "light")):
            with browsing.person(chromium, address, size, theme) as person:
                person.sign_in(roles.AUDITOR)
                person.open("/backups/list/")
                expect(person.page.get_by_text("restored", exact=True)).to_be_visible()
                person.shoot(f"backups-{theme}")
                person.page.locator("section.card").nth(1).get_by_role("link").first.click()
                person.sees("as dumped")
                person.shoot(f"drill-{theme}")
                with person.page.expect_download() as download:
                    person.open("/backups/list/")
                    person.follow("Evidence of the policy")
                assert download.value.suggested_filename == "evidence.zip"
    with site.house.work(SYSTEM) as work:
        assert watch.lateness(work) is None
