"""A site that makes backups: its keys, its stores, and databases to bring them back into."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from connectpulse import house as houses
from connectpulse.commands import backups
from connectpulse.core.domain.settings import Settings, fresh_secrets, from_mapping
from connectpulse.core.services.backups import pipes, plan, running
from connectpulse.core.services.backups.manifest import Manifest, read
from connectpulse.core.services.backups.restoring import Aftermath
from connectpulse.core.storage.embedded import EmbeddedServer
from connectpulse.core.storage.models import Backup
from connectpulse.core.storage.stores import Store, places
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.testing.plugin import fresh_database
from tests.conftest import entry_point

POSTCARD = entry_point("postcard", "tests.plugins.postcard:PostcardPlugin")


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
