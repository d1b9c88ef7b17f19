"""Drills: a backup is brought back beside the site, looked at, and what was found is kept."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from connectpulse.commands import backups
from connectpulse.core.domain.faces import Health, RestoreCheck
from connectpulse.core.domain.settings import fresh_secrets
from connectpulse.core.services.backups import drills, manifest, watch
from connectpulse.core.storage import guard
from connectpulse.core.storage.models import Drill
from connectpulse.core.storage.stores import places
from connectpulse.testing import factories
from tests.unit.core.services.backup_scene import BackedUp, checkpoint, connect_with_secret, forgetful, one
from tests.unit.core.services.scene import Scene

pytestmark = pytest.mark.slow


@pytest.fixture
def scene(site: BackedUp) -> Scene:
    return Scene(site.house, factories.organisation(site.house))


def finding(report: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = (each for each in report["findings"] if each["name"] == name)
    return dict(found)


def held(site: BackedUp, identity: str = "") -> dict[str, Any]:
    return backups.drill(site.settings, identity or site.identity, "latest", lambda sentence: None)


def test_a_drill_brings_a_backup_back_and_its_report_is_kept(site: BackedUp, scene: Scene, tmp_path: Path) -> None:
    connect_with_secret(scene)
    scene.launch(scene.campaign(scene.people("amina@example.org", "bilal@example.org")))
    made = site.make()
    report = held(site)
    assert report["is_passed"], report["findings"]
    assert finding(report, "rows")["detail"].endswith("as dumped.")
    assert "1 can be opened" in finding(report, "stored credentials")["detail"]
    assert {"verify", "server", "restore", "count", "checks"} <= set(report["seconds"])
    assert [path.name for path in (tmp_path / "var").iterdir() if path.name.startswith("drill-")] == []
    backups.take_report(site.house)
    backups.take_report(site.house)
    with site.house.work(factories.ADMINISTRATOR) as work:
        [kept] = work.session.query(Drill).all()
    assert (kept.backup, kept.is_passed, kept.report) == (made.name, True, report)
    assert manifest.opened(site.store.get(kept.name), kept.name) == report
    assert one(site.house, "SELECT count(*) FROM pulse_audit WHERE verb = 'backup.drilled'") == (1,)
    assert one(site.house, "SELECT state FROM pulse_campaign") == ("running",), "the site itself goes on"


def test_a_drill_says_whom_it_erased_again(site: BackedUp, scene: Scene) -> None:
    forgetful(site, scene.organisation)
    report = held(site)
    assert report["is_passed"], report["findings"]
    assert finding(report, "erasures")["detail"].startswith("1 replayed, 1 people were in the backup")
    places.ledger.put("erasures/20990101-forged.bin", b"x" * 80)
    forged = finding(held(site), "erasures")
    assert not forged["is_good"]
    assert "20990101-forged" in forged["detail"]


@pytest.mark.parametrize("tampering", [
    "UPDATE pulse_audit SET actor_name = 'Nobody' WHERE id = (SELECT max(id) FROM pulse_audit)",
    "DELETE FROM pulse_audit WHERE id = (SELECT id FROM pulse_audit ORDER BY id OFFSET 1 LIMIT 1)",
])  # fmt: skip
def test_a_tampered_entry_of_the_action_log_is_named(site: BackedUp, scene: Scene, tampering: str) -> None:
    scene.people("amina@example.org")
    checkpoint(site.house)
    with site.house.sessions() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text(tampering))
        session.commit()
    site.make()
    report = held(site)
    assert not report["is_passed"]
    assert [each["name"] for each in report["findings"] if not each["is_good"]] == ["action log"]
    assert "Entry " in finding(report, "action log")["detail"]
    with site.empty_site() as empty:
        aftermath = site.restore(empty)
    assert any("The action log does not hold" in warning for warning in aftermath.warnings)


def test_a_drill_finds_missing_rows_and_missing_keys(site: BackedUp, scene: Scene) -> None:
    connect_with_secret(scene)
    made = site.make()
    manifest.write(site.store, replace(made, counts={**made.counts, "pulse_connection": 2}))
    other = fresh_secrets()["ENCRYPTION_KEYS"]
    report = backups.drill(
        replace(site.settings, encryption_keys=(other,)), site.identity, "latest", lambda sentence: None
    )
    assert not report["is_passed"]
    assert "pulse_connection has 1, not 2" in finding(report, "rows")["detail"]
    assert "ENCRYPTION_KEYS" in finding(report, "stored credentials")["detail"]
    backups.take_report(site.house)
    assert one(site.house, "SELECT count(*) FROM pulse_notice WHERE kind = 'backup.drill_failed'") == (1,)


def test_a_forged_report_is_not_believed(site: BackedUp) -> None:
    site.store.put("drills/20261125T000000Z-pulse-x.json", b'{"payload": {"is_passed": true}, "signature": "00"}')
    watch.reconcile(site.house.work)
    assert one(site.house, "SELECT count(*) FROM pulse_drill") == (0,)


def test_what_plugins_say_must_hold_is_looked_at(site: BackedUp) -> None:
    def sums(work: Any) -> Health:
        return Health("acme_sums", False, "Two accounts do not add up.")

    def broken(work: Any) -> Health:
        raise ZeroDivisionError("nothing to divide by")

    registry = site.house.registry
    registry.restore_checks |= {"acme_sums": RestoreCheck("acme_sums", sums), "acme_x": RestoreCheck("acme_x", broken)}
    with site.house.work(factories.ADMINISTRATOR) as work, guard.platform_scope(work.session, "test"):
        found = {each.name: each for each in drills.plugins(work)}
    assert not found["acme_sums"].is_good
    assert found["acme_sums"].detail == "Two accounts do not add up."
    assert not found["acme_x"].is_good
    assert "ZeroDivisionError" in found["acme_x"].detail


def test_rows_that_should_have_been_left_out_are_found(site: BackedUp) -> None:
    made = site.make()
    with site.house.work(factories.ADMINISTRATOR) as work:
        assert drills.left_out(work, made).is_good
        work.session.execute(text("CREATE TABLE pulse_api_request_x AS SELECT 1 AS id"))
        found = drills.left_out(work, made)
        work.session.rollback()
    assert not found.is_good
    assert "pulse_api_request_x" in found.detail
