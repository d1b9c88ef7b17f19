"""Turning the embedded database back to a moment: a base, its log rolled forward until then, in a folder of its own."""

import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from pyrage import x25519
from sqlalchemy import URL
from sqlalchemy.engine import make_url

from ...errors import Misconfigured, NotFound, Refused
from ...storage import spooling
from ...storage.embedded import EmbeddedServer
from ...storage.stores import Store
from . import bases, pipes, plan, segments
from .bases import Base
from .taking import connected

_EXTRACT = (
    "import sys, tarfile; tarfile.open(fileobj=sys.stdin.buffer, mode='r|').extractall(sys.argv[1], filter='data')"
)
_PAUSE = 0.2
_PATIENCE = 24 * 3600
"""Seconds that rolling a log forward may take."""


@dataclass(frozen=True, slots=True)
class Rewound:
    """The moment a database was turned back to, and the base it was rolled forward from."""

    name: str
    taken_at: str

    @property
    def moment(self) -> datetime:
        return datetime.fromisoformat(self.taken_at)


@dataclass(frozen=True, slots=True)
class Way:
    """A base and the segments that follow it without a gap. `beyond` are those after a gap, which are of no use."""

    base: Base
    names: list[str]
    beyond: int


def find(store: Store, moment: datetime | None) -> Way:
    """Return the way to `moment`, None for the latest there is; raise NotFound where none leads there."""
    there = store.entries(segments.FOLDER)
    for base in bases.every(store, there):
        if moment is not None and base.moment > moment:
            continue
        folder = f"{segments.FOLDER}/{base.line}/"
        known = {
            name
            for each in there
            if each.name.startswith(folder + base.first[:8])  # its timeline
            and segments.is_segment(name := each.name.removeprefix(folder).removesuffix(segments.FILE))
        }
        names = segments.unbroken(base.first, known)
        if base.last in names:
            return Way(base, names, sum(name > names[-1] for name in known))
    until = f" for {moment:%d %B %Y %H:%M:%S} UTC" if moment else ""
    raise NotFound(f"There is no base{until} whose log is whole in {store.url}. `connectpulse restore` needs none.")


def fetch(store: Store, way: Way, identity: x25519.Identity, cluster: Path) -> None:
    """Bring the base's files and its segments into the new folder `cluster`; each is verified."""
    base = way.base
    cluster.mkdir(mode=0o700, parents=True)

    def write(out: Any) -> None:
        with store.reading(base.file) as source:
            plain = pipes.unpack(source, base.file, identity, out)
        if (plain.size, plain.digest) != (base.tar_size, base.tar_digest):
            raise Refused(f"What is in {base.file} is not what was put there.")

    pipes.feed([sys.executable, "-I", "-c", _EXTRACT, str(cluster)], {}, write)
    log = cluster / "pg_wal"
    log.mkdir(exist_ok=True)
    for name in way.names:
        content = store.get(segments.stored(base.line, name))
        (log / name).write_bytes(segments.unseal(base.line, name, content, identity))


def recover(folder: Path, base: Base, moment: datetime | None) -> Rewound:
    """Roll the cluster that was fetched into `folder` forward until `moment`, and mark it; return what it is now.

    It is stopped again. Raises Refused where its log ends before.
    """
    tuning = {
        "restore_command": "exit 1",  # everything that was put away lies in pg_wal already
        "recovery_target_timeline": "current", "recovery_target_action": "promote", "hot_standby": "off",
    }  # fmt: skip
    if moment is not None:
        tuning["recovery_target_time"] = moment.astimezone(UTC).isoformat(sep=" ")
    server = EmbeddedServer(folder, tuning, patience=_PATIENCE)
    (server.cluster / "recovery.signal").touch()
    server.adopt((server.cluster / spooling.PASSWORD).read_text())
    try:
        url = _promoted(server)
    except Misconfigured as error:
        if "before configured recovery target" in str(error):
            raise Refused(
                "The log that was put away ends before that moment, or nothing was written after it. "
                "Give an earlier one, or `--to latest`."
            ) from None
        raise
    try:
        return _mark(url, base)
    finally:
        server.stop()


def _promoted(server: EmbeddedServer) -> URL:
    """Start a server and return its address once its log is rolled forward; raise Misconfigured if it gives up."""
    url = make_url(server.ensure_running())
    while True:
        try:
            with connected(url):
                return url
        except psycopg.OperationalError:
            if not server.is_running():
                raise Misconfigured(f"The log could not be rolled forward:\n{server.last_words()}") from None
        time.sleep(_PAUSE)


def _mark(url: URL, base: Base) -> Rewound:
    with connected(url) as connection:
        row: Any = connection.execute("SELECT pg_last_xact_replay_timestamp()").fetchone()
        reached = (row[0] or base.moment).astimezone(UTC)
        found = Rewound(f"{base.name} until {reached:%Y-%m-%d %H:%M:%S} UTC", reached.isoformat())
        connection.execute(f"CREATE TABLE {plan.RESTORING} AS SELECT '{found.name}'::text AS name, "
                           f"'{found.taken_at}'::text AS taken_at")  # fmt: skip
    return found


def begun(url: URL) -> Rewound | None:
    """Return what a database was turned back to whose restore is not finished, None for any other."""
    with connected(url) as connection:
        if connection.execute("SELECT to_regclass(%s)", [plan.RESTORING]).fetchone() == (None,):
            return None
        row: Any = connection.execute(f"SELECT to_jsonb({plan.RESTORING}) FROM {plan.RESTORING}").fetchone()
    return Rewound(row[0]["name"], row[0]["taken_at"]) if row and "taken_at" in row[0] else None
