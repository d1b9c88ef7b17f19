"""Backing up, restoring, and drills: what the commands do, joined with a house and a scratch server."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pyrage import x25519

from .. import house as houses
from ..core.domain.settings import Settings
from ..core.errors import Refused
from ..core.services.backups import drills, manifest, pipes, restoring, running, watch
from ..core.services.backups.drills import Finding
from ..core.services.backups.manifest import Manifest
from ..core.services.backups.restoring import Aftermath
from ..core.storage import guard
from ..core.storage.embedded import EmbeddedServer
from ..core.storage.models import Backup
from ..core.storage.stores import Store, places
from ..core.storage.trust import trust
from ..house import House
from . import site

Tell = Callable[[str], None]

_SCRATCH = "drill-"
_SCRATCH_TUNING = {"fsync": "off", "synchronous_commit": "off", "shared_buffers": "128MB", "max_wal_size": "2GB"}


def back_up(house: House) -> Backup:
    """Make a backup now, and rotate; return its row. Raises Refused if one is being made, or with why it failed."""
    house.require_database()
    with house.work(site.operator()) as work:
        asked = running.ask(work, "command")
    is_made = running.run(house.work, asked.id, "command")
    with house.work(site.operator()) as work:
        row = work.session.get_one(Backup, asked.id)
    if not is_made:
        raise Refused(f"The backup failed: {row.error or 'another process makes it'}. A worker tries it again.")
    watch.reconcile(house.work)
    return row


def store_of(settings: Settings) -> Store:
    """Return the backup store, and know whose signatures are believed, without opening the database."""
    trust.set(settings.trust_key)
    places.set(archive=settings.archive_url, backup=settings.backup_url, ledger=settings.ledger_url)
    return places.backup


def listed(store: Store) -> Iterator[tuple[str, str, int]]:
    """Yield (name, moment or what is wrong, bytes) of every backup in the store, the newest first."""
    for name in reversed(manifest.names(store)):
        try:
            found = manifest.read(store, name)
        except Refused as refusal:
            yield name, str(refusal), 0
        else:
            yield name, f"{found.moment:%Y-%m-%d %H:%M} UTC", found.size


def restore(house: House, identity_text: str, name: str, tell: Tell) -> Aftermath:
    """Bring a backup back into this site's empty database; return what was done to make it safe.

    Signature, digest and key are looked at before the database is touched. Interrupted anywhere, it is run again.
    """
    identity = pipes.read_identity(identity_text)
    made = _chosen(places.backup, identity, name, tell)
    tell("Bringing the rows back …")
    restoring.load(places.backup, made, identity, house.engine.url)
    return make_safe(house, made, tell)


def make_safe(house: House, point: restoring.Point, tell: Tell) -> Aftermath:
    """Make a database that was brought back to `point` safe to work with; safe to run again."""
    tell("Bringing the database to the version of the code …")
    site.upgrade(house)
    tell("Verifying the action log …")
    broken = restoring.chain(house.work, point)
    tell("Erasing again whom it brought back …")
    aftermath = restoring.settle(house.work, point)
    aftermath.warnings += [f"The action log does not hold. {each}" for each in broken]
    restoring.finish(house.work, site.operator(), point, aftermath)
    return aftermath


def drill(settings: Settings, identity_text: str, name: str, tell: Tell) -> dict[str, Any]:
    """Restore a backup into a scratch server and look at it closely; return the report that was kept.

    Needs the backup store and this site's secrets, not its database: it may be held on another machine. The site
    takes the report from the store within the hour.
    """
    identity = pipes.read_identity(identity_text)
    store, begun, clock = store_of(settings), datetime.now(UTC), _Stopwatch()
    with _scratch(settings) as server:
        made = _chosen(store, identity, name, tell)
        clock.lap("verify")
        tell("Starting a scratch server …")
        url = server.ensure_running()
        clock.lap("server")
        apart = replace(settings, database_url=url, archive_url=str(server.folder / "archive"))
        house = houses.build(apart, pool_size=3)
        try:
            findings = _look(house, store, made, identity, tell, clock)
        finally:
            house.close()
    report = drills.report(made, begun, datetime.now(UTC), findings, clock.laps)
    drills.keep(store, report)
    return report


def _look(
    house: House, store: Store, made: Manifest, identity: x25519.Identity, tell: Tell, clock: "_Stopwatch"
) -> list[Finding]:
    tell("Bringing the rows back …")
    restoring.load(store, made, identity, house.engine.url)
    clock.lap("restore")
    tell("Looking at what came back …")
    with house.work(site.operator()) as work:
        findings = drills.look(work, made, drills.AS_DUMPED)
    clock.lap("count")
    site.upgrade(house)
    clock.lap("upgrade")
    tell("Verifying the action log …")
    findings.append(drills.chain(house.work, made))
    clock.lap("action log")
    tell("Erasing again whom the backup brought back …")
    findings.append(drills.settled(house.work, made))
    clock.lap("settle")
    with house.work(site.operator()) as work, guard.platform_scope(work.session, "look at a restored database"):
        findings += drills.look(work, made, drills.AS_SETTLED)
        findings += drills.plugins(work)
    clock.lap("checks")
    return findings


def take_report(house: House) -> None:
    """Let the site know of drills that were held, unless its database is behind: then a worker does it later."""
    if not house.check_database():
        watch.reconcile(house.work)


def _chosen(store: Store, identity: x25519.Identity, name: str, tell: Tell) -> Manifest:
    chosen = name if name != "latest" else manifest.newest(store)
    tell(f"Verifying {chosen} …")
    made = manifest.verify(store, chosen)
    restoring.check_key(store, made, identity)
    return made


class _Stopwatch:
    """Seconds by part, one after the other."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.laps[name], self._last = now - self._last, now


@contextmanager
def _scratch(settings: Settings) -> Iterator[EmbeddedServer]:
    """Lend a server of its own under VAR_DIR; nothing of it is left, nor of one whose drill was killed."""
    settings.var_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in settings.var_dir.glob(f"{_SCRATCH}*"):
        _remove(left)
    folder = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=settings.var_dir))
    try:
        yield EmbeddedServer(folder, _SCRATCH_TUNING)
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    EmbeddedServer(folder).stop("immediate")
    shutil.rmtree(folder, ignore_errors=True)
