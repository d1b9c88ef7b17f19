"""The site a command works on: its settings, its house, and the embedded database's end."""

import getpass
import importlib.util
import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import fasteners
import psycopg
import structlog

from .. import house as houses
from .. import logs
from ..core.domain.settings import Settings, from_mapping
from ..core.errors import Misconfigured, PulseError, Refused
from ..core.services import audit
from ..core.services.action_log import denials
from ..core.services.work import Actor
from ..core.storage.embedded import EmbeddedServer
from ..house import House, embedded_server
from ..tasks import core as tasks
from ..tasks.queue import make_queue

_RUN = secrets.token_hex(8)
"""The name of this run in the action log."""

log = structlog.get_logger(__name__)

_OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'connectpulse' AND pid <> pg_backend_pid()"
_FAREWELL = 2.0
"""Seconds the sessions of processes that just ended may linger."""


def find_settings() -> Settings:
    """Return the settings of `config.py` in this folder, or else of the environment."""
    path = Path.cwd() / "config.py"
    if not path.is_file():
        return from_mapping(os.environ)
    spec = importlib.util.spec_from_file_location("connectpulse_site_config", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except PulseError:
        raise
    except Exception as error:
        raise Misconfigured(f"{path} cannot be read: {type(error).__name__}: {error}") from error
    found = getattr(module, "settings", None)
    if not isinstance(found, Settings):
        raise Misconfigured(f"{path} does not define `settings`.")
    return found


def operator() -> Actor:
    """Return who types the command."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "somebody"
    return Actor("command", f"{name} at the command line", request_id=_RUN)


@contextmanager
def opened(settings: Settings, *, stays: bool = False) -> Iterator[House]:
    """Open the house for a short command.

    An embedded database that was started for it is stopped again, unless it `stays`.
    """
    keep_quiet(settings)
    was_running = stays or not settings.is_embedded or embedded_server(settings).is_running()
    house = houses.build(settings, pool_size=2)
    try:
        yield house
    except Refused:
        _note_refusal(house)
        raise
    finally:
        house.close()
        if not was_running:
            leave(settings)


def _note_refusal(house: House) -> None:
    """Write down that a command was refused, where there is a log to write it in."""
    if not house.check_database():
        command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
        denials.note(house.work, operator(), None, "act.refused", command=command)


def embedded() -> EmbeddedServer:
    """Return the embedded server; raise Misconfigured where the database is a server of the site's own."""
    settings = find_settings()
    keep_quiet(settings)
    if not settings.is_embedded:
        raise Misconfigured("DATABASE_URL names a server of your own: it is not ours to start or stop.")
    return embedded_server(settings)


def keep_quiet(settings: Settings) -> None:
    """Log warnings only: a person who types a command reads its answer."""
    logs.configure(replace(settings, log_level="error" if settings.log_level == "error" else "warning"))


def upgrade(house: House) -> list[str]:
    """Bring database and roles to the version of the code; return what was behind, one sentence each."""
    from ..web.security.manager import synchronise_roles

    behind = house.check_database()
    house.upgrade()
    with house.work(operator()) as work:
        synchronise_roles(work.session, work.registry)
        if behind:
            audit.record(work, "platform.upgraded", was=behind)
    return behind


def connect_queue(house: House) -> None:
    """Let `house` wake the workers, wherever they are."""
    url = house.engine.url.render_as_string(hide_password=False)
    tasks.register(make_queue(house.settings, url), house, "", lambda: True)


def leave(settings: Settings) -> None:
    """Stop the embedded database, unless another process of Connect Pulse works with it."""
    if not settings.is_embedded:
        return
    server = embedded_server(settings)
    with fasteners.InterProcessLock(server.folder / "lock"):
        if server.is_running() and not _is_in_use(server.url):
            server.stop()
            log.info("postgres_stopped", folder=str(server.folder))


def _is_in_use(url: str) -> bool:
    deadline = time.monotonic() + _FAREWELL
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True, application_name="leaving") as connection:
        while True:
            row = connection.execute(_OTHERS).fetchone()
            assert row is not None
            if not row[0] or time.monotonic() > deadline:
                return bool(row[0])
            time.sleep(0.05)
