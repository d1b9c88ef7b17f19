"""Where the demo lives: its folder, its ports, and the settings its programs run with."""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..core.domain.settings import SETTINGS, Settings, from_mapping
from ..core.storage.embedded import free_port, is_free

DEFAULT_PORT = 8080
HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Place:
    """The demo's settings, the environment that says the same to its programs, and what a person should know."""

    settings: Settings
    environment: dict[str, str]
    is_temporary: bool
    remarks: tuple[str, ...]

    @property
    def logs(self) -> Path:
        return self.settings.var_dir / "logs"


def choose(*, once: bool) -> Place:
    """Return the demo's place: VAR_DIR if it is set, else `var` here, or a temporary folder for a single run.

    Of this site's settings the demo takes VAR_DIR, WEB_PORT and those of backups only: it sends no message anywhere
    else, and what it backs up is encrypted for whom the site names.
    """
    given = os.environ.get("VAR_DIR", "")
    is_temporary = once and not given
    folder = tempfile.mkdtemp(prefix="connectpulse-demo-") if is_temporary else given or "var"
    port, remarks = _port(os.environ.get("WEB_PORT", ""), once=once)
    values = {
        "VAR_DIR": str(Path(folder).expanduser().absolute()),
        "WEB_HOST": HOST,
        "WEB_PORT": str(port),
        "PUBLIC_URL": f"http://{HOST}:{port}",
        "EGRESS_ALLOW": HOST,
        **_backups(os.environ),
    }
    settings = from_mapping(values)
    names = {field.name for field in SETTINGS}
    environment = {name: value for name, value in os.environ.items() if name not in names} | values
    place = Place(settings, environment, is_temporary, remarks)
    place.logs.mkdir(parents=True, exist_ok=True)
    return place


def _backups(given: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of backups; a folder as seen from here, as the demo's programs run elsewhere."""
    found = {name: value for name, value in given.items() if name.startswith("BACKUP_") and value}
    url = found.get("BACKUP_URL", "")
    if url and "://" not in url:
        found["BACKUP_URL"] = str(Path(url).expanduser().absolute())
    return found


def _port(wanted: str, *, once: bool) -> tuple[int, tuple[str, ...]]:
    port = int(wanted) if wanted.isdigit() and 0 < int(wanted) < 65536 else DEFAULT_PORT
    if is_free(port):
        return port, ()
    other = free_port()
    return other, () if once else (f"Port {port} is taken; the demo uses {other} instead.",)
