"""A site that makes backups: its keys, its stores, and databases to bring them back into."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import text

from connectpulse import house as houses
from connectpulse.commands import backups
from connectpulse.core.domain.settings import Settings, fresh_secrets, from_mapping
from connectpulse.core.services.action_log import checkpoints
from connectpulse.core.services.backups import pipes, plan, running
from connectpulse.core.services.backups.manifest import Manifest, read
from connectpulse.core.services.backups.restoring import Aftermath
from connectpulse.core.storage.embedded import EmbeddedServer
from connectpulse.core.storage.models import Backup, Connection, Notice
from connectpulse.core.storage.stores import Store, places
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.testing.plugin import fresh_database
from tests.conftest import entry_point
from tests.unit.core.services.rights_scene import ZARA, Office
from tests.unit.core.services.scene import Scene

POSTCARD = entry_point("postcard", "tests.plugins.postcard:PostcardPlugin")
MARKER = "Canary-7f3a9"
"""The name of a person in a backup, to look for where it must not be."""


@dataclass(slots=True)
class BackedUp:
    """A house with a backup store of its own; `identity` opens what it backs up."""

    house: House
    identity: str
    server: EmbeddedServer

    @property
    def store(self) -> Store:
        return places.backup

    @property
    def settings(self) -> Settings:
        return self.house.settings

    def ask(self) -> int:
        with self.house.work(factories.ADMINISTRATOR) as work:
            return running.ask(work, "panel").id

    def make(self) -> Manifest:
        """Make a backup; return its manifest."""
        asked = self.ask()
        assert running.run(self.house.work, asked, "test")
        return read(self.store, self.row(asked).name)

    def row(self, backup_id: int) -> Backup:
        with self.house.work(factories.ADMINISTRATOR) as work:
            return work.session.get_one(Backup, backup_id)

    @contextmanager
    def empty_site(self) -> Iterator[House]:
        """A house of the same site on an empty database."""
        with fresh_database(self.server) as url:
            made = houses.build(replace(self.settings, database_url=url), entry_points=[POSTCARD], pool_size=3)
            try:
                yield made
            finally:
                made.close()

    def restore(self, house: House, name: str = "latest", identity: str = "") -> Aftermath:
        return backups.restore(house, identity or self.identity, name, lambda sentence: None)


@contextmanager
def backed_up(server: EmbeddedServer, url: str, folder: Path, store: str = "") -> Iterator[BackedUp]:
    """Build a house whose backups go to `store`, a folder below `folder` if it is empty."""
    identity, recipient = pipes.fresh_keys()
    facts = {
        "DATABASE_URL": url, "BACKUP_RECIPIENT": recipient, "BACKUP_URL": store or str(folder / "backups"),
        "VAR_DIR": str(folder / "var"), "ARCHIVE_URL": str(folder / "archive"), "LEDGER_URL": str(folder / "ledger"),
    }  # fmt: skip
    house = houses.build(from_mapping(fresh_secrets() | facts), entry_points=[POSTCARD], pool_size=5)
    yield BackedUp(house, identity, server)
    house.close()
    plan.use("", 2, (14, 8, 12))


def files(store: Store) -> list[str]:
    return [entry.name for entry in store.entries()]


def said(site: BackedUp, verb: str) -> int:
    with site.house.work(factories.ADMINISTRATOR) as work:
        found = work.session.scalar(text("SELECT count(*) FROM pulse_audit WHERE verb = :verb"), {"verb": verb})
        return int(found or 0)


def notices(site: BackedUp, kind: str) -> list[Notice]:
    with site.house.work(factories.ADMINISTRATOR) as work:
        return work.session.query(Notice).filter_by(kind=kind, ended_at=None).all()


def connect_with_secret(scene: Scene) -> None:
    connection_id = scene.connect()
    with scene.work() as work:
        work.session.get_one(Connection, connection_id).secrets = {"token": "s3cret"}


def one(house: House, query: str) -> Any:
    with house.work(factories.ADMINISTRATOR) as work:
        return work.session.execute(text(query)).one()


def forgetful(site: BackedUp, organisation: int) -> Manifest:
    """Make a backup of a site with Zara in it, who is erased afterwards; a checkpoint is written before and after."""
    desk = Office(site.house, organisation)
    desk.contact("Zara Khan", ("email", ZARA), ("phone", "+923001234567"))
    desk.contact("Omar Else", ("email", "omar@example.org"))
    checkpoint(site.house)
    made = site.make()
    desk.answer("deletion")
    checkpoint(site.house)
    return made


def checkpoint(house: House) -> None:
    assert checkpoints.write(house.work)
