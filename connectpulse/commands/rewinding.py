"""`connectpulse restore --to`: the embedded database as it was at a moment, in place of one that is not there."""

import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from ..core.domain.settings import Settings
from ..core.errors import Misconfigured, Refused
from ..core.services.backups import pipes, rewinding
from ..core.services.backups.restoring import Aftermath
from ..core.storage.embedded import EmbeddedServer
from ..house import House, embedded_server
from . import site
from .backups import make_safe, store_of

Tell = Callable[[str], None]

_SCRATCH = "rewind-"


def moment_of(text: str) -> datetime | None:
    """Return the moment a person typed, in UTC unless it says otherwise; None for the latest there is."""
    if text == "latest":
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"{text} is no moment. Write it like 2026-11-25T14:30:00Z, or `latest`.") from None
    return found.replace(tzinfo=found.tzinfo or UTC)


def bring_back(settings: Settings, identity_text: str, moment: datetime | None, tell: Tell) -> list[str]:
    """Put the database as it was at `moment` where the embedded one belongs; return warnings.

    It is marked: `finish` makes it safe to work with. Where that was done before and not finished, nothing is done.
    """
    if not settings.is_embedded:
        raise Misconfigured("DATABASE_URL names a server of your own: turn it back with its own means.")
    site.keep_quiet(settings)
    server = embedded_server(settings)
    if server.cluster.exists():
        return []
    if server.folder.exists() and any(path.name != "lock" for path in server.folder.iterdir()):
        raise Refused(f"There is something in {server.folder}, and nothing is deleted. Move that folder away.")
    identity = pipes.read_identity(identity_text)
    store = store_of(settings)
    way = rewinding.find(store, moment)
    settings.var_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in settings.var_dir.glob(f"{_SCRATCH}*"):
        _remove(left)
    folder = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=settings.var_dir))
    try:
        tell(f"Bringing {way.base.name} and {len(way.names)} segments back …")
        rewinding.fetch(store, way, identity, folder / "cluster")
        tell("Rolling the log forward …")
        rewinding.recover(folder, way.base, moment)
        shutil.rmtree(server.folder, ignore_errors=True)
        folder.rename(server.folder)
    except BaseException:
        _remove(folder)
        raise
    if not way.beyond:
        return []
    return [f"The log has a gap: {way.beyond} segments after it are not in what was brought back."]


def finish(house: House, tell: Tell) -> Aftermath:
    """Make a database that was turned back safe to work with. Interrupted anywhere, it is run again."""
    found = rewinding.begun(house.engine.url)
    if found is None:
        raise Refused(
            f"There is a database in {house.settings.var_dir / 'postgres'}, and nothing is overwritten. "
            "Stop everything and move that folder away."
        )
    tell(f"The database is as it was at {found.moment:%d %B %Y %H:%M:%S} UTC.")
    return make_safe(house, found, tell)


def _remove(folder: Path) -> None:
    EmbeddedServer(folder).stop("immediate")
    shutil.rmtree(folder, ignore_errors=True)
