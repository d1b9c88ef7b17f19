"""A site whose machine is gone, turned back to a moment: whole, safe to work with, and nobody erased is back."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pytest

from connectpulse import house as houses
from connectpulse.commands import rewinding as commands
from connectpulse.core.domain.settings import fresh_secrets, from_mapping
from connectpulse.core.errors import Misconfigured, NotFound, Refused
from connectpulse.core.services import overview
from connectpulse.core.services.backups import line, pipes, plan, wal
from connectpulse.core.storage import guard
from connectpulse.house import House, embedded_server
from connectpulse.testing import factories
from connectpulse.testing.memory import folder_in_memory
from tests.unit.core.services.backup_scene import POSTCARD, checkpoint, one
from tests.unit.core.services.rights_scene import ZARA, Office


@dataclass(slots=True)
class Standing:
    """A site with an embedded database whose log is put away."""

    house: House
    identity: str

    @property
    def folder(self) -> Path:
        return embedded_server(self.house.settings).folder

    def put_away(self) -> datetime:
        """Finish the segment that is written to and put it away; return a moment after everything so far."""
        moment: datetime = one(self.house, "SELECT clock_timestamp()")[0]
        name = one(self.house, "SELECT pg_walfile_name(pg_switch_wal() - 1)")[0]
        archived = "SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver"
        for _ in range(400):
            if one(self.house, archived)[0] >= name:
                break
            one(self.house, "SELECT pg_sleep(0.05)")
        wal.ship(self.house.work)
        return moment


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Standing]:
    with folder_in_memory() as memory:
        yield from standing(memory or tmp_path)


def standing(folder: Path) -> Iterator[Standing]:
    identity, recipient = pipes.fresh_keys()
    facts = {
        "BACKUP_RECIPIENT": recipient, "BACKUP_URL": str(folder / "backups"), "VAR_DIR": str(folder / "var"),
        "ARCHIVE_URL": str(folder / "archive"), "LEDGER_URL": str(folder / "ledger"), "BACKUP_WAL_DAYS": "2",
    }  # fmt: skip
    house = houses.build(from_mapping(fresh_secrets() | facts), entry_points=[POSTCARD], pool_size=3)
    try:
        house.upgrade()
        yield Standing(house, identity)
    finally:
        house.close()
        embedded_server(house.settings).stop("immediate")
        plan.use("", 2, (14, 8, 12))


def healthy(house: House) -> dict[str, bool]:
    with house.work(factories.ADMINISTRATOR) as work, guard.platform_scope(work.session, "test"):
        return {each.name: each.is_healthy for each in overview.health(work)}


def test_a_lost_machine_is_turned_back_and_who_was_erased_since_is_not_back(site: Standing) -> None:
    desk = Office(site.house, factories.organisation(site.house))
    wal.ship(site.house.work)
    assert wal.make_base(site.house.work) == 1
    assert wal.make_base(site.house.work) == 0, "one a day"
    desk.contact("Zara Khan", ("email", ZARA), ("phone", "+923001234567"))
    desk.contact("Omar Else", ("email", "omar@example.org"))
    checkpoint(site.house)
    moment = site.put_away()
    desk.contact("Too Late", ("email", "late@example.org"))
    desk.answer("deletion")
    checkpoint(site.house)
    site.put_away()
    assert healthy(site.house)["backup_wal"]
    settings = site.house.settings
    with pytest.raises(Refused, match="nothing is overwritten"):
        commands.finish(site.house, lambda sentence: None)
    site.house.close()
    embedded_server(settings).stop("immediate")
    for path in (site.folder / "cluster", site.folder / "spool"):
        shutil.rmtree(path)
    with pytest.raises(Refused, match="Move that folder away"):
        commands.bring_back(settings, site.identity, moment, lambda sentence: None)
    shutil.rmtree(site.folder)

    with pytest.raises(Refused, match="This key does not open"):
        commands.bring_back(settings, pipes.fresh_keys()[0], moment, lambda sentence: None)
    assert not list(settings.var_dir.iterdir()), "nothing is left of one that failed"
    assert commands.bring_back(settings, site.identity, moment, lambda sentence: None) == []
    assert commands.bring_back(settings, site.identity, moment, lambda sentence: None) == [], "it is there already"
    back = houses.build(settings, entry_points=[POSTCARD], pool_size=3)
    try:
        with pytest.raises(Misconfigured, match="not finished"):
            back.require_database()
        aftermath = commands.finish(back, lambda sentence: None)
        assert back.check_database() == []
        assert aftermath.erased == 1
        assert not any("does not hold" in each for each in aftermath.warnings), aftermath.warnings
        assert one(back, "SELECT array_agg(name) FROM pulse_contact") == (["Omar Else"],)
        assert one(back, "SELECT object_name FROM pulse_audit WHERE verb = 'backup.restored'")[0].startswith("base-")
        wal.ship(back.work)
        assert line.current(site.folder) is not None
        assert wal.make_base(back.work) == 1, "a line of its own has a base of its own"
    finally:
        back.close()


def test_a_log_that_is_not_put_away_raises_the_alarm(site: Standing, monkeypatch: pytest.MonkeyPatch) -> None:
    assert healthy(site.house)["backup_wal"]
    one(site.house, "SELECT pg_switch_wal()")
    for _ in range(200):
        if line.waiting(site.folder):
            break
        one(site.house, "SELECT pg_sleep(0.05)")
    monkeypatch.setattr(wal, "ALLOWED", -plan.LATE)
    with site.house.work(factories.ADMINISTRATOR) as work:
        assert "segments wait for BACKUP_URL" in str(wal.lateness(work))
        assert wal.watch(work) == 1
        assert wal.watch(work) == 0, "told once"
    monkeypatch.undo()
    wal.ship(site.house.work)
    with site.house.work(factories.ADMINISTRATOR) as work:
        wal.watch(work)
    assert one(
        site.house, "SELECT count(*) FROM pulse_notice WHERE kind = 'backup.wal_behind' AND ended_at IS NULL"
    ) == (0,)


def test_moments_are_read_as_people_write_them() -> None:
    assert commands.moment_of("latest") is None
    noon = commands.moment_of("2026-11-25T12:00:00Z")
    assert noon == commands.moment_of("2026-11-25 12:00") == commands.moment_of("2026-11-25T17:00:00+05:00")
    with pytest.raises(Refused, match="is no moment"):
        commands.moment_of("yesterday")


def test_only_the_embedded_database_is_turned_back(tmp_path: Path) -> None:
    raw = fresh_secrets() | {"DATABASE_URL": "postgresql://127.0.0.1/x", "VAR_DIR": str(tmp_path)}
    with pytest.raises(Misconfigured, match="server of your own"):
        commands.bring_back(from_mapping(raw), "", None, lambda sentence: None)
    for more in ({"BACKUP_RECIPIENT": "age1x"}, {"DATABASE_URL": ""}):
        with pytest.raises(Misconfigured, match="BACKUP_WAL_DAYS needs"):
            from_mapping(raw | more | {"BACKUP_WAL_DAYS": "1"})
    empty = replace(from_mapping(raw), database_url="")
    with pytest.raises(NotFound, match="no base"):
        commands.bring_back(empty, pipes.fresh_keys()[0], None, lambda sentence: None)
